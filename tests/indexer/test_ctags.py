from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from indexer.sources import SOURCES
from programs import needs_ctags

from cidxd.indexer import children, ctags
from cidxd.indexer.ctags import Ctags
from cidxd.indexer.definition import KINDS, Definition
from cidxd.indexer.languages import GRAMMARS, LONG_TAIL, parsed_by


@pytest.fixture
def program() -> Iterator[Ctags]:
    with Ctags() as program:
        yield program
    assert children.are_gone()


@needs_ctags
def test_definitions_have_name_kind_line_and_scope(program: Ctags) -> None:
    source = b"class A:\n    def m(self): pass\n\ndef f(): pass\n"
    assert program.definitions("python", source) == [
        Definition("A", "class", 1, None),
        Definition("m", "method", 2, "A"),
        Definition("f", "function", 4, None),
    ]


@needs_ctags
@pytest.mark.parametrize(
    ("language", "source", "expected"),
    [
        ("go", b"package p\ntype T struct{ A int }\nfunc (t T) M() {}\n", ("M", "method", 3, "T")),
        ("cpp", b"namespace a { class B { int c(); }; }\nint a::B::c() {}\n",
         ("c", "method", 2, "a.B")),
        ("lua", b"function f() end\n", ("f", "function", 1, None)),
        ("perl", b"sub f { }\n", ("f", "function", 1, None)),
        ("make", b"all:\n\ttrue\n", ("all", "function", 1, None)),
    ],
)  # fmt: skip
def test_the_last_definition_of_a_source(
    program: Ctags, language: str, source: bytes, expected: tuple[str, str, int, str | None]
) -> None:
    assert program.definitions(language, source)[-1] == Definition(*expected)


@needs_ctags
@pytest.mark.parametrize("language", sorted(GRAMMARS))
def test_each_language_has_some_in_kinds_that_we_know(program: Ctags, language: str) -> None:
    found = program.definitions(language, SOURCES[language][0].encode())
    assert found
    assert {definition.kind for definition in found} <= KINDS


@needs_ctags
@pytest.mark.parametrize("content", [b"", b"\0" * 5000, b"\xff\n" * 500, b"(" * 50_000, b'"\n{'])
def test_hostile_content_does_no_harm(program: Ctags, content: bytes) -> None:
    for language in sorted(parsed_by("ctags")):
        program.definitions(language, content)
    assert program.definitions("lua", b"function f() end") == [Definition("f", "function", 1, None)]


@needs_ctags
def test_a_ctags_that_died_is_started_anew(program: Ctags) -> None:
    program.definitions("lua", b"function f() end")
    children.kill_all()
    assert program.definitions("lua", b"function f() end") == []
    assert len(program.definitions("lua", b"function f() end")) == 1


def test_a_program_that_is_no_ctags_is_told() -> None:
    assert ctags.fault("no-such-program") == "no-such-program was not found"
    assert ctags.fault("cat") == f"not Universal Ctags with JSON: {shutil.which('cat')}"


def test_a_language_that_it_does_not_have_has_no_definitions(program: Ctags) -> None:
    assert program.definitions("cobol", b"x") == []


def test_every_language_given_to_it_has_a_file_name() -> None:
    assert set(ctags._NAMES) == GRAMMARS | LONG_TAIL

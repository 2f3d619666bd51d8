from __future__ import annotations

import pytest
from indexer.sources import SOURCES

from cidxd.indexer import symbols
from cidxd.indexer.definition import KINDS, NAME_CHARACTERS, SYMBOLS_PER_BLOB, Definition
from cidxd.indexer.languages import GRAMMARS, grammar_of, language_of


def shown(definition: Definition) -> str:
    scope = f"{definition.scope}." if definition.scope else ""
    return f"{definition.line} {definition.kind} {scope}{definition.name}"


def names(grammar: str, content: bytes) -> list[str]:
    return [definition.name for definition in symbols.definitions(grammar, content)]


def test_every_grammar_has_a_source_here() -> None:
    assert set(SOURCES) == GRAMMARS


@pytest.mark.parametrize("grammar", sorted(GRAMMARS))
def test_definitions_have_their_kind_scope_and_line(grammar: str) -> None:
    source, expected = SOURCES[grammar]
    found = symbols.definitions(grammar, source.encode())
    assert [shown(definition) for definition in found] == expected.split("\n")[1:-1]
    assert {definition.kind for definition in found} <= KINDS


@pytest.mark.parametrize("grammar", sorted(GRAMMARS))
def test_broken_source_gives_what_can_be_made_out(grammar: str) -> None:
    source = SOURCES[grammar][0].encode()
    whole = names(grammar, source)
    broken = names(grammar, source + b'\n}} )) [ ( " ')
    assert len(set(whole).intersection(broken)) >= len(whole) // 2


@pytest.mark.parametrize("grammar", sorted(GRAMMARS))
@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 5000, b"\xff\xfe" * 5000, b"(" * 10_000, b"{" * 10_000, b"<<A " * 2000, b"\r\r"],
    ids=["empty", "nul", "no utf-8", "parentheses", "braces", "here documents", "carriage returns"],
)
def test_hostile_content_has_no_definitions_and_does_no_harm(grammar: str, content: bytes) -> None:
    assert symbols.definitions(grammar, content, limit_s=0.5) == []


def test_a_nul_in_the_middle_hides_nothing_around_it() -> None:
    assert names("python", b"def a(): pass\nx\0y\ndef b(): pass\n") == ["a", "b"]


def test_content_with_carriage_returns_counts_line_feeds() -> None:
    assert (
        symbols.definitions("python", b"a = 1\r\nb = 2\rc = 3\r\n\r\ndef d():\r\n  pass")[-1].line
        == 4
    )


def test_a_name_that_is_too_long_or_not_utf8_is_left_out() -> None:
    long = b"a" * (NAME_CHARACTERS + 1)
    content = b"def %b(): pass\ndef \xff(): pass\ndef \xc3\xa9(): pass\n" % long
    assert names("python", content) == ["é"]


def test_what_is_inside_a_name_too_long_for_a_scope_keeps_a_scope_within_bounds() -> None:
    source = b"".join(b" " * i + b"class %b:\n" % (b"A" * 90) for i in range(8))
    scopes = [definition.scope or "" for definition in symbols.definitions("python", source)]
    assert len(scopes) == 8
    assert all(len(scope) <= NAME_CHARACTERS for scope in scopes)


def test_a_huge_table_gives_the_first_of_them() -> None:
    source = b"#define A 1\n" * 80_000
    found = symbols.definitions("c", source, limit_s=60)
    assert len(found) == SYMBOLS_PER_BLOB
    assert found[-1].line == SYMBOLS_PER_BLOB


def test_definitions_beyond_the_first_window_are_found_once() -> None:
    source = b"class Big {\n" + b"  void m() {}\n" * 30_000 + b"}\nclass Last {}\n"
    found = symbols.definitions("java", source[: 1 << 19] + b"}\nclass Last {}\n", limit_s=60)
    assert found[0] == Definition("Big", "class", 1, None)
    assert len(found) == len(set(found)) == SYMBOLS_PER_BLOB


def test_out_of_time_is_out_of_definitions() -> None:
    assert symbols.definitions("python", b"def a(): pass\n" * 1000, limit_s=0.0) == []
    assert names("python", b"def a(): pass") == ["a"]


def test_a_minified_script_in_one_line_has_its_functions() -> None:
    source = b"var a=function(b){return b+1},c={d:function(){return a(1)}};" * 2000
    assert {d.line for d in symbols.definitions("javascript", source, limit_s=60)} == {1}


def test_a_header_with_classes_is_read_as_cpp() -> None:
    found = symbols.definitions(
        "c", b"#pragma once\nclass A {\n public:\n  int size() { return 1; }\n};\n"
    )
    assert [shown(definition) for definition in found] == ["2 class A", "4 method A.size"]


@pytest.mark.parametrize(
    ("path", "language", "grammar"),
    [
        (b"a/b.py", "python", "python"),
        (b"a/B.PY", "python", "python"),
        (b"a.h", "c", "c"),
        (b"a.tsx", "typescript", "tsx"),
        (b"Gemfile", "ruby", "ruby"),
        (b"x/Makefile", "make", "make"),
        (b"a.py/readme", None, None),
        (b"a.txt", "text", None),
        (b"py", None, None),
        (b"\xff.go", "go", "go"),
    ],
)
def test_a_path_tells_the_language(path: bytes, language: str | None, grammar: str | None) -> None:
    assert language_of(path) == language
    assert grammar_of(path) == grammar

# ruff: noqa: RUF001 - letters that look alike are the matter of the test
"""What a search finds is what `git grep` finds in the same commit, line for line."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import pytest

House = Any  # the fixture's class lives in conftest, which cannot be imported

_LIBRARY = Path(os.__file__).parent
FLAGS: dict[str, dict[str, Any]] = {"": {}, "-i": {"case": "insensitive"}, "-w": {"word": True}}
_PARTS = ("json", "email", "asyncio", "encodings", "test/test_json", "lib2to3")

NASTY: dict[str | bytes, bytes] = {
    "plain.txt": b"needle one\nno\nneedle needle\n",
    "crlf.txt": b"needle\r\nother\r\nneedle\r\n",
    "no-final-newline.txt": b"x\nneedle",
    "empty.txt": b"",
    "only-newlines.txt": b"\n\n\n",
    "latin1.txt": b"caf\xe9 needle\nneedle \xff\xfe\n",
    "late-nul.txt": b"needle\n" + b"y" * 8000 + b"\0 needle\nneedle\n",
    "nul-at-7999.bin": b"needle" + b"y" * 7993 + b"\0",
    "nul-at-8000.txt": b"needle" + b"y" * 7994 + b"\0 needle",
    "early-nul.bin": b"needle\0needle\n",
    "minified.js": b"var a=1;" * 20_000 + b"needle" + b";b()" * 20_000,
    "words.py": b"needle_x\nxneedle\nneedle.\n(needle)\n needleneedle needle\nneedl\xc3\xa9\n",
    "cr-only.txt": b"a\rneedle\rb\n",
    "spanning.txt": b"nee\ndle\n",
    "folding.txt": (
        "Kelvin kelvin \u212aelvin\nMASS ma\u017f\u017f mass\nÉcole école\n"
        "Straße STRASSE STRA\u1e9eE\nσίγμα ΣΊΓΜΑ ςίγμα\nİstanbul istanbul \u0131stanbul\n"
        "ångström ÅNGSTRÖM \u212bngström\nµ \u03bc \u039c\nǆ ǅ Ǆ\nﬁ fi\nдом ДОМ\n"
    ).encode(),
}
FOLDED = [
    *("kelvin", "KELVIN", "\u212aelvin", "mass", "MASS", "ma\u017fs", "école", "ÉCOLE", "straße"),
    *("STRASSE", "stra\u1e9ee", "σίγμα", "ΣΊΓΜΑ", "istanbul", "ISTANBUL", "İstanbul", "\u0131st"),
    *("ångström", "\u212bngström", "µ", "\u03bc", "ǆ", "ﬁ", "fi", "дом", "ss", "k", "s", "i"),
]


@pytest.fixture(scope="module")
def patterns() -> list[str]:
    """Return pieces of the library's own lines, of all lengths, always the same."""
    dice = random.Random(20)  # noqa: S311 - a repeatable sample
    lines = (_LIBRARY / "email" / "message.py").read_text("utf-8").splitlines()
    lines += (_LIBRARY / "json" / "decoder.py").read_text("utf-8").splitlines()
    lines = [line for line in lines if len(line.strip()) > 1]
    found = ["\t", "de", "é", "()", "\\d", "zzzzqqqq", "self.", "import", "\ufeff", "-*-"]
    for _ in range(16):
        line = dice.choice(lines)
        start = dice.randrange(len(line))
        found.append(line[start : start + dice.randrange(1, 25)])
    return found


def _take_library(house: House) -> None:
    files: dict[str | bytes, bytes | str | None] = {
        str(path.relative_to(_LIBRARY)): path.read_bytes()
        for part in _PARTS
        for path in sorted((_LIBRARY / part).rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    house.checkout.commit(files)
    house.sync()


def test_literals_of_a_real_code_base_are_found_where_git_finds_them(
    house: House, patterns: list[str]
) -> None:
    _take_library(house)
    for pattern in patterns:
        _is_as_in_git(house, pattern)


def test_odd_files_are_searched_as_git_searches_them(house: House) -> None:
    house.checkout.commit(NASTY)
    house.sync()
    for pattern in (
        "needle",
        "n",
        "ne",
        "NEEDLE",
        "needle needle",
        "le\r",
        "\r",
        "\ufffd",
        " ",
        "é",
    ):
        _is_as_in_git(house, pattern)


def test_letters_beyond_ascii_lose_their_case_as_in_git(house: House) -> None:
    house.checkout.commit(NASTY)
    house.sync()
    for pattern in FOLDED:
        assert house.lines(pattern, case="insensitive") == house.grep(pattern, "-i"), pattern


def _is_as_in_git(house: House, pattern: str) -> None:
    for flag, options in FLAGS.items():
        found = house.lines(pattern, **options)
        assert found == house.grep(pattern, *flag.split()), (flag, pattern)


ATOMS = [
    *(b"a", b"A", b"k", b"K", b"s", b"_", b" ", b"\r", b"1", b".", b"\n", b"\n", b"ab", b"needle"),
    *(b"\xff", b"\xe2\x84", b"\x85", b"\xc3", b"\x0b", b"\x0c", b"\t"),
    *(letter.encode() for letter in "\u212a\u017féÉß\u1e9e\u2028"),
]


@pytest.mark.parametrize("flag", FLAGS)
def test_random_bytes_are_searched_as_git_searches_them(house: House, flag: str) -> None:
    dice = random.Random(flag)  # noqa: S311 - a repeatable sample
    names = [f"f{number:02}.txt" for number in range(80)]
    house.checkout.commit(
        {name: b"".join(dice.choices(ATOMS, k=dice.randrange(1, 200))) for name in names}
    )
    house.sync()
    options = FLAGS[flag]
    for _ in range(60):
        parts = dice.choices(ATOMS, k=dice.randrange(1, 5))
        pattern = b"".join(part for part in parts if part != b"\n") or b"a"
        # git refuses to ignore the case of a pattern that is not UTF-8.
        pattern = pattern.decode("utf-8", "ignore").encode() or b"a" if flag == "-i" else pattern
        found = house.lines(pattern.decode("utf-8", "surrogateescape"), **options)
        assert found == house.grep(pattern, *([flag] if flag else [])), pattern


def test_a_match_says_where_it_is_in_bytes_and_in_characters(house: House) -> None:
    house.checkout.commit({"a.txt": "é needle, ñ needle\r\n".encode() + b"\xff needle\n"})
    house.sync()
    first, second = house.found("needle")
    assert (first["line"], first["column"], first["ranges"]) == (1, 4, [[2, 8], [12, 18]])
    assert first["text"].removesuffix("\r") == "é needle, ñ needle"
    assert "invalid_utf8" not in first
    assert (second["line"], second["column"], second["ranges"]) == (2, 3, [[2, 8]])
    assert second["text"] == "\ufffd needle"
    assert second["invalid_utf8"] is True
    assert {"repository", "branch", "commit", "path"} <= first.keys()
    assert first["commit"] == house.checkout.head()


def test_context_lines_stop_at_the_ends_of_the_file(house: House) -> None:
    house.checkout.commit({"a.txt": "1\n2\nhit\n4\n5\n6\n", "b.txt": "hit"})
    house.sync()
    first, second = house.found("hit", context=2)
    assert (first["context_before"], first["context_after"]) == (["1", "2"], ["4", "5"])
    assert (second["context_before"], second["context_after"]) == ([], [])


def test_the_order_is_source_then_tests_then_vendored_and_stable(house: House) -> None:
    names = ["tests/test_a.py", "vendor/x.py", "src/b.py", "src/a.py", "a/z.py"]
    house.checkout.commit(dict.fromkeys(names, "hit\nhit\n"))
    house.sync()
    found = [(match["path"], match["line"]) for match in house.found("hit")]
    order = ["a/z.py", "src/a.py", "src/b.py", "tests/test_a.py", "vendor/x.py"]
    assert found == [(name, line) for name in order for line in (1, 2)]


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_pages_put_together_are_the_whole(house: House, limit: int) -> None:
    house.checkout.commit({f"d{n % 3}/f{n}.txt": "hit\nno\nhit hit\nhit" for n in range(7)})
    house.sync()
    whole = house.found("hit")
    assert len(whole) == 21
    pages, cursor = [], None
    while True:
        status, body = house.ask("hit", limit=limit, cursor=cursor)
        assert status == 200
        pages += body["matches"]
        cursor = body["next_cursor"]
        if cursor is None:
            break
        assert len(body["matches"]) == limit
    assert pages == whole


def test_more_than_ten_thousand_matches_come_in_several_answers(house: House) -> None:
    house.checkout.commit({"a.txt": "hit\n" * 9_999, "b.txt": "hit\nhit\n"})
    house.sync()
    _, first = house.ask("hit", limit=0)
    assert len(first["matches"]) == 10_000
    _, second = house.ask("hit", limit=0, cursor=first["next_cursor"])
    assert [(match["path"], match["line"]) for match in second["matches"]] == [("b.txt", 2)]
    assert second["next_cursor"] is None


@pytest.mark.parametrize(
    ("globs", "expected"),
    [
        (["*.py"], {"a.py", "src/b.py", "src/deep/c.py"}),
        (["src/*.py"], {"src/b.py"}),
        (["src/**"], {"src/b.py", "src/deep/c.py", "src/n.go"}),
        (["src/**/*.py"], {"src/b.py", "src/deep/c.py"}),
        (["**/c.py"], {"src/deep/c.py"}),
        (["*.go", "a.py"], {"a.py", "src/n.go"}),
        (["nothing*"], set()),
    ],
)
def test_paths_are_chosen_by_globs(house: House, globs: list[str], expected: set[str]) -> None:
    names = ["a.py", "src/b.py", "src/deep/c.py", "src/n.go"]
    house.checkout.commit(dict.fromkeys(names, "hit\n"))
    house.sync()
    assert {path for path, _ in house.lines("hit", path=globs)} == expected


def test_files_are_chosen_by_language(house: House) -> None:
    house.checkout.commit(dict.fromkeys(["a.py", "b.go", "c.rs", "d.txt"], "hit\n"))
    house.sync()
    assert house.lines("hit", lang=["python", "rust"]) == {("a.py", 1), ("c.rs", 1)}

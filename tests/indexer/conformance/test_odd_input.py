"""Odd files, odd names and odd patterns: for each what docs/bad-input.md says comes of it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sandbox import git

import cidxd

House = Any  # the fixture's class lives in conftest, which cannot be imported

LIMIT = 1 << 20  # max_file_bytes
FEW_S = 10.0  # for what hostile input may cost on a busy machine; without care it is minutes
_DOCS = (Path(cidxd.__file__).parent.parent / "docs/bad-input.md").read_text("utf-8")
NEEDLE = b"a needle here\n"
_PADDING = b"y" * 80 + b"\n"
_BOM = b"\xef\xbb\xbf"


class Odd(NamedTuple):
    """A file, the lines of it that hold the needle, and what else is said of it."""

    path: bytes
    content: bytes
    lines: list[int]
    skipped: str | None = None
    text: str = "a needle here"  # of the first line
    around: tuple[list[str], list[str]] = ([], [])  # one line before it, one after it
    flags: tuple[str, ...] = ()
    is_truth_of_git: bool = True


def _filled(size: int, start: bytes = NEEDLE) -> bytes:
    return (start + _PADDING * (size // len(_PADDING) + 1))[:size]


SHOWN = "y" * 80
ODD: dict[str, Odd] = {
    "binary": Odd(b"logo.png", b"\x89PNG\r\n\x1a\n\0\0needle\n", [], "binary"),
    "a NUL in the middle": Odd(b"middle.txt", NEEDLE + b"mid\0dle\n" + NEEDLE, [], "binary"),
    "a NUL at offset 7,999": Odd(b"nul-7999.txt", _filled(7999) + b"\0", [], "binary"),
    "a NUL at offset 8,000": Odd(
        b"nul-8000.txt", _filled(8000) + b"\0 needle\n", [1, 100], around=([], [SHOWN])
    ),
    "UTF-16": Odd(b"wide.txt", "\ufeffa needle here\n".encode("utf-16-le"), [], "binary"),
    "a byte order mark": Odd(b"bom.txt", _BOM + NEEDLE, [1], text="\ufeffa needle here"),
    "as large as the limit": Odd(b"limit.txt", _filled(LIMIT), [1], around=([], [SHOWN])),
    "one byte larger than the limit": Odd(
        b"larger.txt", _filled(LIMIT + 1), [], "too-large", is_truth_of_git=False
    ),
    "huge": Odd(b"huge.txt", NEEDLE * 400_000, [], "too-large", is_truth_of_git=False),
    "minified": Odd(
        b"app.min.js",
        b"f();" * 50_000 + b"needle" + b";g()" * 50_000,
        [1],
        text="f();" * 50 + "needle" + (";g()" * 449)[:1794],
        flags=("truncated",),
    ),
    "CRLF": Odd(b"dos.txt", b"x\r\na needle here\r\ny\r\n", [2], around=(["x"], ["y"])),
    "CR only": Odd(b"mac.txt", b"x\ra needle here\ry", [1], text="x\ra needle here\ry"),
    "no final newline": Odd(b"open-end.txt", b"x\na needle here", [2], around=(["x"], [])),
    "empty": Odd(b"empty.txt", b"", []),
    "line ends only": Odd(b"lines.txt", b"\n" * 1000, []),
    "very many lines": Odd(
        b"many.txt", b"\n" * 900_000 + NEEDLE + b"\n", [900_001], around=([""], [""])
    ),
    "invalid UTF-8": Odd(
        b"latin1.txt",
        b"caf\xe9 needle \xff\xfe\n",
        [1],
        text="caf\ufffd needle \ufffd\ufffd",
        flags=("invalid_utf8",),
    ),
    "a name with blanks": Odd(b" a name .txt", NEEDLE, [1]),
    "a name with quotes": Odd(b'it\'s "quoted".txt', NEEDLE, [1]),
    "a name with a backslash": Odd(b"back\\slash.txt", NEEDLE, [1]),
    "a name with a dollar sign": Odd(b"$HOME `id`.txt", NEEDLE, [1]),
    "a name with a dash at its beginning": Odd(b"--help", NEEDLE, [1]),
    "a name with brackets": Odd(b"pages/[id].txt", NEEDLE, [1]),
    "a name with letters beyond ASCII": Odd("na\u00efve \u65e5.txt".encode(), NEEDLE, [1]),
    "a name with a line feed": Odd(b"line\nfeed.txt", NEEDLE, [1]),
    "a name with a tab": Odd(b"tab\tstop.txt", NEEDLE, [1]),
    "a name with an escape sequence": Odd(b"\x1b[2J.txt", NEEDLE, [1]),
    "a name that is not UTF-8": Odd(b"caf\xe9/\xff.txt", NEEDLE, [1]),
    "a name of 250 bytes": Odd(b"n" * 250, NEEDLE, [1]),
}
SPECIAL = {"symlink": "symlink", "submodule": "submodule"}


@pytest.fixture(scope="module")
def odd(shared_house: House) -> Any:
    """A repository of all that, indexed once."""
    house = shared_house
    (house.checkout.folder / "symlink").symlink_to("dos.txt")
    house.checkout.commit({one.path: one.content for one in ODD.values()})
    commit = house.checkout.head()
    house.checkout.git("update-index", "--add", "--cacheinfo", f"160000,{commit},submodule")
    house.checkout.git("commit", "-q", "-m", "a submodule")
    house.ready = house.sync(max_file_bytes=LIMIT)
    return house


@pytest.mark.parametrize("case", [*ODD, *SPECIAL])
def test_every_case_has_its_row_in_the_docs(case: str) -> None:
    assert f"\n| {case} |" in _DOCS


def _path(found: Any) -> bytes:
    if "path_base64" in found:
        return base64.b64decode(found["path_base64"])
    path: str = found["path"]
    return path.encode()


def _is_at(found: Any, path: bytes) -> bool:
    return _path(found) == path


WAYS: dict[str, dict[str, Any]] = {
    "literal": {"q": "needle"},
    "ignoring case": {"q": "NeedLe", "case": "insensitive"},
    "as a word": {"q": "needle", "word": True},
    "expression": {"q": "[n]ee+dle\\b", "mode": "regex"},
    "expression without a trigram": {"q": "ne+d.e", "mode": "regex"},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", ODD)
def test_the_lines_of_an_odd_file_are_found_in_every_way(odd: House, case: str, way: str) -> None:
    found = [match for match in odd.found(**WAYS[way]) if _is_at(match, ODD[case].path)]
    assert [match["line"] for match in found] == ODD[case].lines


def test_git_finds_the_same_lines_of_odd_files(odd: House) -> None:
    others = [one.path for one in ODD.values() if not one.is_truth_of_git or b"\n" in one.path]
    argv = ["grep", "-I", "-F", "-z", "-n", "-e", "needle", "main", "--"]
    argv += [os.fsdecode(b":(exclude,literal)" + path) for path in others]
    rows = (row.split("\0") for row in git(odd.mirror, *argv).split("\n"))
    expected = {(os.fsencode(row[0].removeprefix("main:")), int(row[1])) for row in rows}
    found = {(_path(match), match["line"]) for match in odd.found("needle")}
    assert {row for row in found if row[0] not in others} == expected


@pytest.mark.parametrize("case", [case for case, one in ODD.items() if one.lines])
def test_a_line_of_an_odd_file_is_shown(odd: House, case: str) -> None:
    one = ODD[case]
    match = next(found for found in odd.found("needle", context=1) if _is_at(found, one.path))
    assert match["text"] == one.text
    assert tuple(key for key in ("truncated", "invalid_utf8") if key in match) == one.flags
    assert (match["context_before"], match["context_after"]) == one.around
    [[start, end], *_] = match["ranges"]
    assert match["text"][start:end] == "needle"


@pytest.mark.parametrize("case", ODD)
def test_an_odd_file_is_listed_and_counted_if_it_matches(odd: House, case: str) -> None:
    one = ODD[case]
    for show in ("files", "count"):
        listed = [found for found in odd.found("needle", show=show) if _is_at(found, one.path)]
        assert len(listed) == bool(one.lines)
        assert [found["count"] for found in listed if show == "count"] == [
            count for count in [len(one.lines)] if count and show == "count"
        ]


@pytest.mark.parametrize("case", ODD)
def test_an_odd_file_is_shown_as_a_whole(odd: House, case: str) -> None:
    one = ODD[case]
    status, body = odd.file(one.path.decode("utf-8", "surrogateescape"))
    assert status == 200
    assert (body["size"], _is_at(body, one.path)) == (len(one.content), True)
    shown = body["text"].encode() if "text" in body else base64.b64decode(body["base64"])
    assert shown == one.content[: 4 << 20]
    assert body.get("truncated", False) == (len(one.content) > 4 << 20)


@pytest.mark.parametrize("case", ODD)
def test_an_odd_name_is_a_glob_for_itself(odd: House, case: str) -> None:
    one = ODD[case]
    glob = one.path.decode("utf-8", "surrogateescape")
    found = odd.found("needle", path=[glob])
    assert [match["line"] for match in found] == one.lines
    assert all(_is_at(match, one.path) for match in found)


def test_what_is_skipped_is_counted_and_listed_by_reason(odd: House) -> None:
    skipped = [one for one in ODD.values() if one.skipped]
    expected = {one.path.decode(): (one.skipped, len(one.content)) for one in skipped}
    expected |= {path: (reason, 0) for path, reason in SPECIAL.items()}
    place = {"index": str(odd.index), "mirror": str(odd.mirror), "branch": None}
    reasons = {str(row[0]) for row in expected.values()}
    for reason in (None, *sorted(reasons)):
        status, body = odd.searcher.ask({"op": "skipped", "reason": reason, "limit": 99, **place})
        assert status == 200
        assert {file["path"]: (file["reason"], file["size"]) for file in body["files"]} == {
            path: row for path, row in expected.items() if reason in {None, row[0]}
        }
    summary = odd.ready["summary"]
    listed = [row[0] for row in expected.values()]
    assert summary["skipped_by_reason"] == {reason: listed.count(reason) for reason in reasons}
    assert summary["files_total"] == len(ODD) + 1  # the symlink; a submodule is no file


def test_a_symlink_and_a_submodule_are_found_by_nothing_but_their_path(odd: House) -> None:
    assert not [found for found in odd.found("dos.txt") if found["path"] == "symlink"]
    assert odd.file("symlink")[1]["text"] == "dos.txt"
    status, body = odd.file("submodule")
    assert (status, body["code"]) == (404, "file-not-found")


class Pattern(NamedTuple):
    """What is asked, and the answer: how many matches, or the problem's detail."""

    asked: dict[str, Any]
    outcome: int | str


MANY = 500_000
_LONG = "needle " * 1428 + "end!"  # 10,000 characters
PATTERNS: dict[str, Pattern] = {
    "an empty pattern": Pattern({"q": ""}, "the pattern is empty"),
    "an empty expression": Pattern({"q": "", "mode": "regex"}, "the pattern is empty"),
    "an empty name": Pattern({"q": "", "mode": "symbol"}, "the pattern is empty"),
    "a pattern with a line break": Pattern({"q": "a\nb"}, "the pattern has a line break in it"),
    "a pattern with a NUL": Pattern({"q": "a\0b"}, "the pattern has a NUL in it"),
    "a pattern of one character": Pattern({"q": "~"}, 2),
    "a pattern of two characters": Pattern({"q": "~!"}, 1),
    "a pattern of two bytes, one character": Pattern({"q": "\u00e9"}, 1),
    "a pattern that is not UTF-8": Pattern({"q": "\udce9\udcff"}, 1),
    "10,000 characters": Pattern({"q": _LONG}, 1),
    "10,000 characters, ignoring case": Pattern({"q": _LONG.upper(), "case": "insensitive"}, 1),
    "10,000 characters, as a word": Pattern({"q": _LONG[:-1], "word": True}, 1),
    "10,000 characters, an expression": Pattern({"q": _LONG, "mode": "regex"}, 1),
    "10,000 characters, an expression that ignores case": Pattern(
        {"q": _LONG.upper(), "mode": "regex", "case": "insensitive"}, 1
    ),
    "10,000 characters, a name": Pattern({"q": "needle" * 1666 + "need", "mode": "symbol"}, 0),
    "10,000 times one letter, as a word": Pattern({"q": "z" * 10_000, "word": True}, 0),
    "10,000 open groups": Pattern(
        {"q": "(" * 10_000, "mode": "regex"}, "missing ): at character 10000 of the pattern"
    ),
    "5,000 nested groups": Pattern(
        {"q": "(" * 5000 + "~!" + ")" * 5000, "mode": "regex"},
        1,
    ),
    "nested repetition": Pattern({"q": "(z*)*(z*)*(z*)*y", "mode": "regex"}, 0),
    "too large an expression": Pattern({"q": r"\pL{1000}", "mode": "regex"}, "pattern too large"),
}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, shared_house: House) -> Any:
    """A house beside the odd one, for patterns."""
    house = type(shared_house)(tmp_path_factory.mktemp("plain"))
    house.checkout.commit(
        {
            "long.txt": f"~!\n~\n{_LONG}\n\u00e9\n",
            "latin1.txt": b"\xe9\xff\n",
            "repeated.txt": "z" * LIMIT,
            "pairs.txt": "hi" * MANY,
        }
    )
    house.sync()
    yield house
    house.searcher.end()


@pytest.mark.parametrize("case", PATTERNS)
def test_every_pattern_has_its_row_in_the_docs(case: str) -> None:
    assert f"\n| {case} |" in _DOCS


@pytest.mark.parametrize("case", PATTERNS)
def test_an_odd_pattern_finds_its_lines_or_is_refused_with_a_reason(
    plain: House, case: str
) -> None:
    started = time.monotonic()
    asked, outcome = PATTERNS[case]
    status, body = plain.ask(**asked)
    if isinstance(outcome, str):
        assert (status, body.get("code")) == (422, "pattern-invalid"), body
        assert outcome in body["detail"]
        assert body["hint"]
    else:
        assert (status, body.get("complete"), body.get("next_cursor")) == (200, True, None), body
        assert len(body["matches"]) == outcome
    assert time.monotonic() - started < FEW_S


@pytest.mark.parametrize("more", [{}, {"mode": "regex"}, {"case": "insensitive"}])
def test_a_line_of_half_a_million_matches_is_one_match_shown_in_part(
    plain: House, more: Any
) -> None:
    started = time.monotonic()
    (match,) = plain.found("hi", path=["pairs.txt"], context=20, **more)
    assert (len(match["text"]), match["truncated"]) == (2000, True)
    assert 1000 <= len(match["ranges"]) <= 1001
    assert match["context_before"] == match["context_after"] == []
    assert len(json.dumps(match)) < 50_000
    assert time.monotonic() - started < FEW_S


class Forge:
    """Makes commits of trees that no work tree could hold, or only slowly."""

    def __init__(self, house: House) -> None:
        self.folder = house.checkout.folder

    def blobs(self, contents: list[bytes]) -> list[str]:
        stream = b"".join(
            b"blob\nmark :%d\ndata %d\n%s\n" % (number, len(content), content)
            for number, content in enumerate(contents, 1)
        )
        git(self.folder, "fast-import", "--quiet", "--export-marks=marks", stdin=stream)
        rows = (line.split() for line in (self.folder / "marks").read_text().splitlines())
        found = {int(mark[1:]): oid for mark, oid in rows}
        return [found[number] for number in range(1, len(contents) + 1)]

    def tree(self, rows: list[tuple[str, str, str]]) -> str:
        """Make a tree of (mode, object, name)."""
        kinds = {"040000": "tree", "160000": "commit"}
        lines = (f"{mode} {kinds.get(mode, 'blob')} {oid}\t{name}\0" for mode, oid, name in rows)
        return git(self.folder, "mktree", "-z", stdin="".join(lines).encode())

    def commit(self, tree: str) -> None:
        commit = git(self.folder, "commit-tree", tree, "-m", "forged")
        git(self.folder, "update-ref", "refs/heads/main", commit)


def test_a_hundred_thousand_files_in_one_folder(house: House) -> None:
    forge = Forge(house)
    *contents, changed = forge.blobs([*(b"common n%d.\n" % n for n in range(3000)), b"changed\n"])
    rows = [("100644", contents[n % 3000], f"f{n:06}") for n in range(100_000)]
    forge.commit(forge.tree([("040000", forge.tree(rows), "d")]))
    assert house.sync()["summary"]["files_total"] == 100_000
    _, walked = house.ask("common", limit=50)
    assert [match["path"] for match in walked["matches"]] == [f"d/f{n:06}" for n in range(50)]
    _, further = house.ask("common", limit=50, cursor=walked["next_cursor"])
    assert [m["path"] for m in further["matches"]] == [f"d/f{n:06}" for n in range(50, 100)]
    few = house.found("n2999.")
    assert [match["path"] for match in few] == [f"d/f{n:06}" for n in range(2999, 100_000, 3000)]
    assert house.found("absent") == []
    assert len(house.found("~", mode="literal")) == 0  # no trigram: all are looked at
    rows[99_999] = ("100644", changed, "f099999")
    forge.commit(forge.tree([("040000", forge.tree(rows), "d")]))
    summary = house.sync()["summary"]
    assert (summary["files_modified"], summary["blobs_new"]) == (1, 1)
    assert house.lines("changed") == {("d/f099999", 1)}


def test_five_thousand_nested_folders(house: House) -> None:
    forge = Forge(house)
    [blob] = forge.blobs([NEEDLE])
    path = "d/" * 5000 + "5000"
    stream = (
        "commit refs/heads/main\ncommitter A <a@example.org> 1 +0000\ndata 0\n"
        f"M 100644 {blob} {path}\n"
    )
    git(house.checkout.folder, "fast-import", "--quiet", "--force", stdin=stream.encode())
    house.sync()
    assert house.lines("needle") == {(path, 1)}
    assert house.lines("needle", path=["d/**/5000"]) == {(path, 1)}
    assert house.lines("needle", path=["**/d/**/d/**/d/**/x"]) == set()
    assert house.file(path)[1]["text"] == NEEDLE.decode()
    assert house.sync()["summary"]["blobs_new"] == 0


def test_more_text_than_an_answer_holds_comes_in_several(house: House) -> None:
    line = "needle " + "w" * 3000 + "\n"
    house.checkout.commit({f"f{n}.txt": line * 300 for n in range(20)})
    house.sync()
    _, page = house.ask("needle", context=20)
    assert 0 < len(page["matches"]) < 6000
    assert len(json.dumps(page)) < 32 << 20
    assert len(house.found("needle", context=20)) == 6000


def test_a_name_that_git_refuses_in_a_work_tree_is_only_a_name_here(house: House) -> None:
    forge = Forge(house)
    [blob] = forge.blobs([NEEDLE])
    names = ["..", ".git", "CON", "con", "a\x7f", "x" * 4000]
    tree = forge.tree([("100644", blob, name) for name in names])
    forge.commit(tree)
    subprocess.run(
        ["git", "clone", "-q", "--mirror", house.checkout.folder, house.mirror], check=True
    )
    house.sync()
    assert house.lines("needle") == {(name, 1) for name in names}
    assert house.file("..")[1]["text"] == NEEDLE.decode()

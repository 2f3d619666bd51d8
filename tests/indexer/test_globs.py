from __future__ import annotations

import time

import pytest

from cidxd.errors import InvalidError
from cidxd.indexer.globs import path_filter


@pytest.mark.parametrize(
    ("glob", "matching", "other"),
    [
        ("*.py", ["a.py", "d/a.py", "d/e/.py"], ["a.pyc", "a.py/b"]),
        ("Makefile", ["Makefile", "d/Makefile"], ["Makefile.in", "Makefile/x"]),
        ("src/*.c", ["src/a.c"], ["src/d/a.c", "x/src/a.c", "src/a.h"]),
        ("/a.c", ["a.c"], ["d/a.c"]),
        ("src/**/*.c", ["src/a.c", "src/d/e/a.c"], ["a.c", "src/a.h", "x/src/a.c"]),
        ("**/t/*.c", ["t/a.c", "x/t/a.c"], ["t/d/a.c", "xt/a.c"]),
        ("docs/", ["docs/a", "docs/d/a"], ["docs", "x/docs/a", "docs2/a"]),
        ("docs/**", ["docs/a", "docs/d/a"], ["docs", "docs2/a"]),
        ("**/x/**/y/**", ["x/y/a", "a/x/b/y/c/d"], ["x/y", "x/b/a", "y/x/a"]),
        ("src/**.c", ["src/a.c", "src/d/e/a.c"], ["src.c", "src/a.h"]),
        ("?.c", ["a.c", "é.c", "d/a.c"], ["ab.c", ".c", "/.c"]),
        ("a?b/*", ["axb/c"], ["a/b/c", "axb/c/d"]),
        ("[id].tsx", ["[id].tsx", "p/[id].tsx"], ["i.tsx"]),
        ("*a*b*", ["ab", "xaybz", "d/xaybz"], ["ba", "a/b"]),
        ("**", ["a", "d/a"], []),
        ("*\n*", ["a\nb"], ["ab"]),
    ],
)
def test_globs_match_what_they_say(glob: str, matching: list[str], other: list[str]) -> None:
    admits = path_filter([glob])
    assert admits is not None
    assert [path for path in matching if not admits(path.encode())] == []
    assert [path for path in other if admits(path.encode())] == []


def test_several_globs_are_alternatives_and_none_is_no_filter() -> None:
    admits = path_filter(["*.c", "docs/"])
    assert admits is not None
    assert admits(b"a.c")
    assert admits(b"docs/x.py")
    assert not admits(b"a.py")
    assert path_filter([]) is None


@pytest.mark.parametrize("glob", ["", "/", "//", "a\0b", "a**b**c**d**e"])
def test_a_glob_that_cannot_match_is_refused(glob: str) -> None:
    with pytest.raises(InvalidError) as caught:
        path_filter(["ok", glob])
    assert (caught.value.code, caught.value.pointer) == ("path-invalid", "/path/1")


@pytest.mark.parametrize("glob", ["*a" * 200 + "b", "**/a/" * 100 + "b", "a/" + "*a" * 100 + "/b"])
def test_no_glob_takes_long(glob: str) -> None:
    admits = path_filter([glob])
    assert admits is not None
    started = time.process_time()
    assert not admits(b"a" * 3000)
    assert not admits(b"a/" * 1500 + b"c")
    assert time.process_time() - started < 1

from __future__ import annotations

import pytest

from cidxd.errors import InvalidError
from cidxd.indexer.languages import LANGUAGES, language_filter
from cidxd.indexer.order import SOURCE, TESTS, VENDORED, path_class


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (b"a.py", SOURCE),
        (b"src/latest.js", SOURCE),
        (b"contest/a.py", SOURCE),
        (b"testing.md", SOURCE),
        (b"tests/a.py", TESTS),
        (b"Lib/test/a.py", TESTS),
        (b"pkg/a_test.go", TESTS),
        (b"src/FooTest.java", TESTS),
        (b"src/a.spec.ts", TESTS),
        (b"conftest.py", TESTS),
        (b"vendor/x/tests/a.go", VENDORED),
        (b"third_party/a.c", VENDORED),
        (b"static/x.min.js", VENDORED),
        (b"api_pb2.py", VENDORED),
        (b"package-lock.json", VENDORED),
        (b"tests\xff/a\xe9.py", SOURCE),
    ],
)
def test_paths_have_a_class(path: bytes, expected: int) -> None:
    assert path_class(path) == expected


def test_languages_are_told_by_names() -> None:
    is_c = language_filter(["C"])
    assert is_c is not None
    assert is_c(b"d/A.H")
    assert not is_c(b"d.c/a.py")
    is_make = language_filter(["makefile"])
    assert is_make is not None
    assert is_make(b"d/Makefile")
    assert not is_make(b"Makefile.txt")
    assert language_filter([]) is None
    assert list(LANGUAGES) == sorted(LANGUAGES)


def test_an_unknown_language_gets_the_nearest_name() -> None:
    with pytest.raises(InvalidError) as caught:
        language_filter(["python", "pyhton"])
    assert caught.value.code == "lang-unknown"
    assert "python" in caught.value.hint
    assert caught.value.pointer == "/lang/1"

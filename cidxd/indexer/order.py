"""
Which files come first in an answer: source, then tests, then what nobody here wrote.

Pure, and known to the build side too, which stores the class beside each path: a new rule
here counts for paths that are indexed from then on, and never changes what is found.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

SOURCE: Final = 0
TESTS: Final = 1
VENDORED: Final = 2

_FOLDERS: Final = 4096  # whose class is remembered: paths come sorted, and share their folders
_VENDORED_FOLDER: Final = re.compile(
    rb"""
    (?: ^ | / ) (?:
        vendor | vendored | _vendor | third[_-]party | thirdparty | 3rdparty | externals?
        | node_modules | bower_components | site-packages | Godeps | Pods | Carthage
        | __generated__ | generated | \.yarn
    ) /
    """,
    re.VERBOSE,
)
_VENDORED_NAME: Final = re.compile(
    rb"""
    \.min\.(?:js|css|mjs) $
    | \. (?: map | lock | snap | pb\.go | pb\.cc | pb\.h | g\.dart | designer\.cs ) $
    | (?: _pb2 | _pb2_grpc ) \.pyi? $
    | [._-] generated \. [^.]+ $
    | ^ (?: package-lock\.json | npm-shrinkwrap\.json | pnpm-lock\.yaml | go\.sum ) $
    """,
    re.VERBOSE,
)
_TESTS_FOLDER: Final = re.compile(
    rb"""
    (?: ^ | / ) (?:
        tests? | testing | testdata | testsuite | __tests__ | __mocks__ | specs? | fixtures
        | e2e | testutils?
    ) /
    """,
    re.VERBOSE,
)
_TESTS_NAME: Final = re.compile(
    rb"""
    ^ (?: test_ .* | conftest ) \. pyi? $
    | _test \. (?: go | py | cc | cpp | c | exs | dart | rb | rs ) $
    | [._-] (?: test | spec ) \. [cm]? [jt] sx? $
    | _spec \. rb $
    | [a-z0-9] Tests? \. (?: java | kt | cs | scala | swift | php | groovy ) $
    """,
    re.VERBOSE | re.DOTALL,
)


def path_class(path: bytes) -> int:
    """Return `SOURCE`, `TESTS` or `VENDORED` (vendored or generated, its tests included)."""
    folder, slash, name = path.rpartition(b"/")
    found = _folder_class(folder + slash)
    if found == VENDORED or _VENDORED_NAME.search(name):
        return VENDORED
    return TESTS if found == TESTS or _TESTS_NAME.search(name) else SOURCE


@lru_cache(_FOLDERS)
def _folder_class(folder: bytes) -> int:
    if _VENDORED_FOLDER.search(folder):
        return VENDORED
    return TESTS if _TESTS_FOLDER.search(folder) else SOURCE

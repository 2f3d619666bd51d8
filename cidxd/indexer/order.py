"""
Which files come first in an answer: source, then tests, then what nobody here wrote.

Pure, and known to the build side too, which stores the class beside each path: a new rule
here counts for paths that are indexed from then on, and never changes what is found.
"""

from __future__ import annotations

import re
from typing import Final

SOURCE: Final = 0
TESTS: Final = 1
VENDORED: Final = 2

_VENDORED: Final = re.compile(
    rb"""
    (?: ^ | / ) (?:
        vendor | vendored | _vendor | third[_-]party | thirdparty | 3rdparty | externals?
        | node_modules | bower_components | site-packages | Godeps | Pods | Carthage
        | __generated__ | generated | \.yarn
    ) /
    | \.min\.(?:js|css|mjs) $
    | \. (?: map | lock | snap | pb\.go | pb\.cc | pb\.h | g\.dart | designer\.cs ) $
    | (?: _pb2 | _pb2_grpc ) \.pyi? $
    | [._-] generated \. [^/.]+ $
    | (?: ^ | / ) (?: package-lock\.json | npm-shrinkwrap\.json | pnpm-lock\.yaml | go\.sum ) $
    """,
    re.VERBOSE,
)
_TESTS: Final = re.compile(
    rb"""
    (?: ^ | / ) (?:
        tests? | testing | testdata | testsuite | __tests__ | __mocks__ | specs? | fixtures
        | e2e | testutils?
    ) /
    | (?: ^ | / ) (?: test_ [^/]* | conftest ) \. pyi? $
    | _test \. (?: go | py | cc | cpp | c | exs | dart | rb | rs ) $
    | [._-] (?: test | spec ) \. [cm]? [jt] sx? $
    | _spec \. rb $
    | [a-z0-9] Tests? \. (?: java | kt | cs | scala | swift | php | groovy ) $
    """,
    re.VERBOSE,
)


def path_class(path: bytes) -> int:
    """Return `SOURCE`, `TESTS` or `VENDORED` (vendored or generated, its tests included)."""
    if _VENDORED.search(path):
        return VENDORED
    return TESTS if _TESTS.search(path) else SOURCE

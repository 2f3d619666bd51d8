r"""
Path globs: `*` and `?` stay within one name, `**` crosses folders.

A glob without a slash is matched against the last name of the path, one with a slash against
the whole path; a trailing slash means everything below that folder.  Brackets and braces
stand for themselves (`pages/[id].tsx` is a path people have).  Paths are bytes.

Matching is linear in the number of stars, whatever the glob: within a name the leftmost
place for each piece between two stars is as good as any later one, and so is, between two
`**`, the leftmost place for a run of names.  Atomic groups say that to the regex engine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby, product
from typing import Final

from cidxd.errors import InvalidError

_ANYTHING: Final = b"**"
_FOLDERS: Final = rb"(?:[^/]++/)*?"
_ONE: Final = rb"(?:[^/\x80-\xff]|[\xc0-\xff][\x80-\xbf]*+|[\x80-\xbf])"  # one character
_EMBEDDED: Final = 3  # `**` inside names that one glob may have: each doubles the expression


def path_filter(globs: Sequence[str]) -> Callable[[bytes], bool] | None:
    """
    Return whether a path matches one of *globs*, as a function; None when there are none.

    Raises:
        InvalidError: `path-invalid`: one of them cannot match any path.
    """
    if not globs:
        return None
    expressions = [
        _expression(glob.encode("utf-8", "surrogateescape"), f"/path/{at}")
        for at, glob in enumerate(globs)
    ]
    matches = re.compile(b"|".join(expressions), re.DOTALL).fullmatch
    return lambda path: matches(path) is not None


def _expression(glob: bytes, pointer: str) -> bytes:
    if not glob.strip(b"/") or b"\0" in glob:
        raise InvalidError(
            f"no path can match this glob: {glob.decode('utf-8', 'replace')!r}",
            code="path-invalid",
            hint="write something like '*.py', 'src/**/*.c' or 'docs/'",
            pointer=pointer,
        )
    whole = glob.removeprefix(b"/") + (_ANYTHING if glob.endswith(b"/") else b"")
    names = [name for name in re.sub(rb"\*{3,}", _ANYTHING, whole).split(b"/") if name]
    if b"/" not in glob:
        names.insert(0, _ANYTHING)
    if sum(name.count(_ANYTHING) for name in names if name != _ANYTHING) > _EMBEDDED:
        raise InvalidError(
            "too many ** within names of one glob",
            code="path-invalid",
            hint="write ** between slashes, or several globs",
            pointer=pointer,
        )
    return b"|".join(dict.fromkeys(map(_whole, _spelled_out(names))))


def _spelled_out(names: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Yield globs in which `**` is always a whole name: a**b is a*b and a*/**/*b."""
    ways: list[list[list[bytes]]] = []
    for name in names:
        if name == _ANYTHING:
            ways.append([[name]])
            continue
        pieces = name.split(_ANYTHING)
        joints = product(([b"*"], [b"*", _ANYTHING, b"*"]), repeat=len(pieces) - 1)
        ways.append([_joined(pieces, joint) for joint in joints])
    for way in product(*ways):
        yield [name for part in way for name in part]


def _joined(pieces: Sequence[bytes], joints: Sequence[Sequence[bytes]]) -> list[bytes]:
    names = [pieces[0]]
    for joint, piece in zip(joints, pieces[1:], strict=True):
        if len(joint) == 1:
            names[-1] += joint[0] + piece
        else:
            names[-1] += joint[0]
            names += [joint[1], joint[2] + piece]
    return names


def _whole(names: Sequence[bytes]) -> bytes:
    """Return the expression of a path: runs of names, each but the first after a `**`."""
    runs = [(crossing, list(run)) for crossing, run in groupby(names, _ANYTHING.__eq__)]
    expression = b""
    crossed = False
    for at, (crossing, run) in enumerate(runs):
        if crossing:
            crossed = True
            continue
        text = (_FOLDERS if crossed else b"") + b"/".join(map(_name, run))
        crossed = False
        is_last = at == len(runs) - 1
        expression += text if is_last else b"(?>" + text + b"/)"
    return expression + (b".+" if crossed else b"")


def _name(glob: bytes) -> bytes:
    """Return the expression of one name, which ends at a slash or the path's end."""
    first, *rest = re.split(rb"\*+", glob)
    if not rest:
        return _piece(first)
    *middle, last = rest
    found = b"".join(b"(?>[^/]*?" + _piece(piece) + b")" for piece in middle if piece)
    return b"(?>" + _piece(first) + found + b"[^/]*" + _piece(last) + rb"(?=/|\Z))"


def _piece(text: bytes) -> bytes:
    return _ONE.join(map(re.escape, text.split(b"?")))

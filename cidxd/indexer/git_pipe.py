"""
The build child's git processes: they read the mirror and nothing else.

A failure is a fault, never an empty answer.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, NamedTuple, Self

from cidxd.errors import FaultError
from cidxd.git import argv
from cidxd.indexer import change, children

_DISCARD: Final = 1 << 20
_PIPE_BYTES: Final = 1 << 20
_SAMPLE_EVERY: Final = 256  # objects
# Words of git that say the objects are at fault and not the call.
_DAMAGE: Final = (
    b"bad object", b"corrupt", b"inflate", b"missing", b"not a tree", b"unable to read",
    b"unable to find", b"not a git repository", b"packfile", b"does not exist",
    b"not a valid object",
)  # fmt: skip


class Object(NamedTuple):
    """One object as asked for; None as content: missing, or larger than was wanted."""

    name: str
    kind: str
    size: int
    content: bytes | None


def listing(mirror: Path, tree: str) -> change.Tree:
    """Return every path below *tree*; `git-failed` or `mirror-damaged` otherwise."""
    return change.parse_listing(_output(argv.ls_tree(mirror, tree)))


def difference(mirror: Path, old: str, new: str) -> list[change.Change]:
    """Return what changed from tree *old* to tree *new*; a fault as of `listing`."""
    return change.parse_difference(_output(argv.diff_tree(mirror, old, new)))


def objects(
    mirror: Path,
    names: Sequence[str],
    *,
    limit_bytes: int | None = None,
    on_skip: Callable[[], None] = lambda: None,
) -> Iterator[Object]:
    """
    Yield the objects in the order asked, while a thread goes on asking git for more.

    Args:
        mirror: The bare repository.
        names: Hex ids, or what `rev-parse` takes, without newlines.
        limit_bytes: Content of larger objects is read and thrown away.
        on_skip: Told of each part of what is thrown away.

    Raises:
        FaultError: `git-failed` or `mirror-damaged`.
    """
    if not names:
        return
    with _Child(argv.cat_file(mirror), stdin=True) as child:
        _widen(child.stdout)
        feeder = threading.Thread(target=_feed, args=(child.stdin, names), daemon=True)
        feeder.start()
        for number, name in enumerate(names):
            found = _read_object(child.stdout, name, limit_bytes, on_skip)
            if found is None:
                child.check()
                raise FaultError("git-failed", f"cat-file ended before object {number}: {name}")
            if number % _SAMPLE_EVERY == 0 or number == len(names) - 1:
                children.sample(child.process)
            yield found
        feeder.join()
        child.check()


def packed_objects(mirror: Path) -> int:
    """Return how many objects the packs of a mirror hold, by their indexes (gitformat-pack(5))."""
    return sum(map(_indexed_objects, (mirror / "objects" / "pack").glob("*.idx")))


class CommitCount:
    """Counts in the background how many commits are new; ask for the number late."""

    def __init__(self, mirror: Path, new: Sequence[str], old: Sequence[str]) -> None:
        self._child = _Child(argv.rev_list_count(mirror, list(new), list(old)))

    def number(self) -> int:
        """Wait for the number; a fault as of `listing`."""
        with self._child as child:
            output = child.stdout.read()
            child.check()
        return int(output)


def _indexed_objects(path: Path) -> int:
    with suppress(OSError), path.open("rb") as file:
        start = 8 if file.read(4) == b"\xfftOc" else 0
        file.seek(start + 255 * 4)  # the last of 256 running totals
        return int.from_bytes(file.read(4), "big")
    return 0


def _output(args: list[str]) -> bytes:
    with _Child(args) as child:
        output = child.stdout.read()
        child.check()
    return output


class _Child:
    """One git process with its stderr in memory, so that no pipe can fill up and block it."""

    def __init__(self, args: list[str], *, stdin: bool = False) -> None:
        self._args = args
        self._errors = os.fdopen(os.memfd_create("git-errors"), "w+b")
        try:
            self.process = children.start(args, stdin=stdin, stderr=self._errors)
        except OSError as err:
            self._errors.close()
            code = "git-missing" if isinstance(err, FileNotFoundError) else "git-failed"
            raise FaultError(code, str(err)) from err

    @property
    def stdin(self) -> IO[bytes]:
        return _there(self.process.stdin)

    @property
    def stdout(self) -> IO[bytes]:
        return _there(self.process.stdout)

    def check(self) -> None:
        """Wait for the end and raise if it was a bad one."""
        children.sample(self.process)
        if self.process.wait() == 0:
            return
        self._errors.seek(0)
        words, code = self._errors.read(4000).strip(), self.process.returncode
        verb = self._args[self._args.index("gc.auto=0") + 1]
        detail = f"git {verb}: {words.decode('utf-8', 'replace') or f'exit {code}'}"
        raise FaultError(_code_of(words, code), detail)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        children.end(self.process)
        self._errors.close()


def _code_of(words: bytes, code: int) -> str:
    from cidxd.git import fault  # noqa: PLC0415 - its import takes long, and is for a failure only

    is_damage = any(word in words.lower() for word in _DAMAGE)
    machine = fault.of_machine(words.decode("utf-8", "replace"), code)
    return machine or ("mirror-damaged" if is_damage else "git-failed")


def _there(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise ValueError("the child has no such pipe")
    return pipe


def _widen(pipe: IO[bytes]) -> None:
    # Fewer changes between git and us; the system may refuse, and then it goes on as it was.
    with suppress(OSError):
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _feed(pipe: IO[bytes], names: Iterable[str]) -> None:
    # A broken pipe (or one that was closed under us) means that the child has ended;
    # whoever reads its output finds that out and says so.
    with suppress(OSError, ValueError):
        pipe.writelines(name.encode() + b"\n" for name in names)
        pipe.close()


def _read_object(
    pipe: IO[bytes], name: str, limit_bytes: int | None, on_skip: Callable[[], None]
) -> Object | None:
    head = pipe.readline()
    if not head.endswith(b"\n"):
        return None
    if head.endswith(b" missing\n"):
        return Object(name, "missing", 0, None)
    _, kind, size_text = head.split(b" ")
    size = int(size_text)
    if limit_bytes is not None and size > limit_bytes:
        return Object(name, kind.decode(), size, None) if _skip(pipe, size + 1, on_skip) else None
    content = pipe.read(size)
    # The newline after it is read on its own: to cut it off would copy the content.
    return Object(name, kind.decode(), size, content) if pipe.read(1) else None


def _skip(pipe: IO[bytes], size: int, on_skip: Callable[[], None]) -> bool:
    while size:
        part = pipe.read(min(size, _DISCARD))
        if not part:
            return False
        size -= len(part)
        on_skip()
    return True

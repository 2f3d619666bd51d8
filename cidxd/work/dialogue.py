"""
The exchange with a child that speaks the line protocol: its first word, its next, its last.

What a message means is its caller's business; a fault that the child names is raised here.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Mapping
from typing import Any, Final

from cidxd.errors import FAULTS, FaultError
from cidxd.indexer import protocol
from cidxd.work.child import Child, Exit

LEAVE_S: Final = 5.0  # for a child that said its last word to end by itself
_DETAIL_CHARS: Final = 500
_SAID_CHARS: Final = 8000  # of what a child says of its own fault


async def begin(child: Child, request: Mapping[str, Any]) -> None:
    """
    Send *request* and wait until the child has said hello.

    Raises:
        FaultError: As `message`.
    """
    child.send(protocol.encode(dict(request)))
    hello = await message(child)
    if hello["type"] != "hello" or hello.get("version") != protocol.VERSION:
        raise FaultError("child-protocol", f"it began with: {_short(hello)}")


async def message(child: Child) -> dict[str, Any]:
    """
    Return the child's next message.

    Raises:
        FaultError: What the child says in it, `child-crashed`, `out-of-memory`, `child-protocol`,
            `stalled`, `limit-exceeded`.
    """
    line = await child.line()
    if line is None:
        ended = await child.exited()
        raise _crash(ended)
    try:
        said = protocol.decode(line)
        kind = said["type"]
    except (ValueError, KeyError) as err:
        raise FaultError("child-protocol", str(err)[:_DETAIL_CHARS]) from err
    if kind == "failed":
        raise _named(str(said.get("code", "")), str(said.get("detail", "")))
    return said


async def leave(child: Child) -> None:
    """Give a child that said its last word a moment to end; its word decides, not its exit."""
    with contextlib.suppress(TimeoutError, FaultError):
        async with asyncio.timeout(LEAVE_S):
            await child.exited()


def unexpected(said: Mapping[str, Any]) -> FaultError:
    """Return the fault that a message is which may not come now."""
    return FaultError("child-protocol", f"not expected now: {_short(said)}")


def _named(code: str, detail: str) -> FaultError:
    """Return the fault that a child names; half a surrogate pair in it could not be stored."""
    known = code if code in FAULTS else "index-failed"
    words = detail if known == code else f"{code}: {detail}"
    return FaultError(known, words[:_SAID_CHARS].encode(errors="replace").decode())


def _crash(ended: Exit) -> FaultError:
    tail = ended.stderr_tail[-_DETAIL_CHARS:]
    if ended.code == -signal.SIGKILL:  # and not by us, who would not ask for its next message
        how = "killed by signal 9, as the kernel does when memory runs out"
        return FaultError("out-of-memory", f"{how}: {tail}" if tail else how)
    how = f"ended by signal {-ended.code}" if ended.code < 0 else f"exit {ended.code}"
    return FaultError("child-crashed", f"{how}: {tail}" if tail else how)


def _short(message: Mapping[str, Any]) -> str:
    return ascii(dict(message))[:_DETAIL_CHARS]

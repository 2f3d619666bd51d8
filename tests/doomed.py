"""
The daemon, killed as by -9 on its NTH way past a chosen point: `doomed.py POINT NTH serve …`.

It is the product as it is, with a tripwire at every boundary between phases, and where a
promise changes hands: between a decision, its commit and whoever is told of it, and between
the daemon's words and its children's.
"""

from __future__ import annotations

import functools
import inspect
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NoReturn

sys.path.insert(0, str(Path(__file__).parent.parent))

from cidxd import __main__, app
from cidxd.indexer import protocol
from cidxd.model.job import Event, Kind
from cidxd.model.report import ORDER
from cidxd.store.writer import Writer
from cidxd.work import build, orphans, rescue
from cidxd.work.build import Course
from cidxd.work.child import Child

# On the way of a job, in its order.
LIVE: Final = (
    "uncommitted enqueued",
    "committed enqueued",
    "uncommitted claimed",
    "committed claimed",
    "child not noted",
    *(
        f"committed {kind} {phase}"
        for phase in ORDER
        for kind in ("phase_started", "phase_completed")
    ),
    "child said ready",
    "uncommitted publish_started",
    "committed publish_started",
    "child told publish",
    "child said phase_done publish",  # it has moved CURRENT
    "child said done",
    "uncommitted completed",
    "committed completed",
    "committed cancel_requested",
    "uncommitted cancelled",
    "committed cancelled",
)
# Before READY of the start after a kill.
RESCUE: Final = (
    "rescue begins",
    "rescue ended orphans",
    "rescue has a verdict",
    "committed interrupted",
    "rescue is over",
)


class Tripwire:
    """Ends this process on its *nth* pass of *point*."""

    def __init__(self, point: str, nth: int) -> None:
        self._point = point
        self._left = nth

    def passed(self, point: str) -> None:
        if point == self._point:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def events(self, prefix: str, events: list[Event]) -> None:
        for event in events:
            self.passed(f"{prefix} {event.kind}")
            if event.kind in {Kind.PHASE_STARTED, Kind.PHASE_COMPLETED}:
                record = event.data["phase_record"]
                self.passed(f"{prefix} {event.kind} {record['name']}")


def before(owner: Any, name: str, do: Callable[..., None]) -> None:
    """Have *do* called with the arguments of each call of *owner*'s function, ahead of it."""
    whole = getattr(owner, name)

    @functools.wraps(whole)
    def called(*args: Any, **kwargs: Any) -> Any:
        do(*args, **kwargs)
        return whole(*args, **kwargs)

    setattr(owner, name, called)


def after(owner: Any, name: str, do: Callable[..., None]) -> None:
    """Have *do* called with the arguments of each call of *owner*'s function, behind it."""
    whole = getattr(owner, name)

    @functools.wraps(whole)
    def called(*args: Any, **kwargs: Any) -> Any:
        answer = whole(*args, **kwargs)
        do(*args, **kwargs)
        return answer

    @functools.wraps(whole)
    async def awaited(*args: Any, **kwargs: Any) -> Any:
        answer = await whole(*args, **kwargs)
        do(*args, **kwargs)
        return answer

    setattr(owner, name, awaited if inspect.iscoroutinefunction(whole) else called)


def stretch(wire: Tripwire) -> None:
    """Put *wire* across every point."""
    passed = wire.passed

    def told(_child: Child, data: bytes) -> None:
        if data == protocol.encode({"type": "publish"}):
            passed("child told publish")

    def said(_course: Course, message: Mapping[str, Any]) -> None:
        passed(f"child said {message['type']} {message.get('name')}")

    before(app._News, "__call__", lambda _news, _state, events: wire.events("committed", events))
    before(Writer, "_write", lambda _writer, draft: wire.events("uncommitted", draft.events))
    after(Child, "send", told)
    before(Course, "take", said)
    after(build, "_until", lambda _child, wanted, *_: passed(f"child said {wanted}"))
    before(orphans, "note", lambda *_: passed("child not noted"))
    before(rescue, "rescue", lambda *_, **__: passed("rescue begins"))
    after(orphans, "end", lambda *_: passed("rescue ended orphans"))
    before(rescue, "_record", lambda *_: passed("rescue has a verdict"))
    after(rescue, "rescue", lambda *_, **__: passed("rescue is over"))


def main() -> NoReturn:
    point, nth, *rest = sys.argv[1:]
    stretch(Tripwire(point, int(nth)))
    sys.argv[1:] = rest
    sys.exit(__main__.main())


if __name__ == "__main__":
    main()

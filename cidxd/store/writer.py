"""
Group commit: many callers' decisions, one transaction, answers after COMMIT.

A caller hands in a decision: a function that reads and changes a draft of the
state and returns its answer.  The writer runs each against the newest state
(changes earlier in the batch included), writes them in one transaction, COMMITs,
and then, without an await in between, swaps the registry, tells the news and
answers the callers.  A cancelled caller changes nothing about its commit.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections import deque
from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

import aiosqlite  # noqa: TID251 - store/ is where SQL lives

from cidxd.model.job import Event
from cidxd.model.registry import State
from cidxd.model.revision import changed
from cidxd.store import rows
from cidxd.store.database import StoreError

T = TypeVar("T")
Decision = Callable[[State], T]
News = Callable[[State, list[Event]], None]  # without events, the queue as a whole has changed
Ended = Callable[[list[str]], None]
Measure = Callable[[float, int], None]  # seconds of a transaction, decisions in it

# Needs some room, and leaves nothing behind.
_PROBE: Final = (
    ("INSERT INTO setting (name, value) VALUES ('probe', ?)", [("-" * 16384,)]),
    ("DELETE FROM setting WHERE name = 'probe'", [()]),
)
# The others are of what JSON or SQLite cannot hold.
_BAD_ROW: Final = (aiosqlite.IntegrityError, TypeError, ValueError, OverflowError)
_BATCH = 256  # decisions in one transaction at most


@dataclasses.dataclass(frozen=True, slots=True)
class _Waiting:
    decide: Decision[Any]
    answer: asyncio.Future[Any]


class Writer:
    """
    The only writer of the database, and the only one who changes *state*.

    Attributes:
        fault: What the database said when it last refused, None once it took a write again.
        measure: Told of each transaction that committed events; may be replaced.
        sessions_ended: Told which logins have ended; may be replaced.
    """

    def __init__(self, connection: aiosqlite.Connection, state: State, news: News) -> None:
        self._connection = connection
        self._state = state
        self._news = news
        self._queue: deque[_Waiting] = deque()
        self._arrived = asyncio.Event()
        self._is_stopping = False
        self.fault: str | None = None
        self.measure: Measure = _unmeasured
        self.sessions_ended: Ended = _unheard

    async def decide(self, decision: Decision[T]) -> T:
        """
        Run *decision* on a draft, commit what it changed, and return its answer.

        Cancelled while waiting, the decision is committed all the same.

        Raises:
            CidxdError: What the decision raised; nothing was changed.
            StoreError: The database refused; nothing was changed.
        """
        waiting = _Waiting(decision, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        self._arrived.set()
        return cast("T", await waiting.answer)

    async def probe(self) -> None:
        """
        Come to know whether the database takes a write again; see `fault`.

        Returns once everything asked for before is answered, well or not.
        """
        with contextlib.suppress(StoreError):
            await self.decide(lambda _: None)

    def stop(self) -> None:
        """Let `run` end once everything asked for before is committed."""
        self._is_stopping = True
        self._arrived.set()

    async def run(self) -> None:
        """Serve decisions until `stop`."""
        while not self._is_stopping:
            await self._arrived.wait()
            self._arrived.clear()
            while self._queue:
                size = min(_BATCH, len(self._queue))
                await self._commit([self._queue.popleft() for _ in range(size)])

    async def _commit(self, batch: list[_Waiting]) -> None:
        draft, answers = _decided(self._state, batch)
        began = asyncio.get_running_loop().time()
        try:
            await self._write(draft)
        except _BAD_ROW as err:
            if len(batch) == 1:
                _answer(batch[0], StoreError(f"the database refuses the row: {err}"))
                return
            for waiting in batch:  # one by one: a bad row fails its own caller only
                await self._commit([waiting])
            return
        except aiosqlite.Error as err:
            self.fault = str(err)
            for waiting in batch:
                _answer(waiting, StoreError(f"the database refuses: {err}", hint=_HINT))
            return
        if draft.events:
            self.measure(asyncio.get_running_loop().time() - began, len(batch))
        self._swap(draft)
        for waiting, answer in zip(batch, answers, strict=True):
            _answer(waiting, answer)

    def _swap(self, draft: State) -> None:
        first = self._state.cursor + 1
        events = [changed(e, cursor=c) for c, e in enumerate(draft.events, first)]
        # Personal tokens end as logins do; they are known by their hashes.
        logins = (*draft.sessions.changed.items(), *draft.tokens.changed.items())
        ended = [key for key, row in logins if row is None]
        self._state.absorb(draft)
        if ended:
            self.sessions_ended(ended)
        if events or draft.pauses.changed or draft.incidents.changed:
            self._news(self._state, events)

    async def _write(self, draft: State) -> None:
        statements = rows.statements(draft, self._state.cursor + 1)
        if not statements and self.fault is None:
            return
        try:
            await self._connection.execute("BEGIN IMMEDIATE")
            for sql, parameters in statements or _PROBE:
                await self._connection.executemany(sql, parameters)
            await self._connection.execute("COMMIT")
            self.fault = None
        except BaseException:
            if self._connection.in_transaction:
                await self._connection.execute("ROLLBACK")
            raise


_HINT = "see /readyz; the daemon goes on when the database does"


def _unheard(_session_ids: list[str]) -> None:
    """Nobody listens."""


def _unmeasured(_seconds: float, _decisions: int) -> None:
    """Nobody measures."""


def _decided(state: State, batch: list[_Waiting]) -> tuple[State, list[object]]:
    """Return a draft with what the batch changed, and the answers in its order."""
    draft = State(state)
    try:
        return draft, [waiting.decide(draft) for waiting in batch]
    except Exception:  # noqa: BLE001 - whatever it is, below it fails its own caller
        # Decisions are pure: again, each on a draft that an error leaves alone.
        draft = State(state)
        return draft, [_decide(draft, waiting) for waiting in batch]


def _decide(draft: State, waiting: _Waiting) -> object:
    """Return the answer, or the error that is the answer; an error leaves *draft* as it was."""
    own = State(draft)
    try:
        answer: object = waiting.decide(own)
    except Exception as err:  # noqa: BLE001 - a faulty decision fails its own caller, not the writer
        return err
    draft.merge(own)
    return answer


def _answer(waiting: _Waiting, answer: object) -> None:
    if waiting.answer.done():  # its caller was cancelled
        return
    if isinstance(answer, Exception):
        waiting.answer.set_exception(answer)
    else:
        waiting.answer.set_result(answer)

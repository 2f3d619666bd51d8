"""A few long-lived search children, one question at a time each."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import orjson
import structlog

from cidxd.errors import FaultError, UnavailableError
from cidxd.indexer import protocol
from cidxd.work import proc, trace
from cidxd.work.allowance import Allowance, granted
from cidxd.work.child import Child

_log = structlog.get_logger()

ANSWER_LIMIT: Final = 64 << 20  # bytes of one answer
MEMORY_LIMIT: Final = 1 << 30  # bytes a child may keep to itself between two questions
LOOK_EVERY: Final = 16  # answers
_ABOUT_S: Final = 5.0
_NEVER_STALLED_S: Final = 1e9  # between questions a searcher is silent


class Searchers:
    """
    A pool of search children, started when first needed, replaced when they break.

    Args:
        argv: The search child's command.
        env: Its environment.
        size: How many.
        memory_limit: A child that keeps more bytes than this after an answer is replaced.
        allowance: A child that has more memory than that while it works is replaced at once.

    Attributes:
        kernel: The index's engine, `native` or `numpy`; None until a child was asked.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        size: int,
        memory_limit: int = MEMORY_LIMIT,
        allowance: Allowance | None = None,
    ) -> None:
        self._argv = argv
        self._env = env
        self._size = size
        self._memory_limit = memory_limit
        self._allowance = allowance or Allowance()
        self._ids = itertools.count(1)
        self._children: set[Child] = set()
        self._is_closed = False
        self._answers = 0
        self.kernel: str | None = None
        # What is put back last is taken first: a few warm children do most of the work.
        self._idle: asyncio.LifoQueue[Child | None] = asyncio.LifoQueue()
        for _ in range(size):
            self._idle.put_nowait(None)

    async def start(self) -> None:
        """
        Start the children that are not started yet, so that the first questions are quick.

        One that cannot be started is left to the first question.
        """
        places: list[Child | None] = []
        while not self._idle.empty():
            places.append(self._idle.get_nowait())
        try:
            for at, place in enumerate(places):
                places[at] = place or await self._started()
        except UnavailableError as err:
            _log.warning("searcher_not_started", error=err.message)
        finally:
            for place in places:
                self._idle.put_nowait(place)

    async def ask(self, question: Mapping[str, Any], *, timeout_s: float) -> tuple[int, bytes]:
        """
        Return a child's answer: an HTTP status and JSON.

        Waits for a free child first.  Cancelled, the child that works on the question
        is replaced, so that its late answer cannot be taken for another one's.

        Raises:
            UnavailableError: No child was free, or none answered, for *timeout_s* seconds;
                or it took too much memory, or the child ended twice.
        """
        place = await self._free_place(timeout_s)
        child: Child | None = None
        try:
            child, answer = await self._answered(place, question, timeout_s)
            if self._is_over(child):
                _log.info("searcher_replaced", resident_bytes=child.resident_bytes)
                await self._dismiss(child)
                child = None
        finally:
            self._idle.put_nowait(child)
        return answer

    async def learn_kernel(self) -> str | None:
        """Ask a child which engine the index has, and return `kernel`."""
        try:
            _, body = await self.ask({"op": "about"}, timeout_s=_ABOUT_S)
            self.kernel = str(orjson.loads(body)["kernel"])
        except (UnavailableError, KeyError, TypeError, ValueError):
            return self.kernel
        return self.kernel

    def _is_over(self, child: Child) -> bool:
        """Whether a child keeps too much; not asked every time, since the kernel takes a while."""
        self._answers += 1
        is_due = self._answers % LOOK_EVERY == 0
        return is_due and child.resident_bytes > self._memory_limit

    async def close(self) -> None:
        """End every child; questions in the air are answered with UnavailableError."""
        self._is_closed = True
        for child in list(self._children):
            await self._dismiss(child)

    async def _free_place(self, timeout_s: float) -> Child | None:
        try:
            async with asyncio.timeout(timeout_s):
                return await self._idle.get()
        except TimeoutError:
            raise UnavailableError(
                f"every search child was busy for {timeout_s:.0f} s",
                code="search-busy",
                hint="try again, or raise limits.search_children",
            ) from None

    async def _answered(
        self, idle: Child | None, question: Mapping[str, Any], timeout_s: float
    ) -> tuple[Child, tuple[int, bytes]]:
        """Ask *idle*, then a new child if that one had died; dismiss one that gave no answer."""
        for candidate in (idle, None):
            child = candidate or await self._started()
            try:
                answer = await self._asked(child, question, timeout_s)
            except BaseException:
                await self._dismiss(child)
                raise
            if answer is not None:
                return child, answer
            _log.warning("searcher_ended", stderr=child.stderr_tail[-500:])
            await self._dismiss(child)
        raise _failed("the search child ended without an answer")

    async def _asked(
        self, child: Child, question: Mapping[str, Any], timeout_s: float
    ) -> tuple[int, bytes] | None:
        """Return the answer, None if the child ended instead."""
        request_id = next(self._ids)
        child.send(orjson.dumps({"id": request_id, **question}, option=orjson.OPT_APPEND_NEWLINE))
        try:
            async with asyncio.timeout(timeout_s):
                line = await child.line()
            answer = None if line is None else _sound(*protocol.decode_answer(line))
        except TimeoutError:
            raise UnavailableError(
                f"the search took longer than {timeout_s:.0f} s",
                code="search-timeout",
                hint="narrow it: a longer pattern, --path, --lang or --repo",
            ) from None
        except (FaultError, ValueError, AttributeError) as err:  # the last: no object at all
            if isinstance(err, FaultError) and err.code == "limit-exceeded":
                raise UnavailableError(
                    f"the search needs too much memory: {err.detail}",
                    code="search-too-large",
                    hint="narrow it: a longer pattern, --path, --lang or --repo",
                ) from err
            raise _failed(f"the search child's answer cannot be read: {str(err)[:200]}") from err
        if answer is None:
            return None
        answered, status, body = answer
        if answered != request_id:
            raise _failed("the search child lost count")
        return status, body

    async def _started(self) -> Child:
        if self._is_closed:
            raise _failed("the daemon is stopping")
        try:
            with granted(self._allowance), trace.within(None):  # it lives on for others
                child = await proc.start(
                    self._argv, env=self._env, stall_s=_NEVER_STALLED_S, line_limit=ANSWER_LIMIT
                )
        except FaultError as err:
            raise _failed(f"no search child can be started: {err.detail}") from err
        self._children.add(child)
        return child

    async def _dismiss(self, child: Child) -> None:
        self._children.discard(child)
        await child.end()


def _sound(request_id: int, status: int, body: bytes) -> tuple[int, int, bytes]:
    """Return an answer if it is one; raises ValueError for what could be sent on to nobody."""
    if status == HTTPStatus.OK:  # its body may be large, and whoever reads it will see
        return request_id, status, body
    HTTPStatus(status)
    said = orjson.loads(body)
    words = [said.get(name, "") for name in ("code", "detail", "hint", "pointer")]
    if status < HTTPStatus.BAD_REQUEST or not all(isinstance(word, str) for word in words):
        raise ValueError("no error")
    return request_id, status, body


def _failed(message: str) -> UnavailableError:
    return UnavailableError(message, code="search-failed", hint="try again; see the daemon's log")

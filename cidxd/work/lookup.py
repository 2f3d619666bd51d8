"""Where a name leads: asked of the system's resolver, in threads, with a time limit."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
import threading
from collections.abc import Callable
from typing import Any, Final

from cidxd.errors import FaultError

LOOKUP_S: Final = 10.0
_AT_ONCE: Final = 32  # a resolver that hangs keeps its thread until it gives up by itself

Answers = list[tuple[Any, ...]]  # as socket.getaddrinfo returns them


class Resolver:
    """
    Looks names up, as the programs of this machine do (`/etc/hosts` included).

    Args:
        ask: `socket.getaddrinfo`, or what stands in for it.
        timeout_s: How long one look-up may take, the wait for its turn included.
    """

    def __init__(
        self, ask: Callable[..., Answers] = socket.getaddrinfo, timeout_s: float = LOOKUP_S
    ) -> None:
        self._ask = ask
        self._timeout_s = timeout_s
        self._turn = asyncio.Semaphore(_AT_ONCE)

    async def addresses(self, host: str, port: int) -> list[str]:
        """
        Return the addresses of *host*, the one to try first at the front; never empty.

        Raises:
            FaultError: `remote-unreachable`: there is no such name, or nobody answered in time.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._turn.acquire()
                found = await self._asked(host, port)
        except TimeoutError:
            detail = f"looking up {host} took longer than {self._timeout_s:.0f} s"
            raise FaultError("remote-unreachable", detail) from None
        except (OSError, UnicodeError) as err:
            words = getattr(err, "strerror", None) or "it is no name"
            raise FaultError("remote-unreachable", f"could not look up {host}: {words}") from err
        addresses = list(dict.fromkeys(str(answer[4][0]) for answer in found))
        if not addresses:
            raise FaultError("remote-unreachable", f"could not look up {host}: it has no address")
        return addresses

    def _asked(self, host: str, port: int) -> asyncio.Future[Answers]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answers] = loop.create_future()

        def settle(answers: Answers | None, error: Exception | None) -> None:
            self._turn.release()
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(answers or [])

        def work() -> None:
            answers, error = None, None
            try:
                answers = self._ask(host, port, type=socket.SOCK_STREAM)
            except (OSError, UnicodeError) as err:
                error = err
            with contextlib.suppress(RuntimeError):  # the daemon has stopped meanwhile
                loop.call_soon_threadsafe(functools.partial(settle, answers, error))

        # A daemon thread: no resolver that hangs keeps the process from ending.
        threading.Thread(target=work, name=f"lookup {host}", daemon=True).start()
        return future

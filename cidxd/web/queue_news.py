"""
The queue as a whole for those who follow everything: how it stands whenever that changes.

It is no event: it has no cursor and is not replayed.  One who reads slowly gets the newest
state only.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from cidxd.errors import UnauthenticatedError
from cidxd.model import incidents
from cidxd.model.account import Principal
from cidxd.web.queue_documents import QueueDocument, queue_document
from cidxd.web.services import Services

Send = Callable[[QueueDocument], Awaitable[None]]


@contextlib.asynccontextmanager
async def told(services: Services, who: Principal, send: Send) -> AsyncIterator[None]:
    """Have changes sent for the length of the context, and first what is not as usual."""
    telling = asyncio.create_task(_tell(services, who, send), name="queue news")
    try:
        yield
    finally:
        telling.cancel()
        await asyncio.wait([telling])


async def _tell(services: Services, who: Principal, send: Send) -> None:
    state, seen = services.state, services.herald.version

    def document() -> QueueDocument:
        sight = services.sight(services.identity.again(who))
        return queue_document(state, sight, services.ledger.limits, services.clock())

    with contextlib.suppress(ConnectionError, UnauthenticatedError):  # the events' sender ends it
        if state.pause is not None or incidents.opened(state):
            await send(document())
        while True:
            seen = await services.herald.changed(seen)
            await send(document())

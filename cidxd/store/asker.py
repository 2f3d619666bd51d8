"""On whose behalf the code that runs asks the ledger: it stands in the task's context."""

from __future__ import annotations

import contextvars
from typing import Final

from cidxd.model.audit import DAEMON, By

_BY: Final = contextvars.ContextVar("by", default=DAEMON)


def current() -> By:
    """Return who asks; the daemon itself outside of a request."""
    return _BY.get()


def bind(by: By) -> None:
    """Let *by* be who asks, for the rest of this task and for those that it starts."""
    _BY.set(by)

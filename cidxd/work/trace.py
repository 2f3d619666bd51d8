"""
The trace that the current task works for: its children get it in their environment.

Who runs a job says so; tasks that it starts are bound to the same trace.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_CURRENT: ContextVar[str | None] = ContextVar("traceparent", default=None)


@contextmanager
def within(traceparent: str | None) -> Iterator[None]:
    """Work within a trace, or within none, for the length of the context."""
    token = _CURRENT.set(traceparent)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def begin(traceparent: str | None) -> None:
    """Bind the current task, and those it starts from now on, to a trace, or to none."""
    _CURRENT.set(traceparent)


def environment(env: Mapping[str, str]) -> dict[str, str]:
    """Return *env* for a child of the current task."""
    traceparent = _CURRENT.get()
    kept = {name: value for name, value in env.items() if name != "TRACEPARENT"}
    return kept if traceparent is None else {**kept, "TRACEPARENT": traceparent}

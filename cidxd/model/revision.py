"""Copies of records with some fields changed, made as cheaply as Python can."""

from __future__ import annotations

from typing import Any, TypeVar

from cidxd.model.job import Event, Job

R = TypeVar("R", Job, Event)


def changed(record: R, **fields: Any) -> R:  # noqa: ANN401 - whatever the fields hold
    """Return a copy of *record* with other *fields*, as `dataclasses.replace` but not checked."""
    copy = object.__new__(type(record))
    copy.__dict__.update(record.__dict__, **fields)
    return copy

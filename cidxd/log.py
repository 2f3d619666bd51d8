"""Structured logs: JSON under a service manager, readable on a terminal, secrets redacted."""

from __future__ import annotations

import logging
import re
import sys
from typing import Final

import structlog
from structlog.typing import EventDict, WrappedLogger

_SECRETS: Final = (
    (re.compile(r"(?<=://)[^/@\s:]*(:[^/@\s]*)?@"), ""),
    (re.compile(r"(?i)(bearer\s+)[A-Za-z0-9._~+/=-]+"), r"\1[redacted]"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+"), "[redacted]"),
)


def configure(level: str, form: str) -> None:
    """
    Set up structlog for the process, on stderr.

    Args:
        level: debug, info, warning or error.
        form: json, console, or auto: console on a terminal, else JSON.
    """
    is_json = form == "json" or (form == "auto" and not sys.stderr.isatty())
    renderer = (
        structlog.processors.JSONRenderer()
        if is_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redact,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s: %(message)s")


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Take credentials out of every text in a log entry."""
    return {key: _clean(value) for key, value in event.items()}


def _clean(value: object) -> object:
    if not isinstance(value, str):
        return value
    for pattern, replacement in _SECRETS:
        value = pattern.sub(replacement, value)
    return value

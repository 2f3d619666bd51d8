"""Structured logs: JSON under a service manager, readable on a terminal, secrets redacted."""

from __future__ import annotations

import contextlib
import logging
import re
import sys
from typing import Final, TextIO, cast

import structlog
from structlog.typing import EventDict, WrappedLogger

_SECRETS: Final = (
    (re.compile(r"(?<=://)[^/\s]*@"), ""),
    (re.compile(r"(?i)([?&][a-z_-]*(?:token|key|secret|password|signature)=)[^&\s'\"]+"),
     r"\1[redacted]"),
    (re.compile(r"(?i)\b((?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}"), r"\1[redacted]"),
    (re.compile(r"(?i)\b(bearer\s+)[A-Za-z0-9._~+/=-]+"), r"\1[redacted]"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+"), "[redacted]"),
)  # fmt: skip


class _Patient:
    """A text stream whose lines are lost while they cannot be written: nothing else must stop."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        # What a full disk refuses would else stay in the buffer, and be refused again at the exit.
        self._raw = getattr(getattr(stream, "buffer", None), "raw", None)

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError):
            if self._raw is None:
                self._stream.write(text)
            else:
                self._raw.write(text.encode("utf-8", "backslashreplace"))

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.flush()


class _Forwarding(logging.Handler):
    """Hands over what libraries log, so that it looks like all the rest."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except (TypeError, ValueError):  # a library's format string does not fit
            message = str(record.msg)
        log = structlog.get_logger()
        log.log(record.levelno, message, logger=record.name, exc_info=record.exc_info)


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
    stream = cast("TextIO", _Patient(sys.stderr))
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
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, handlers=[_Forwarding()])


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Take credentials out of every text in a log entry."""
    return {key: redacted(v) if isinstance(v, str) else v for key, v in event.items()}


def redacted(text: str) -> str:
    """Return *text* without credentials in addresses and headers."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text

"""
The log kept with each job: what happened to it, and git's and the indexer's own words.

One file a job, one line a fact, only ever appended to, by every attempt and every daemon.
It is a help for people: where it cannot be written the job goes on without it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import structlog

from cidxd import log
from cidxd.model import chronicle, instant
from cidxd.model.job import Event

_log = structlog.get_logger()

WORDS_LIMIT: Final = 1 << 20  # bytes of a file after which children are not listened to any more
OWN_LIMIT: Final = WORDS_LIMIT + (
    1 << 16
)  # how a flooded job went on and ended is told all the same
PIECE_LIMIT: Final = 1 << 20  # bytes of one answer
LINE_LIMIT: Final = 4096  # characters

# What moves a cursor or colours a screen may come from a remote, and is shown on terminals.
_CONTROLS: Final = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0)], "�") | {ord("\t"): "\t"}
_CUT: Final = "the log is full: not everything is told from here on"

Say = Callable[[str], None]


@dataclasses.dataclass(frozen=True, slots=True)
class Piece:
    """Whole lines of a log from an offset on, and how many bytes the log has."""

    content: bytes
    size: int


class JobLogs:
    """
    The logs of all jobs.

    Args:
        folder: Where they are; made when the first line is written.
        clock: Returns POSIX seconds.
    """

    def __init__(self, folder: Path, clock: Callable[[], float]) -> None:
        self._folder = folder
        self._clock = clock
        self._is_failing = False

    def notice(self, events: Sequence[Event]) -> None:
        """Write down what is on record now."""
        for event in events:
            if told := chronicle.lines(event):
                self._write(event.job_id, event.at, told)

    def note(self, job_id: str, at: float, line: str) -> None:
        """Write down what concerns a job and is none of its events."""
        self._write(job_id, at, [line])

    @contextlib.contextmanager
    def pen(self, job_id: str) -> Iterator[Say]:
        """Yield what writes down a line that a child of the job said."""
        with contextlib.ExitStack() as stack:
            descriptor: int | None = None

            def say(line: str) -> None:
                nonlocal descriptor
                with self._guarded():
                    if descriptor is None:
                        descriptor = stack.enter_context(self._opened(job_id))
                    _append(descriptor, self._clock(), [line], WORDS_LIMIT)

            yield say

    def read(self, job_id: str, offset: int) -> Piece:
        """
        Return the log from byte *offset* on, PIECE_LIMIT bytes at most.  Blocks.

        A job without a log has an empty one; an *offset* beyond the end gives nothing.
        """
        try:
            with self._path(job_id).open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                file.seek(min(offset, size))  # a larger one may be none to the system
                content = file.read(min(PIECE_LIMIT, max(0, size - offset)))
        except (FileNotFoundError, NotADirectoryError):
            return Piece(b"", 0)
        # A line that is being written is left for later; so no character is ever cut in two.
        return Piece(content[: content.rfind(b"\n") + 1], size)

    def forget(self, job_ids: Sequence[str]) -> None:
        """Remove the logs of these jobs, as far as they have any.  Blocks."""
        for job_id in job_ids:
            try:
                self._path(job_id).unlink(missing_ok=True)
            except OSError as err:
                _log.warning("job_log_stays", job_id=job_id, error=str(err))

    def _write(self, job_id: str, at: float, lines: Sequence[str]) -> None:
        with self._guarded(), self._opened(job_id) as descriptor:
            _append(descriptor, at, lines, OWN_LIMIT)

    def _path(self, job_id: str) -> Path:
        # The first part of an id is its time, which would put a year's jobs into one folder.
        return self._folder / job_id.rpartition("-")[2][:2] / f"{job_id}.log"

    @contextlib.contextmanager
    def _opened(self, job_id: str) -> Iterator[int]:
        path = self._path(job_id)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        try:
            descriptor = os.open(path, flags, 0o600)
        except FileNotFoundError:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, flags, 0o600)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        """Let no disk stop a job; say once that lines are lost."""
        try:
            yield
        except OSError as err:
            if not self._is_failing:
                _log.warning("job_log_lost", error=str(err))
            self._is_failing = True
        else:
            self._is_failing = False


def _append(descriptor: int, at: float, lines: Sequence[str], limit: int) -> None:
    """Write *lines* in one piece, unless the file has reached *limit*; say so where it does."""
    size = os.fstat(descriptor).st_size
    if size >= limit:
        return
    # A full disk or a crash may have left half a line.
    is_torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
    data = (b"\n" if is_torn else b"") + b"".join(_line(at, line) for line in lines)
    if any(size < full <= size + len(data) for full in (WORDS_LIMIT, OWN_LIMIT)):
        data += _line(at, _CUT)
    os.write(descriptor, data)


def _line(at: float, text: str) -> bytes:
    clean = log.redacted(text).translate(_CONTROLS)
    if len(clean) > LINE_LIMIT:
        clean = clean[: LINE_LIMIT - 1] + "…"
    return f"{instant.to_wire(at)} {clean}\n".encode("utf-8", "replace")

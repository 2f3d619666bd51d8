"""
What git's curl trace tells about the remote's last answer, and which lines are that trace.

git itself says neither how long to wait (RFC 9110, Retry-After) nor where a redirect
leads (Location).  The trace holds other people's headers, so it reaches no log.
"""

from __future__ import annotations

import dataclasses
import email.utils
import re
from typing import Final

_TRACE = re.compile(r"\d\d:\d\d:\d\d\.\d+ \S+\.c:\d+ +(.*)")
_ANSWER = re.compile(r"<= Recv header: HTTP/\S+ \d+")
_HEADER = re.compile(r"<= Recv header: ([A-Za-z-]+): *(.*)")
_KEPT = ("retry-after", "location", "date")
LONGEST_S: Final = 86_400.0  # whatever a remote says, its jobs are not kept for ever


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """Headers of an HTTP answer, each "" where it had none."""

    retry_after: str = ""
    location: str = ""
    date: str = ""

    @property
    def retry_after_s(self) -> float | None:
        """
        Seconds the remote asks us to wait, a day at most.

        None if it named no time, or one that is past.
        """
        if self.retry_after.isdecimal():
            return min(float(self.retry_after), LONGEST_S)
        try:
            # The remote's own clock, so that a difference between the two does not count.
            until = email.utils.parsedate_to_datetime(self.retry_after)
            seconds = (until - email.utils.parsedate_to_datetime(self.date)).total_seconds()
        except (TypeError, ValueError, OverflowError):
            return None
        return min(seconds, LONGEST_S) if seconds > 0 else None


def traced(line: str) -> str | None:
    """Return what *line* of stderr tells as a line of the trace, None if it is none."""
    match = _TRACE.match(line)
    return match[1] if match else None


def after(answer: Answer, told: str) -> Answer:
    """Return *answer* with one more line of the trace; a new answer begins afresh."""
    if _ANSWER.match(told):
        return Answer()
    header = _HEADER.match(told)
    name = header[1].lower() if header else ""
    if header is None or name not in _KEPT:
        return answer
    return dataclasses.replace(answer, **{name.replace("-", "_"): header[2].strip()})

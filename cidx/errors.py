"""
Every foreseeable fault of the client, and the only place where exit codes are chosen.

    ClientError                  message, hint, exit code (1 unless said otherwise)
    ├── UnreachableError         3: nobody answers, or no daemon can be started
    │   └── ConnectionLostError  3: the connection broke; the request may be sent again
    ├── NotLoggedInError         4: no session, or it ended
    ├── NotAllowedError          4: not for this user
    ├── ProblemError             the server refused; 4 for 401 and 403, else 1
    ├── NoCheckoutError          1: the command needs a git checkout
    ├── GitError                 1: git itself refused
    ├── WaitTimedOutError        124: the wait ended, the job goes on
    ├── CommitMissingError       124: the commit to wait for is still not indexed
    └── WaitInterruptedError     130: the user stopped waiting, the job goes on

`__main__.main` prints one as `error: …` and `hint: …` on stderr.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Exit(enum.IntEnum):
    """What a run of `cidx` says to its shell."""

    DONE = 0
    ERROR = 1
    USAGE = 2
    UNREACHABLE = 3
    NOT_ALLOWED = 4
    JOB_FAILED = 5
    JOB_CANCELLED = 6
    TIMED_OUT = 124
    INTERRUPTED = 130


_EXIT_OF_STATUS = {
    "completed": Exit.DONE,
    "failed": Exit.JOB_FAILED,
    "cancelled": Exit.JOB_CANCELLED,
}


def exit_code_of(job_status: str) -> Exit:
    """Return the exit code for a job's final status; a job that goes on is no failure."""
    return _EXIT_OF_STATUS.get(job_status, Exit.DONE)


class ClientError(Exception):
    """
    Something foreseeable went wrong.

    Attributes:
        message: Lower case, says which thing, the value after a colon.
        hint: What to do about it; may be empty.
        exit_code: What the process ends with.
    """

    exit_code = Exit.ERROR

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UnreachableError(ClientError):
    """Nobody answers, or no daemon can be started."""

    exit_code = Exit.UNREACHABLE


class ConnectionLostError(UnreachableError):
    """
    No answer came because the connection broke or was refused; a safe request may be resent.

    Attributes:
        was_refused: Nobody listened, so nothing was heard.
    """

    was_refused = False


class NotLoggedInError(ClientError):
    """There is no session with this server, or it ended."""

    exit_code = Exit.NOT_ALLOWED


class NotAllowedError(ClientError):
    """The server did not show what this user may not see."""

    exit_code = Exit.NOT_ALLOWED


class ProblemError(ClientError):
    """
    The server answered with a problem (RFC 9457).

    Attributes:
        status: HTTP status.
        code: Stable kebab-case name, empty when the answer had none.
    """

    def __init__(self, message: str, *, status: int, code: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.code = code
        if status in {401, 403}:
            self.exit_code = Exit.NOT_ALLOWED


class NoCheckoutError(ClientError):
    """The command was run outside a git checkout and needs one."""


class GitError(ClientError):
    """The git program is missing or refused to look at the checkout."""


class WaitTimedOutError(ClientError):
    """The wait ended before the job did; the job goes on."""

    exit_code = Exit.TIMED_OUT

    def __init__(self, job_id: str, status: str, timeout_s: float) -> None:
        super().__init__(
            f"the job is still {status} after {timeout_s:g} s and goes on: {job_id}",
            hint=f"cidx jobs follow {job_id}",
        )


class CommitMissingError(ClientError):
    """Every sync went well, and the commit to wait for is in none of the tracked branches."""

    exit_code = Exit.TIMED_OUT

    def __init__(self, commit: str, timeout_s: float, reason: Mapping[str, str]) -> None:
        why = f": {reason['detail']}" if reason.get("detail") else ""
        super().__init__(
            f"the commit is still not indexed after {timeout_s:g} s: {commit}{why}",
            hint=reason.get("hint")
            or "check that it was pushed, and that its branch is tracked: cidx repo show",
        )


class WaitInterruptedError(ClientError):
    """The user stopped watching; the job goes on."""

    exit_code = Exit.INTERRUPTED

    def __init__(self, job_id: str) -> None:
        super().__init__(
            f"interrupted; the job goes on: {job_id}",
            hint=f"cidx jobs follow {job_id}, or cidx jobs cancel {job_id}",
        )

"""
Every error of the daemon, and every fault that a job can end with.

    CidxdError                    code, message, hint
    ├── RequestError              the caller can mend it; it has an HTTP status
    │   ├── InvalidError          400, 422: something sent is wrong; `pointer` says where
    │   ├── UnauthenticatedError  401
    │   ├── ForbiddenError        403
    │   ├── NotFoundError         404
    │   ├── ConflictError         409
    │   ├── GoneError             410
    │   ├── BusyError             429: try again after `retry_after_s`
    │   └── UnavailableError      503
    ├── FaultError                a phase of a job failed; the code is a key of FAULTS
    ├── ConfigError               every fault of a configuration at once
    ├── LockHeldError             another daemon has the data folder
    └── SchemaError               the database is newer than this program

This module is a leaf: the build child imports it too, so it costs no import time.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class CidxdError(Exception):
    """
    Something foreseeable went wrong.

    Attributes:
        code: Stable kebab-case name.
        message: Lower case, says which thing, the value after a colon.
        hint: What to do about it, in the user's words; may be empty.
    """

    code = "internal"

    def __init__(self, message: str, *, hint: str = "", code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code or self.code


class RequestError(CidxdError):
    """The caller can mend it."""

    status = 400


class InvalidError(RequestError):
    """What was sent is wrong: 400 for the request's form, 422 for a value in it."""

    code = "invalid"
    status = 422

    def __init__(
        self, message: str, *, hint: str = "", code: str = "", pointer: str = "", status: int = 422
    ) -> None:
        super().__init__(message, hint=hint, code=code)
        self.pointer = pointer
        self.status = status


class UnauthenticatedError(RequestError):
    """Nobody, or nobody any more."""

    code = "unauthenticated"
    status = 401


class ForbiddenError(RequestError):
    """Known, but not allowed."""

    code = "forbidden"
    status = 403


class NotFoundError(RequestError):
    """It does not exist, or the caller may not know that it does."""

    code = "not-found"
    status = 404


class ConflictError(RequestError):
    """What is stored already says otherwise."""

    code = "conflict"
    status = 409


class GoneError(RequestError):
    """It existed, and cannot be had any more."""

    code = "gone"
    status = 410


class BusyError(RequestError):
    """A limit is reached for now."""

    code = "busy"
    status = 429

    def __init__(
        self, message: str, *, hint: str = "", code: str = "", retry_after_s: int = 5
    ) -> None:
        super().__init__(message, hint=hint, code=code)
        self.retry_after_s = retry_after_s


class UnavailableError(RequestError):
    """The daemon cannot answer this for now; `retry_after_s` is None where nobody knows."""

    code = "unavailable"
    status = 503

    def __init__(
        self, message: str, *, hint: str = "", code: str = "", retry_after_s: int | None = None
    ) -> None:
        super().__init__(message, hint=hint, code=code)
        self.retry_after_s = retry_after_s


class ConfigError(CidxdError):
    """A configuration is wrong; `faults` has one line for each fault."""

    code = "config-invalid"

    def __init__(self, source: str, faults: list[str]) -> None:
        count = "one fault" if len(faults) == 1 else f"{len(faults)} faults"
        super().__init__(f"{count} in {source}", hint="see docs/operations.md")
        self.faults = faults


class LockHeldError(CidxdError):
    """Another daemon has the data folder."""

    code = "data-locked"


class SchemaError(CidxdError):
    """The database was written by a newer program; it was not touched."""

    code = "schema-newer"


class Fault(NamedTuple):
    """
    One way a phase can fail.

    Attributes:
        title: What happened, for everyone.
        hint: What to do about it.
        transient: Trying again may help.
    """

    title: str
    hint: str
    transient: bool


class FaultError(CidxdError):
    """A phase failed; `detail` is git's or the indexer's own word, redacted."""

    def __init__(
        self, code: str, detail: str = "", *, retry_after_s: float | None = None, hint: str = ""
    ) -> None:
        fault = FAULTS[code]
        super().__init__(fault.title, hint=hint or fault.hint, code=code)
        self.detail = detail
        self.transient = fault.transient
        self.retry_after_s = retry_after_s


FAULTS: Final[dict[str, Fault]] = {
    "remote-unreachable": Fault(
        "the remote cannot be reached", "check the network and the remote's address", True
    ),
    "remote-timeout": Fault(
        "the remote stopped answering", "check the network; the sync is tried again", True
    ),
    "remote-interrupted": Fault(
        "the transfer broke off", "the sync is tried again, the transfer from its start", True
    ),
    "remote-unavailable": Fault(
        "the remote answered with a server error", "wait, or ask the remote's operator", True
    ),
    "remote-rate-limited": Fault(
        "the remote asked us to slow down", "the sync is tried again after the time it named", True
    ),
    "remote-not-found": Fault(
        "the remote repository does not exist",
        "check its address, and that these credentials may see it: cidx repo show NAME",
        False,
    ),
    "remote-empty": Fault(
        "the remote repository has no commits", "push a first commit, then sync again", False
    ),
    "remote-redirected": Fault(
        "the remote redirects elsewhere", "register the address it redirects to", False
    ),
    "branch-not-found": Fault(
        "a tracked branch does not exist on the remote",
        "track another branch: cidx repo set NAME --branch B",
        False,
    ),
    "auth-required": Fault(
        "the remote wants credentials and there are none",
        "give them: --token-stdin with cidx repo add or set; "
        "your own daemon uses what your git does",
        False,
    ),
    "auth-failed": Fault(
        "the remote refused the credentials", "renew the credentials or the key", False
    ),
    "credential-unreadable": Fault(
        "the stored credentials cannot be opened", "put their key back, or give them anew", False
    ),
    "access-forbidden": Fault(
        "the remote forbids access", "ask for read access to the repository", False
    ),
    "host-key-unknown": Fault(
        "the remote's ssh host key is unknown or changed",
        "compare the key with its owner's, then give --known-hosts FILE with --ssh-key FILE; "
        "your own daemon uses your known_hosts",
        False,
    ),
    "tls-untrusted": Fault(
        "the remote's TLS certificate is not trusted",
        "renew the certificate, or trust its authority: GIT_SSL_CAINFO, or git's http.sslCAInfo",
        False,
    ),
    "protocol-refused": Fault(
        "this kind of address is not allowed here", "use an https or ssh address", False
    ),
    "remote-forbidden": Fault(
        "this host may not be a remote here",
        "ask the operator to open it in remotes.allow_hosts",
        False,
    ),
    "ownership-refused": Fault(
        "git does not trust the owner of the local repository",
        "git config --global --add safe.directory PATH",
        False,
    ),
    "mirror-locked": Fault(
        "another process still uses the mirror", "the sync is tried again", True
    ),
    "mirror-damaged": Fault(
        "the mirror on disk is damaged", "the sync is tried again with a new mirror", True
    ),
    "git-missing": Fault("git was not found", "install git 2.39 or newer", False),
    "git-failed": Fault("git failed", "see the detail; the sync is tried again", True),
    "index-failed": Fault(
        "the index could not be built", "see the detail; the sync is tried again", True
    ),
    "index-damaged": Fault("the index on disk is damaged", "it is rebuilt by the next sync", True),
    "index-outdated": Fault(
        "the index was made by another version of this program",
        "it is rebuilt by the next sync",
        True,
    ),
    "ctags-missing": Fault(
        "ctags was not found", "install Universal Ctags, or set index.symbols to tree-sitter", False
    ),
    "index-invalid": Fault(
        "the new index did not pass its validation",
        "the old one goes on answering; the sync is tried again",
        True,
    ),
    "child-crashed": Fault(
        "a child process ended without a word", "the sync is tried again; see the log", True
    ),
    "child-protocol": Fault(
        "a child process said something unexpected",
        "client, daemon and indexer must be of one version: reinstall",
        False,
    ),
    "stalled": Fault(
        "a phase was silent for too long", "the sync is tried again; see the log", True
    ),
    "limit-exceeded": Fault(
        "a phase passed a limit set by the operator", "raise the limit in the configuration", False
    ),
    "disk-full": Fault("the disk is full", "free some space; the sync is tried again", True),
    "disk-unwritable": Fault(
        "the disk cannot be written",
        "let the daemon's user write its data folder, and mount its disk for writing",
        False,
    ),
    "disk-failed": Fault("the disk failed", "see the kernel's log; the sync is tried again", True),
    "out-of-memory": Fault("memory ran out", "free some memory; the sync is tried again", True),
    "internal": Fault(
        "something unforeseen happened in the daemon", "report it with the daemon's log", False
    ),
}

r"""
What git's stderr means: one table of its words under LC_ALL=C, tried from top to bottom.

git exits 128 whatever the fault was, so its words are all there is.  What a remote says
about itself comes as `remote: …`; such lines never speak of our own mirror.
"""

from __future__ import annotations

import re
import signal
from typing import Final

from cidxd.errors import FaultError
from cidxd.git.headers import Answer
from cidxd.git.redirect import RedirectedError
from cidxd.log import redacted

DETAIL_LIMIT: Final = 500  # characters of git's words that a fault carries

# Each is a line that anyone may write: git, ssh, a helper, the remote.
_TOLD_BY_ANYONE: Final = (
    (
        "protocol-refused",
        r"transport '.*' not allowed",
        r"unable to find remote helper",
        r"is not a git command",
        r"uses plaintext credentials",
        r"strange (?:hostname|pathname|port) .* blocked",
    ),
    ("ownership-refused", r"detected dubious ownership"),
    (
        "host-key-unknown",
        r"Host key verification failed",
        r"HOST IDENTIFICATION HAS CHANGED",
        r"No \S+ host key is known",
    ),
    (
        "tls-untrusted",
        r"SSL certificate problem",
        r"certificate verif(?:y|ication) failed",
        r"server verification failed",
        r"no alternative certificate subject name",
        r"certificate subject name .* does not match",
        r"unable to get local issuer certificate",
        r"self[- ]signed certificate",
    ),
    (
        "auth-failed",
        r"Authentication failed for",
        r"Permission denied \(",
        r"HTTP Basic: Access denied",
        r"Too many authentication failures",
    ),
    (
        "auth-required",
        r"could not read (?:Username|Password)",
        r"terminal prompts disabled",
        r"returned error: 401",
    ),
    ("branch-not-found", r"couldn't find remote ref", r"Remote branch .* not found"),
    ("remote-rate-limited", r"returned error: 429", r"[Rr]ate limit", r"[Tt]oo many requests"),
    ("access-forbidden", r"returned error: (?:403|451)"),
    (
        "remote-not-found",
        r"returned error: 4(?:04|10)",
        r"repository '.*' (?:not found|does not exist)",
        r"Repository not found",
        r"does not appear to be a git repository",
        r"not valid: is this a git repository",
        r"could not be found or you don't have permission",
    ),
    (
        "remote-redirected",
        r"returned error: 30[12378]",
        r"unable to update url base from redirection",
    ),
    ("remote-unavailable", r"returned error: 5\d\d"),
    ("git-failed", r"corruption on the remote side"),
)
_NOT_WRITTEN: Final = (
    r"(?:[Uu]nable|[Ff]ailed|[Cc]annot|[Cc]ould not) .*(?:creat|writ|updat|lock|mkdir|renam|unlink"
    r"|remov|delet|append).*: (?:Permission denied|Operation not permitted)"
)
_TOLD_BY_GIT: Final = (
    ("disk-full", r"No space left on device", r"Disk quota exceeded"),
    (
        "out-of-memory",
        r"[Oo]ut of memory",
        r"Cannot allocate memory",
        r"died of signal 9",
        r"mmap failed",
        r"unable to create threaded lstat",
        r"unable to create thread: Resource temporarily unavailable",
    ),
    ("mirror-locked", r"Unable to create '.*\.lock': File exists"),
    (
        "disk-unwritable",
        r"Read-only file system",
        r"insufficient permission for adding an object",
        _NOT_WRITTEN,
    ),
    ("disk-failed", r"Input/output error"),
    # A pack that is being received, though the lines around it are those of a damaged mirror.
    ("remote-interrupted", r"pack has bad object at", r"pack is corrupted", r"pack signature mism"),
    (
        "mirror-damaged",
        r"^(?:fatal|error): bad (?:object|ref|tree|config) ",
        r"^(?:fatal|error): not a git repository",
        r"^(?:fatal|error): (?:loose |packed )?object (?:file )?\S+ .*(?:corrupt|is empty)",
        r"^(?:fatal|error): packfile \S+ ",
        r"^(?:fatal|error): file \S+ is (?:not a GIT packfile|far too short)",
        r"^(?:fatal|error): (?:.* )?index file \S+ (?:is too small|.*corrupt)",
        r"^(?:fatal|error): wrong index v\d file size in ",
        r"^(?:fatal|error): (?:unable|failed|cannot) to (?:read|parse) (?:object|commit|tree) ",
        r"^(?:fatal|error): missing (?:blob|tree|commit|object) ",
        r"^(?:fatal|error): [Cc]ould not read [0-9a-f]{40}",
        r"^(?:fatal|error): (?:inflate: |hash mismatch|garbage at end of loose)",
        r"^(?:fatal|error): (?:unable to unpack \S+ header|cannot unpack [0-9a-f]{40})",
        r"^(?:fatal|error): (?:cannot read existing object|unknown object type)",
        r"^(?:fatal|error): invalid object ",
        r"^(?:fatal|error): refs/\S+ does not point to a valid object",
        r"^(?:fatal|error): pack has \d+ unresolved deltas?",
        r"did not send all necessary objects$",
    ),
    (
        "remote-unreachable",
        r"Could not resolve (?:host|proxy)",
        r"[Ff]ailed to connect to",
        r"Couldn't connect",
        r"connect to host .* port",
        r"[Uu]nable to (?:connect to|look up)",
        r"No route to host",
        r"Network is unreachable",
        r"Connection refused",
        r"Name or service not known",
        r"Temporary failure in name resolution",
    ),
    ("remote-timeout", r"Operation too slow", r"timed out", r"Timeout, server"),
    (
        "remote-interrupted",
        r"early EOF",
        r"RPC failed",
        r"hung up unexpectedly",
        r"unexpected disconnect",
        r"Connection (?:was )?reset",
        r"Connection closed by",
        r"transfer closed",
        r"Broken pipe",
        r"Empty reply from server",
        r"index-pack failed",
        r"invalid index-pack output",
        r"expected (?:flush|packet|response)",
        r"kex_exchange_identification",
        r"TLS connection was non-properly terminated",
        r"SSL_(?:read|ERROR)",
        r"HTTP/2 stream",
    ),
)

_OF_MACHINE: Final = frozenset({"disk-full", "disk-unwritable", "disk-failed", "out-of-memory"})
_SAID_BY_REMOTE: Final = re.compile(r"^remote: .*$", re.MULTILINE)
_TELLING: Final = ("fatal: ", "error: ", "remote: ", "ERROR: ", "ssh: ", " ! ")


def classify(stderr: str, code: int, answer: Answer | None = None) -> FaultError:
    """
    Return the fault that *stderr* tells of.

    Args:
        stderr: git's words, one a line, without progress and trace.
        code: Its exit status, negative for a signal.
        answer: What the remote's last HTTP answer asked for, if there was one.
    """
    answer = answer or Answer()
    told = redacted(_excerpt(stderr))
    detail = told or _ending(code)
    if code == -signal.SIGKILL:  # not by us: who ends git asks for no fault of it
        killed = f"{_ending(code)}, as the kernel does when memory runs out"
        return FaultError("out-of-memory", "\n".join(filter(None, [told, killed])))
    match named(stderr):
        case "remote-redirected" if answer.location:
            return RedirectedError(detail, answer.location)
        case "remote-rate-limited" | "remote-unavailable" as name:
            return FaultError(name, detail, retry_after_s=answer.retry_after_s)
        case name:
            return FaultError(name, detail)


def named(stderr: str) -> str:
    """Return the code of the fault that *stderr* tells of; `git-failed` for words not known."""
    own = _SAID_BY_REMOTE.sub("", stderr)
    told = _first(_TOLD_BY_ANYONE, stderr) or _first(_TOLD_BY_GIT, own)
    return told or "git-failed"


def of_machine(stderr: str, code: int) -> str | None:
    """Return the code of the fault of disk or memory that a git told of, which only reads here."""
    if code == -signal.SIGKILL:
        return "out-of-memory"
    return _first(tuple(row for row in _TOLD_BY_GIT if row[0] in _OF_MACHINE), stderr)


def _first(table: tuple[tuple[str, ...], ...], stderr: str) -> str | None:
    """Return the code of the first row of which a line of *stderr* holds a word."""
    for code, *words in table:
        if any(re.search(word, stderr, re.MULTILINE) for word in words):
            return code
    return None


def _excerpt(stderr: str) -> str:
    """Return the lines that tell something, the last ones if they are many."""
    lines = [line.rstrip() for line in stderr.splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(_TELLING)] or lines
    excerpt = "\n".join(dict.fromkeys(telling))
    return excerpt if len(excerpt) <= DETAIL_LIMIT else "…" + excerpt[1 - DETAIL_LIMIT :]


def _ending(code: int) -> str:
    return f"git was ended by signal {-code}" if code < 0 else f"git exited with {code}"

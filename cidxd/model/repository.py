"""
A repository that is kept in step: its names, its remote's address, its freshness.

Two addresses that mean the same repository have one key: `git@host:a/b.git`,
`ssh://git@host/a/b` and `https://host/a/b/` all give `host/a/b`.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import re
from collections.abc import Container, Iterable
from typing import Final, Literal

from cidxd import hosts
from cidxd.errors import InvalidError
from cidxd.model.grant import OPEN, Access
from cidxd.model.timing import Timing

NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,100}\Z")
_URL: Final = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?:(?P<user>[^@/]*)@)?(?P<host>\[[^\]]+\]|[^/:]+)(?::(?P<port>\d*))?/(?P<path>.*)\Z",
    re.IGNORECASE,
)
_SCP: Final = re.compile(r"(?:(?P<user>[^@/:]+)@)?(?P<host>[^/:]+):(?P<path>(?!//).*)\Z")
# A client takes the first two out of an address, and the last is a route of its own.
_NOT_IN_A_PATH: Final = frozenset({".", "..", "discover"})
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f]")
_ESCAPED_CONTROLS: Final = re.compile(r"%(?:[01][0-9A-Fa-f]|7[Ff])")
# What some hosts give out as a password, and take as a user's name too.
_TOKENS: Final = re.compile(r"(?:gh[oprsu]_|github_pat_|gl[a-z]{2,6}-|ATBB)|[0-9a-f]{40}\Z")
_IN_QUERY: Final = re.compile(r"(?i)[?&][a-z_-]*(?:token|secret|password)=")
_DEFAULT_PORTS: Final = {"https": "443", "http": "80", "ssh": "22", "git": "9418"}
_SCHEMES: Final = ("https", "ssh", "http")
_COMPARED: Final = 500  # names, with one that is unknown


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BranchState:
    """What the index answers with for one branch; the instant in POSIX seconds."""

    name: str
    commit: str
    indexed_at: float
    job_id: str
    is_default: bool = False
    committed_at: float | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """
    When a repository is looked at without anybody asking; see `schedule`.

    Attributes:
        min_s, max_s: Bounds of an adaptive interval.
        expression, timezone: Of a cron schedule.
        set_at: No look is due for a time before it; POSIX seconds.
    """

    kind: Literal["adaptive", "cron", "off"]
    min_s: float = 0.0
    max_s: float = 0.0
    expression: str = ""
    timezone: str = "UTC"
    set_at: float | None = None

    def told(self) -> dict[str, str | float]:
        """Return what somebody chose, in the words of the API."""
        match self.kind:
            case "adaptive":
                return {"kind": "adaptive", "min_seconds": self.min_s, "max_seconds": self.max_s}
            case "cron":
                chosen = {"expression": self.expression, "timezone": self.timezone}
                return {"kind": "cron", **chosen}
            case "off":
                return {"kind": "off"}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LastJob:
    """The job that ended last."""

    job_id: str
    status: str
    finished_at: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """
    One registered repository.

    Attributes:
        key: What its remote is compared by; see `remote_key`.
        tracked: Branches asked for beside the remote's default branch.
        seed: A checkout on this machine whose objects start the mirror, or None.
        resolved: Where the remote's host redirects to, None where it answers itself.
        timings: Of its last finished syncs, newest last.
        schedule: None to go by the server's default.
        polled_at: When its schedule last asked for a sync.
        failures: How many syncs in a row have failed.
        former: Names it had before; it answers to them until another one takes them.
        access: Whom it is shown to.
    """

    repository_id: int
    name: str
    remote: str
    key: str
    created_at: float
    created_by: str
    tracked: tuple[str, ...] = ()
    default_branch: str | None = None
    branches: tuple[BranchState, ...] = ()
    seed: str | None = None
    resolved: str | None = None
    timings: tuple[Timing, ...] = ()
    last_job: LastJob | None = None
    checked_at: float | None = None
    schedule: Schedule | None = None
    polled_at: float | None = None
    failures: int = 0
    former: tuple[str, ...] = ()
    access: Access = OPEN

    @property
    def address(self) -> str:
        """What git is given: the remote, or where its host redirects to."""
        return self.resolved or self.remote


def check_remote(remote: str, *, is_local_allowed: bool) -> str:
    """
    Return *remote* if it is an address this daemon may fetch from.

    Raises:
        InvalidError: It is not; code `remote-invalid` or `protocol-refused`.
    """
    if remote.startswith("/"):
        return _checked_path(remote, is_local_allowed=is_local_allowed)
    if _CONTROLS.search(remote) or " " in remote or remote.startswith("-"):
        raise _malformed(remote)
    if _ESCAPED_CONTROLS.search(remote):
        raise _malformed(remote, "it must hold no escaped control character, such as %0a")
    scheme, is_url, _ = remote.partition("://")
    if is_url and scheme.lower() not in _SCHEMES:
        raise _refused(f"{hosts.shown(scheme)}://", "use an https or ssh address")
    found = _URL.match(remote)
    if found is None:
        if not is_url and _SCP.match(remote) and "::" not in remote:
            return remote
        raise _malformed(remote)
    if (
        ":" in (found["user"] or "")
        or _TOKENS.match(found["user"] or "")
        or _IN_QUERY.search(remote)
    ):
        raise InvalidError(
            "a password or token in the address would end up in logs",
            code="remote-invalid",
            hint="leave it out: give it as the repository's credentials, or to your git"
            " credential helper",
            pointer="/remote",
        )
    return remote


def _checked_path(path: str, *, is_local_allowed: bool) -> str:
    if not is_local_allowed:
        raise _refused("a path on the server", "register its https or ssh address")
    if _CONTROLS.search(path):
        raise _malformed(path)
    return path


def remote_key(remote: str) -> str:
    """Return what two forms of one repository's address have in common: `host[:port]/path`."""
    found = _URL.match(remote)
    if found:
        host, path = found["host"].lower(), found["path"]
        port = found["port"] or ""
        if port and port != _DEFAULT_PORTS.get(found["scheme"].lower()):
            host = f"{host}:{port}"
    elif remote.startswith("/"):
        return "/" + _stem(remote)
    elif scp := _SCP.match(remote):
        host, path = scp["host"].lower(), scp["path"]
    else:
        return remote
    return f"{host}/{_stem(path)}"


@functools.lru_cache(maxsize=4096)
def host_of(remote: str) -> str | None:
    """
    Return who answers at *remote*: the host, with its port unless that is https's own.

    What is on this machine has none.
    """
    found = _URL.match(remote)
    if found:
        default = _DEFAULT_PORTS.get(found["scheme"].lower(), "")
        host, port = found["host"].lower(), found["port"] or default
    elif not remote.startswith("/") and (scp := _SCP.match(remote)):
        host, port = scp["host"].lower(), _DEFAULT_PORTS["ssh"]
    else:
        return None
    return host if port in {"", _DEFAULT_PORTS["https"]} else f"{host}:{port}"


def name_for(remote: str) -> str:
    """Return the default name: the address's last part without `.git`, made presentable."""
    last = _stem(remote).replace(":", "/").rsplit("/", 1)[-1]
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", last).strip("-")[:90]
    return "repository" if name in _NOT_IN_A_PATH or not name else name


def check_name(name: str) -> str:
    """Return *name* if it may name a repository, else raise InvalidError."""
    if NAME.match(name) and name not in _NOT_IN_A_PATH:
        return name
    raise InvalidError(
        f"not a repository name: {name!r}",
        code="name-invalid",
        hint="use 1 to 100 of the characters A-Z a-z 0-9 . _ -, but not . or .. or discover",
        pointer="/name",
    )


def free_name(wanted: str, taken: Container[str]) -> str:
    """Return *wanted*, or with the first of -2, -3… that is not *taken*."""
    if wanted not in taken:
        return wanted
    number = 2
    while f"{wanted}-{number}" in taken:
        number += 1
    return f"{wanted}-{number}"


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the name most like *name*, None if nothing is; of very many, one that begins alike."""
    among = list(names)
    if len(among) > _COMPARED:  # each takes 60 µs, in which nobody else is served
        among = [other for other in among if other[:1] == name[:1]][:_COMPARED]
    close = difflib.get_close_matches(name, among, n=1, cutoff=0.5)
    return close[0] if close else None


def _stem(path: str) -> str:
    return path.strip("/").removesuffix(".git").rstrip("/")


def _malformed(remote: str, hint: str = "") -> InvalidError:
    return InvalidError(
        f"not a git address: {hosts.shown(remote)!r}",
        code="remote-invalid",
        hint=hint or "give an https:// or ssh:// address, user@host:path, or an absolute path",
        pointer="/remote",
    )


def _refused(what: str, hint: str) -> InvalidError:
    return InvalidError(
        f"not allowed as a remote: {what}", code="protocol-refused", hint=hint, pointer="/remote"
    )

"""
The configuration: a TOML file, every fault of it reported at once, no key unknown.

The only module that reads the environment.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from cidxd import hosts
from cidxd.errors import ConfigError
from cidxd.sections import HttpSection, PollingSection, Positive, Proxy, Seconds, WebhooksSection
from cidxd.sections import Section as _Section

DEFAULT_LISTEN = "127.0.0.1:8095"
_FIRST_INHERITED = 3  # after standard input, output and error

Days = Annotated[float, Field(gt=0, le=36_500)]


class Server(_Section):
    """Where it listens and keeps its data."""

    listen: str = DEFAULT_LISTEN
    data: Path = Path("/var/lib/cidxd")
    public_url: str | None = Field(
        default=None, description="the address that browsers use, when a proxy has another one"
    )
    hosts: tuple[str, ...] = Field(default=(), description="of the Host header; any")
    trusted_proxies: tuple[Proxy, ...] = Field(
        default=(), description="whose word of the client's address is taken"
    )
    forwarded_header: Literal["x-forwarded", "forwarded"] = "x-forwarded"
    tls_certificate: Path | None = None
    tls_key: Path | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key: give both or none")
        return self

    @field_validator("public_url")
    @classmethod
    def _web_address(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "")
        if value is not None and not (parts.scheme in {"http", "https"} and parts.hostname):
            raise ValueError("give an http or https address, such as https://cidx.example.org")
        return value

    @field_validator("listen")
    @classmethod
    def _address(cls, value: str) -> str:
        host, colon, port = value.rpartition(":")
        if not (colon and host and port.isdigit() and int(port) < 65_536):  # noqa: PLR2004 - ports
            raise ValueError("give HOST:PORT, such as 127.0.0.1:8095")
        return value

    @property
    def host(self) -> str:
        """The address without its port."""
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port; 0 takes any."""
        return int(self.listen.rpartition(":")[2])


class LimitsSection(_Section):
    """How much at once, and for how long."""

    running: Positive | None = Field(default=None, description="jobs at once; 2 per core")
    running_per_user: Positive = 3
    queued: Positive = 1000
    queued_per_user: Positive = 10
    index_children: Positive | None = Field(default=None, description="one per core")
    search_children: Positive | None = Field(default=None, description="one per core")
    max_file_bytes: Annotated[int, Field(ge=1024)] = 1 << 20
    attempts: Positive = 4
    incident_repositories: Positive = Field(
        default=3, description="of one host that fail alike make an incident"
    )
    hold_seconds: Seconds = Field(default=86_400.0, description="an incident holds a job back")
    stall_seconds: Seconds = 300.0
    fetch_seconds: Seconds | None = Field(default=None, description="no limit")
    index_seconds: Seconds | None = Field(default=None, description="no limit")
    child_memory_mb: Positive | None = Field(default=None, description="no limit")
    drain_seconds: Annotated[float, Field(ge=0)] = 30.0
    search_seconds: Seconds = 5.0
    search_memory_mb: Positive = 2048


class Remotes(_Section):
    """What may be fetched."""

    allow_local: bool = Field(
        default=False,
        description="a path on the daemon's machine, plain http and loopback may be a remote",
    )
    allow_hosts: tuple[str, ...] = Field(
        default=(), description="names, *.domains and networks beside the public internet"
    )

    @field_validator("allow_hosts")
    @classmethod
    def _hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        hosts.policy(value)
        return value

    @property
    def policy(self) -> hosts.Policy:
        """Which hosts a server may contact."""
        return hosts.policy(self.allow_hosts, is_loopback_open=self.allow_local)


class Index(_Section):
    """What is indexed beside the text."""

    symbols: Literal["tree-sitter", "ctags", "off"] = "tree-sitter"


class Auth(_Section):
    """How long a login lasts, and how many may fail."""

    access_minutes: Annotated[int, Field(ge=1, le=24 * 60)] = 15
    refresh_days: Annotated[int, Field(ge=1, le=365)] = 30
    login_failures: Positive = Field(default=10, description="of an account from an address")
    login_failures_per_address: Positive = 50
    login_failures_per_account: Positive = Field(
        default=100, description="from addresses that it never came from"
    )
    login_window_minutes: Annotated[int, Field(ge=1, le=24 * 60)] = 15


class RetentionSection(_Section):
    """How long jobs that ended are kept, one that did not end always is; and the audit log."""

    completed_days: Days = Field(default=30.0, description="completed and cancelled jobs")
    failed_days: Days = 90.0
    kept_per_repository: Annotated[int, Field(ge=0)] = 20
    audit_days: Days = Field(default=365.0, description="the audit log")


class MetricsSection(_Section):
    """Who may read them."""

    open: bool = Field(default=False, description="nobody needs a token for /metrics")


class Log(_Section):
    """What it tells."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "console"] = "auto"


class Config(_Section):
    """Everything that can be configured; docs/operations.md describes each key."""

    server: Server = Server()
    http: HttpSection = HttpSection()
    limits: LimitsSection = LimitsSection()
    remotes: Remotes = Remotes()
    polling: PollingSection = PollingSection()
    webhooks: WebhooksSection = WebhooksSection()
    index: Index = Index()
    auth: Auth = Auth()
    retention: RetentionSection = RetentionSection()
    metrics: MetricsSection = MetricsSection()
    log: Log = Log()


def load(path: Path) -> Config:
    """
    Return the configuration of the file at *path*.

    Raises:
        ConfigError: It cannot be read, or something in it is wrong; has every fault.
    """
    try:
        text = path.read_text("utf-8")
    except OSError as err:
        raise ConfigError(str(path), [f"cannot be read: {err.strerror}"]) from err
    except UnicodeDecodeError as err:
        raise ConfigError(str(path), [f"is not UTF-8: byte {err.start}"]) from err
    try:
        return parse(tomllib.loads(text), str(path))
    except tomllib.TOMLDecodeError as err:
        raise ConfigError(str(path), [f"is not TOML: {err}"]) from err


def parse(values: Mapping[str, Any], source: str) -> Config:
    """Return the configuration of *values*, or raise ConfigError naming *source*."""
    try:
        return Config.model_validate(values)
    except ValidationError as err:
        raise ConfigError(source, [_words(fault) for fault in err.errors()]) from None


def environment() -> Mapping[str, str]:
    """Return the process's environment, for the children's to be made of."""
    return os.environ  # noqa: TID251 - the one place


def notify_socket() -> str | None:
    """Return where the service manager listens, None if none does; see sd_notify(3)."""
    return environment().get("NOTIFY_SOCKET") or None


def credentials_folder() -> Path | None:
    """Return where the service manager keeps what it hands over; see systemd.exec(5)."""
    folder = environment().get("CREDENTIALS_DIRECTORY")
    return Path(folder) if folder else None


def inherited_sockets() -> range:
    """
    Return the descriptors on which the service manager has this process listen.

    See sd_listen_fds(3): what is meant for another process, such as our parent, is not ours.
    """
    environ = environment()
    given, pid = environ.get("LISTEN_FDS", ""), environ.get("LISTEN_PID")
    is_ours = pid == str(os.getpid()) and given.isdecimal()
    return range(_FIRST_INHERITED, _FIRST_INHERITED + int(given)) if is_ours else range(0)


def watchdog_s() -> float | None:
    """Return how long the service manager waits for a sign of life, None if it wants none."""
    environ = environment()
    wanted, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID")
    is_ours = pid is None or pid == str(os.getpid())
    return int(wanted) / 1e6 if is_ours and wanted.isdecimal() and int(wanted) else None


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0))


def _words(fault: Any) -> str:  # noqa: ANN401 - pydantic's ErrorDetails
    where = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        return f"{where}: unknown key"
    message = str(fault["msg"]).removeprefix("Value error, ")
    return f"{where}: {message[:1].lower()}{message[1:]}, got {fault['input']!r}"

"""Sections of the configuration that `config` puts together; they read no environment."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from cidxd import hosts

Positive = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]
Days = Annotated[float, Field(gt=0, le=36_500)]


def _proxy(value: str) -> str:
    if value != "unix":
        try:
            ip_network(value, strict=False)
        except ValueError:
            raise ValueError('give an address, a network such as 10.0.0.0/8, or "unix"') from None
    return value


def _origin(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or f"{parts.scheme}://{parts.netloc}" != value:
        raise ValueError("give scheme and host, and nothing else: https://tools.example.org")
    return value.lower()


Proxy = Annotated[str, AfterValidator(_proxy)]
Origin = Annotated[str, AfterValidator(_origin)]


class Section(BaseModel):
    """Keys that belong together; one that is not known is a fault."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PollingSection(Section):
    """When repositories without a schedule of their own are looked at; see docs/operations.md."""

    mode: Literal["adaptive", "off"] | None = Field(
        default=None, description="adaptive; a user's private daemon: off"
    )
    min_seconds: Annotated[float, Field(ge=60, le=2_592_000)] = 300.0
    max_seconds: Annotated[float, Field(ge=60, le=2_592_000)] = 21_600.0
    waiting: Positive = Field(default=20, description="scheduled syncs in the queue at once")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.max_seconds < self.min_seconds:
            raise ValueError("max_seconds is less than min_seconds")
        return self


class WebhooksSection(Section):
    """What a remote may send when it changed."""

    max_body_bytes: Annotated[int, Field(ge=1024, le=32 << 20)] = 5 << 20


class RemotesSection(Section):
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


class LimitsSection(Section):
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


class HttpSection(Section):
    """What a client may send, how fast, and how long it may take."""

    url_bytes: Annotated[int, Field(ge=512, le=65_536)] = 8190
    header_line_bytes: Annotated[int, Field(ge=512, le=65_536)] = 8190
    header_bytes: Annotated[int, Field(ge=1024, le=1 << 20)] = 65_536
    headers: Annotated[int, Field(ge=16, le=1000)] = 100
    body_bytes: Annotated[int, Field(ge=1024, le=1 << 30)] = 1 << 20
    header_seconds: Seconds = 20.0
    body_seconds: Seconds = 60.0
    answer_seconds: Seconds = 60.0
    idle_seconds: Seconds = 120.0
    connections: Positive = 10_000
    connections_per_address: Positive = 2000
    connections_per_user: Positive = 2000
    streams_per_user: Positive = 1000
    message_bytes: Annotated[int, Field(ge=1024, le=1 << 24)] = 65_536
    messages_per_second: Seconds = 20.0
    message_burst: Positive = 200
    requests_per_second: Annotated[float, Field(ge=0)] = Field(
        default=100.0, description="of a user; 0 is no limit"
    )
    request_burst: Positive = 1000
    address_requests_per_second: Annotated[float, Field(ge=0)] = Field(
        default=100.0, description="of an address, without a token; 0 is no limit"
    )
    address_request_burst: Positive = 1000
    cors_origins: tuple[Origin, ...] = ()
    hsts_seconds: Annotated[int, Field(ge=0)] = 31_536_000


class Index(Section):
    """What is indexed beside the text."""

    symbols: Literal["tree-sitter", "ctags", "off"] = "tree-sitter"


class Auth(Section):
    """How long a login lasts, and how many may fail."""

    access_minutes: Annotated[int, Field(ge=1, le=24 * 60)] = 15
    refresh_days: Annotated[int, Field(ge=1, le=365)] = 30
    login_failures: Positive = Field(default=10, description="of an account from an address")
    login_failures_per_address: Positive = 50
    login_failures_per_account: Positive = Field(
        default=100, description="from addresses that it never came from"
    )
    login_window_minutes: Annotated[int, Field(ge=1, le=24 * 60)] = 15


class AccessSection(Section):
    """Who may see what, where nothing else is said."""

    repositories: Literal["all", "restricted"] = Field(
        default="all", description="whom a repository is shown to that is added without saying"
    )
    token_days: Annotated[int, Field(ge=1, le=3650)] = Field(
        default=365, description="a personal token lasts at most"
    )


class RetentionSection(Section):
    """How long jobs that ended are kept, one that did not end always is; and the audit log."""

    completed_days: Days = Field(default=30.0, description="completed and cancelled jobs")
    failed_days: Days = 90.0
    kept_per_repository: Annotated[int, Field(ge=0)] = 20
    audit_days: Days = Field(default=365.0, description="the audit log")


class MetricsSection(Section):
    """Who may read them."""

    open: bool = Field(default=False, description="nobody needs a token for /metrics")


class Log(Section):
    """What it tells."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "console"] = "auto"

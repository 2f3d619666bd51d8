"""Sections of the configuration that `config` puts together; they read no environment."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

Positive = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]


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

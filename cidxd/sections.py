"""Sections of the configuration that `config` puts together; they read no environment."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from cidxd import hosts

Positive = Annotated[int, Field(ge=1)]


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

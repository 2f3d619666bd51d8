"""Sections of the configuration that `config` puts together; they read no environment."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

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

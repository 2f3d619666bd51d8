"""What the routes of webhooks answer."""

from __future__ import annotations

from typing_extensions import TypedDict


class WebhookDocument(TypedDict):
    """A repository's new secret, told this once, and the address for each provider."""

    secret: str
    urls: dict[str, str]
    created_at: str


class DeliveryDocument(TypedDict):
    """
    What became of a delivery.

    `job_id` is the sync that answers, new, `joined`, or (`replayed`) that of the same delivery
    before; or `ignored` says why there is none.
    """

    job_id: str | None
    joined: bool
    replayed: bool
    ignored: str | None

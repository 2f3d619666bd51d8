"""What a page of ours must not do, noted while it is used."""

from __future__ import annotations

from typing import Any

from house import Server
from playwright.sync_api import Page


class Watch:
    """What a page must not do: complain, break its policy, ask another host."""

    def __init__(self, server: Server) -> None:
        self.faults: list[str] = []
        self.is_outage_expected = False
        self._base = server.url

    def attach(self, page: Page) -> None:
        page.on("console", self._heard)
        page.on("pageerror", lambda err: self.faults.append(f"error: {err}"))
        page.on("request", self._asked)

    def _heard(self, message: Any) -> None:
        outage = ("ERR_CONNECTION", "WebSocket connection", "status of 503")
        is_outage = any(words in message.text for words in outage)
        is_refusal = "Failed to load resource" in message.text and " 4" in message.text
        if is_refusal or (is_outage and self.is_outage_expected):
            return  # the browser's own words about an answer that the page shows
        if message.type in {"error", "warning"}:
            self.faults.append(f"console: {message.text}")

    def _asked(self, request: Any) -> None:
        if not request.url.startswith((self._base, "data:", "blob:")):
            self.faults.append(f"another host: {request.url}")

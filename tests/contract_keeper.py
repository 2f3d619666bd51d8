"""
What a fuzz of the contract needs to go on: people who can come in, and things that exist.

The fuzz logs itself out, changes passwords and removes what it finds; the keeper mends that
over the admin socket, and knows from the contract which lists name the things of a path.
"""

from __future__ import annotations

import http.client
import json
import random
import re
import socket
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

PASSWORD = "correct horse"
TRIES = 30
# The fuzz guesses passwords from 127.0.0.1, and may be told to wait; not so who watches it.
OWN_ADDRESS = ("127.0.0.3", 0)
_PART = re.compile(r"\{(\w+)\}")


class _AdminConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("admin")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self._path))


class Keeper:
    """
    Keeps the users of a fuzz as they were.

    Args:
        url: Of the daemon.
        admin_socket: Of its own user.
        seed: Decides which of the things that exist is named.
    """

    def __init__(self, url: str, admin_socket: Path, seed: int = 0) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port
        self._admin_socket = admin_socket
        self._chance = random.Random(seed)  # noqa: S311 - the run can be had again
        self._known: dict[str, list[Any]] = {}
        self._served: dict[str, Any] = {}

    def contract(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        if not self._served:
            status, self._served = self.ask("GET", "/api/openapi.json")
            assert status == 200
        return self._served

    def roles(self) -> list[str]:
        """Return every role that a user may have."""
        body = self.contract()["components"]["schemas"]["UserBody"]["properties"]["role"]
        return list(body["enum"])

    def let_in(self, name: str, role: str) -> str:
        """Return a token of that user, who is added, or becomes what they were."""
        user = {"name": name, "password": PASSWORD, "role": role}
        if self._admin("POST", "/users", user) != 201:
            again = {"password": PASSWORD, "role": role, "disabled": False}
            assert self._admin("PATCH", f"/users/{name}", again) == 200
        sent = {"username": name, "password": PASSWORD}
        status, pair = self.ask("POST", "/api/auth/login", body=sent)
        for _ in range(TRIES):
            if status != 429:
                break
            time.sleep(1)
            status, pair = self.ask("POST", "/api/auth/login", body=sent)
        assert status == 200, pair
        return str(pair["access_token"])

    def is_in(self, token: str, role: str) -> bool:
        """Return whether *token* is good still, and its user's role what it was."""
        status, me = self.ask("GET", "/api/auth/me", token)
        return status == 200 and me["role"] == role

    def known(self, path: str, part: str, token: str) -> str | None:
        """Return something that exists for `{part}` of a *path* of the contract, if any does."""
        collection = path.partition(f"/{{{part}}}")[0]
        if _PART.search(collection) or "get" not in self.contract()["paths"].get(collection, {}):
            return None
        if collection not in self._known:
            self._known[collection] = self._listed(collection, token)
        found = [
            item[key] for item in self._known[collection] for key in (part, "id") if key in item
        ]
        return str(self._chance.choice(found)) if found else None

    def forget(self) -> None:
        """Look at the lists again when something of them is wanted next."""
        self._known.clear()

    def ask(self, method: str, path: str, token: str = "", body: object = None) -> tuple[int, Any]:
        """Return status and JSON of one request."""
        connection = http.client.HTTPConnection(
            self._host, self._port, timeout=60, source_address=OWN_ADDRESS
        )
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return _asked(connection, method, path, headers, body)

    def _listed(self, collection: str, token: str) -> list[Any]:
        status, answer = self.ask("GET", collection, token)
        lists = [value for value in answer.values() if isinstance(value, list)] if answer else []
        is_list = status == 200 and lists
        return [item for item in lists[0] if isinstance(item, dict)] if is_list else []

    def _admin(self, method: str, path: str, body: object) -> int:
        return _asked(_AdminConnection(self._admin_socket), method, path, {}, body)[0]


def _asked(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    headers: dict[str, str],
    body: object,
) -> tuple[int, Any]:
    try:
        raw = None if body is None else json.dumps(body).encode()
        more = {} if raw is None else {"Content-Type": "application/json"}
        connection.request(method, path, raw, {**headers, **more})
        response = connection.getresponse()
        text = response.read()
        return response.status, json.loads(text) if text else None
    finally:
        connection.close()

"""
How git is handed a credential: in its environment, for one host, and never in an argument.

What was handed over so is known from the environment alone, so whoever hears that git can
take it out of git's words: a remote may repeat what it was sent.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import quote

DEFAULT_USERNAME: Final = "x-access-token"  # GitHub's; GitLab and Gitea take any
_HEADER: Final = "Authorization: Basic "
_NAMES: Final = re.compile(r"GIT_CONFIG_KEY_(\d+)")
_SHORTEST: Final = 4  # shorter ones are in every second word
REDACTED: Final = "[redacted]"


def settings(authority: str, username: str, secret: str) -> list[tuple[str, str]]:
    """
    Return git's settings that send user and password to *authority* and to nobody else.

    See git-config(1), http.<url>.*: scheme, host and port have to be the same.  An empty value
    takes away headers that were set before.  No redirect is followed with it.
    """
    told = base64.b64encode(f"{username or DEFAULT_USERNAME}:{secret}".encode()).decode("ascii")
    at = f"http.{authority}/"
    return [
        (f"{at}.followRedirects", "false"),
        (f"{at}.extraHeader", ""),
        (f"{at}.extraHeader", _HEADER + told),
    ]


def ssh_options(key: str, known_hosts: str) -> list[str]:
    """Return options of ssh with which only that key proves us, and only those lines the host."""
    options = {
        "BatchMode": "yes",
        "IdentityFile": key,
        "IdentitiesOnly": "yes",
        "IdentityAgent": "none",
        "AddKeysToAgent": "no",
        "PreferredAuthentications": "publickey",
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": known_hosts,
        "GlobalKnownHostsFile": "/dev/null",
        "UpdateHostKeys": "no",
        "VerifyHostKeyDNS": "no",
        "ControlMaster": "no",
        "ControlPath": "none",
    }
    return [word for name, value in options.items() for word in ("-o", f"{name}={value}")]


def secrets_in(env: Mapping[str, str]) -> tuple[str, ...]:
    """Return what *env* hands over, in each form in which it may be repeated, longest first."""
    found: set[str] = set()
    for name, value in env.items():
        if (match := _NAMES.fullmatch(name)) is None or not value.endswith(".extraHeader"):
            continue
        header = env.get(f"GIT_CONFIG_VALUE_{match[1]}", "")
        if header.startswith(_HEADER):
            told = header.removeprefix(_HEADER)
            secret = base64.b64decode(told).decode("utf-8", "replace").partition(":")[2]
            found |= {told, secret, quote(secret, safe=""), quote(secret)}
    return tuple(sorted((word for word in found if len(word) >= _SHORTEST), key=len, reverse=True))


def is_handed(env: Mapping[str, str]) -> bool:
    """Return whether *env* hands over a credential of any kind."""
    return bool(secrets_in(env)) or " IdentitiesOnly=yes " in env.get("GIT_SSH_COMMAND", "")


def concealed(text: str, secrets: Iterable[str]) -> str:
    """Return *text* without any of *secrets*."""
    for secret in secrets:
        text = text.replace(secret, REDACTED)
    return text

"""Credentials on the wire: what is sent once, and what is shown of it ever after."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints
from typing_extensions import TypedDict

from cidxd.web.route import Sent

Word = Annotated[SecretStr, Field(min_length=1, max_length=8192)]
Text = Annotated[SecretStr, Field(min_length=1, max_length=100_000)]


class CredentialBody(Sent):
    """
    A credential; it can be sent and not be read back.

    `token` with `username` if the host wants a certain one, `password` with `username`, or
    `ssh-key` with `private_key` (without a passphrase) and `known_hosts`.
    """

    kind: Literal["token", "password", "ssh-key"]
    token: Word | None = None
    username: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    password: Word | None = None
    private_key: Text | None = None
    known_hosts: Annotated[str, StringConstraints(min_length=1, max_length=100_000)] | None = None


class CredentialDocument(TypedDict):
    """What is shown of a credential; `fingerprint` is a key's public half's, else null."""

    kind: Literal["token", "password", "ssh-key"]
    set_at: str
    set_by: str
    fingerprint: str | None

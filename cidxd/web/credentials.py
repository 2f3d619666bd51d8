"""Credentials that come in: what is wrong with one, and who they are kept for."""

from __future__ import annotations

import asyncio
import re
from typing import Final, NamedTuple

from pydantic import SecretStr

from cidxd.errors import InvalidError
from cidxd.git import ssh_key
from cidxd.model import credential as rules
from cidxd.model import instant
from cidxd.model.credential import Credential, CredentialKind, Entrusted, Seal, Secret
from cidxd.web.credential_documents import CredentialBody, CredentialDocument
from cidxd.work.vault import Vault

_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_CONTROLS_OF_TEXT: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]")
_FIELDS: Final = {
    CredentialKind.TOKEN: ("token",),
    CredentialKind.PASSWORD: ("username", "password"),
    CredentialKind.SSH_KEY: ("private_key", "known_hosts"),
}
_OPTIONAL: Final = {CredentialKind.TOKEN: ("username",)}


class Received(NamedTuple):
    """A credential that was sent, checked, and to whom alone it is good."""

    secret: Secret
    authority: str

    async def sealing(self, vault: Vault, *, by: str, now: float) -> Seal:
        """Return what seals it for a repository; see `Vault.sealing`."""
        return await vault.sealing(self.secret, self.authority, by=by, now=now)


async def received(sent: CredentialBody | None, remote: str) -> Received | None:
    """
    Return what was sent for *remote*, None if that was nothing.

    Raises:
        InvalidError: It cannot be used there; `pointer` says which part of it.
    """
    if sent is None:
        return None
    kind = CredentialKind(sent.kind)
    authority = _authority(remote, kind)
    _check_fields(sent, kind)
    if kind is CredentialKind.SSH_KEY:
        return Received(await _key(sent, authority), authority)
    name = "token" if kind is CredentialKind.TOKEN else "password"
    secret = _shown(sent.token if name == "token" else sent.password)
    _check_plain(secret, f"/credentials/{name}")
    username = sent.username or ""
    _check_plain(username or "-", "/credentials/username")
    if ":" in username:
        raise _invalid("a user's name has no colon", "username", "the token goes into `token`")
    return Received(Secret(kind=kind, username=username, secret=secret), authority)


async def entrusted(
    given: Received | None, vault: Vault, *, is_sent: bool, by: str, now: float
) -> Entrusted | None:
    """Return what becomes of the credential of a repository that is changed."""
    if given is not None:
        return Entrusted(await given.sealing(vault, by=by, now=now))
    return Entrusted(None) if is_sent else None


def document(kept: Credential | None) -> CredentialDocument | None:
    """Return what is shown of a credential."""
    if kept is None:
        return None
    return {
        "kind": kept.kind.value,
        "set_at": instant.to_wire(kept.set_at),
        "set_by": kept.set_by,
        "fingerprint": kept.fingerprint,
    }


def _authority(remote: str, kind: CredentialKind) -> str:
    authority = rules.authority_of(remote)
    if authority is None:
        raise _misfit("a remote on this machine, or a host of that form, takes no credentials", "")
    if not rules.fits(kind, authority):
        scheme = authority.partition("://")[0]
        wanted = "an ssh-key" if scheme == "ssh" else "a token or a password"
        message = f"a remote over {scheme} takes {wanted}, not: {kind.value}"
        raise _misfit(message, "or register its other address")
    return authority


def _check_fields(sent: CredentialBody, kind: CredentialKind) -> None:
    """Raise InvalidError unless exactly the fields of *kind* were sent."""
    wanted = _FIELDS[kind]
    known = {"kind", *wanted, *_OPTIONAL.get(kind, ())}
    for name in sorted(sent.model_fields_set - known):
        raise _invalid(f"{kind.value} has no such field: {name}", name, f"it has: {_list(wanted)}")
    for name in wanted:
        if getattr(sent, name) is None:
            raise _invalid(f"missing: {name}", name, f"{kind.value} has: {_list(wanted)}")


async def _key(sent: CredentialBody, authority: str) -> Secret:
    text, hosts = _shown(sent.private_key), sent.known_hosts or ""
    for name, value in (("private_key", text), ("known_hosts", hosts)):
        if _CONTROLS_OF_TEXT.search(value):
            raise _invalid("control characters are no part of it", name, "send the file as it is")
    host, port = _place(authority)
    lines = ssh_key.check_known_hosts(hosts, host, port)
    key, fingerprint = await asyncio.to_thread(ssh_key.private_key, text)
    return Secret(
        kind=CredentialKind.SSH_KEY, secret=key, known_hosts=lines, fingerprint=fingerprint
    )


def _place(authority: str) -> tuple[str, int]:
    """Return host and port of an authority of ssh."""
    host, _, port = authority.removeprefix("ssh://").rpartition(":")
    if not host:  # port 443 is not written
        return authority.removeprefix("ssh://").strip("[]"), 443
    return host.strip("[]"), int(port)


def _check_plain(value: str, pointer: str) -> None:
    if _CONTROLS.search(value):
        raise InvalidError(
            "line ends and control characters are no part of it",
            code="credential-invalid",
            hint="a line end often comes with a file or the clipboard: leave it out",
            pointer=pointer,
        )
    if not value.strip():
        raise InvalidError(
            "it is empty", code="credential-invalid", hint="send its value", pointer=pointer
        )


def _shown(value: SecretStr | None) -> str:
    return "" if value is None else value.get_secret_value()


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(names)


def _invalid(message: str, field: str, hint: str) -> InvalidError:
    return InvalidError(
        message, code="credential-invalid", hint=hint, pointer=f"/credentials/{field}"
    )


def _misfit(message: str, hint: str) -> InvalidError:
    return InvalidError(message, code="credential-misfit", hint=hint, pointer="/credentials/kind")

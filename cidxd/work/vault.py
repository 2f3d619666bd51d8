"""
Credentials sealed and opened: AES-256-GCM, bound to repository, kind and authority.

A row that is moved to another repository, or whose authority is changed, does not open.
What is opened is handed to one git call (`handover`) and forgotten.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from typing import Final

import orjson
import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cidxd.model.credential import Credential, Seal, Secret
from cidxd.store.database import StoreError
from cidxd.store.ledger import Ledger
from cidxd.work.keyring import DOCS, Key, Keyring, KeyUnusableError

_log = structlog.get_logger()

_NONCE_BYTES: Final = 12  # NIST SP 800-38D, 8.2.2: random, far fewer than 2^32 with one key


class Vault:
    """
    Seals and opens.

    Args:
        keyring: Has the keys.
        stored: Returns every credential that is kept now.
    """

    def __init__(self, keyring: Keyring, stored: Callable[[], Iterable[Credential]]) -> None:
        self._keyring = keyring
        self._stored = stored

    async def sealing(self, secret: Secret, authority: str, *, by: str, now: float) -> Seal:
        """
        Return what seals *secret* for a repository; the first one ever makes the key.

        Raises:
            KeyUnusableError: There is none, and something is sealed with it, or it may not be used.
        """
        is_first = not any(True for _ in self._stored())
        keys = await asyncio.to_thread(self._keyring.made if is_first else self._keyring.keys)
        if not keys:
            raise self._missing()
        content = orjson.dumps(
            {"username": secret.username, "secret": secret.secret, "hosts": secret.known_hosts}
        )

        def seal(repository_id: int) -> Credential:
            bound = _bound(repository_id, secret.kind, authority)
            return Credential(
                repository_id=repository_id,
                kind=secret.kind,
                authority=authority,
                set_at=now,
                set_by=by,
                fingerprint=secret.fingerprint,
                key_id=keys[0].key_id,
                sealed=_sealed(keys[0], content, bound),
            )

        return seal

    async def opened(self, kept: Credential) -> Secret:
        """
        Return what was sealed.

        Raises:
            KeyUnusableError: It does not open; code `credential-key-missing`, `-unsafe`,
                `-invalid`, or `credential-unreadable`.
        """
        keys = await asyncio.to_thread(self._keyring.keys)
        content = orjson.loads(self._content(kept, keys))
        return Secret(
            kind=kept.kind,
            username=content["username"],
            secret=content["secret"],
            known_hosts=content["hosts"],
            fingerprint=kept.fingerprint,
        )

    async def renew(self, ledger: Ledger) -> None:
        """
        Seal with the newest key what an older one sealed, and say what cannot be opened.

        It is a help for who rotates the key: whatever fails here is told again when it is used.
        """
        try:
            keys = await asyncio.to_thread(self._keyring.keys)
        except KeyUnusableError as err:
            _tell(err)
            return
        renewed = 0
        for row in list(self._stored()):
            try:
                content = self._content(row, keys)
            except KeyUnusableError as err:
                _tell(err, repository_id=row.repository_id)
                continue
            if row.key_id != keys[0].key_id:
                bound = _bound(row.repository_id, row.kind, row.authority)
                sealed = _sealed(keys[0], content, bound)
                try:
                    await ledger.reseal(row, keys[0].key_id, sealed)
                except StoreError as err:  # the next start does it
                    _log.warning("credentials_not_resealed", error=err.message)
                    return
                renewed += 1
        if renewed:
            _log.info("credentials_resealed", credentials=renewed)

    async def fault(self) -> KeyUnusableError | None:
        """Return why not every credential can be opened, None if each can."""
        try:
            keys = await asyncio.to_thread(self._keyring.keys)
            for row in self._stored():
                self._content(row, keys)
        except KeyUnusableError as err:
            return err
        return None

    def _content(self, kept: Credential, keys: list[Key]) -> bytes:
        if not keys:
            raise self._missing()
        key = next((key for key in keys if key.key_id == kept.key_id), None)
        if key is None:
            raise KeyUnusableError(
                f"the credentials are sealed with another key than the one in {self._keyring.place}"
                f": {kept.key_id}",
                code="credential-key-missing",
                hint=f"add that key as a line of its own, or give the credentials anew: {DOCS}",
            )
        try:
            nonce, sealed = kept.sealed[:_NONCE_BYTES], kept.sealed[_NONCE_BYTES:]
            bound = _bound(kept.repository_id, kept.kind, kept.authority)
            return AESGCM(key.secret).decrypt(nonce, sealed, bound)
        except (InvalidTag, ValueError) as err:
            raise KeyUnusableError(
                "the credentials are not as they were sealed, or not where",
                code="credential-unreadable",
                hint="give them anew: cidx repo set NAME; then find out who changed the database",
            ) from err

    def _missing(self) -> KeyUnusableError:
        return KeyUnusableError(
            f"there are sealed credentials, and no key in {self._keyring.place}",
            code="credential-key-missing",
            hint="put the key back; if it is lost, take the credentials away (cidx repo set NAME "
            f"--no-credentials), and a new key is made for the next ones: {DOCS}",
        )


def _tell(err: KeyUnusableError, **about: int) -> None:
    _log.warning(
        "credential_key_unusable", error=err.message, hint=err.hint, code=err.code, **about
    )


def _bound(repository_id: int, kind: str, authority: str) -> bytes:
    """Return what a sealed credential opens with only: that it is this repository's."""
    return orjson.dumps(["cidxd credential", 1, repository_id, str(kind), authority])


def _sealed(key: Key, content: bytes, bound: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key.secret).encrypt(nonce, content, bound)

"""
TLS by certificate files, for those without a proxy: 1.2 and later, and reloaded in place.

A new certificate is for handshakes to come; connections that are open keep theirs.
"""

from __future__ import annotations

import dataclasses
import ssl
from pathlib import Path
from typing import NoReturn

from cryptography import x509

from cidxd.errors import CidxdError


class TlsError(CidxdError):
    """Certificate and key are no pair that can be served with."""

    code = "tls-invalid"


@dataclasses.dataclass(frozen=True, slots=True)
class Pair:
    """Where a certificate, with those that it was issued by behind it, and its key are (PEM)."""

    certificate: Path
    key: Path


def context(pair: Pair) -> ssl.SSLContext:
    """
    Return what TLS is served with.

    Raises:
        TlsError: A file cannot be read, or they do not belong together.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.set_alpn_protocols(["http/1.1"])
    made.options |= ssl.OP_NO_RENEGOTIATION
    _load(made, pair)
    return made


def reload(live: ssl.SSLContext, pair: Pair) -> None:
    """Let *live* use the files as they are now; raises TlsError, and then nothing has changed."""
    context(pair)
    _load(live, pair)


def not_after(pair: Pair) -> float:
    """Return when the certificate ends, in POSIX seconds; raises TlsError."""
    return _leaf(pair.certificate).not_valid_after_utc.timestamp()


def _leaf(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())[0]
    except OSError as err:
        raise TlsError(f"server.tls_certificate: cannot be read: {path}: {err.strerror}") from err
    except ValueError as err:
        raise TlsError(f"server.tls_certificate: has no PEM certificate: {path}") from err


def _load(into: ssl.SSLContext, pair: Pair) -> None:
    _leaf(pair.certificate)  # it has the better words
    try:
        pair.key.read_bytes()
        into.load_cert_chain(pair.certificate, pair.key, _no_passphrase)
    except ssl.SSLError as err:
        raise TlsError(f"server.tls_key: {_why(err)}: {pair.key}") from err
    except OSError as err:
        raise TlsError(f"server.tls_key: cannot be read: {pair.key}: {err.strerror}") from err
    except _PassphraseError:
        raise TlsError(
            f"server.tls_key: has a passphrase, which none can enter: {pair.key}"
        ) from None


def _why(err: ssl.SSLError) -> str:
    if err.reason == "KEY_VALUES_MISMATCH":
        return "is not the key of server.tls_certificate"
    return "is no PEM private key"


class _PassphraseError(Exception):
    """A key asks for one."""


def _no_passphrase() -> NoReturn:
    raise _PassphraseError

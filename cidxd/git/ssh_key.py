"""Private keys and known_hosts files as people give them, checked before ssh reads them."""

from __future__ import annotations

import base64
import binascii
import fnmatch
import hashlib
import hmac
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from cidxd.errors import InvalidError

_RSA_BITS: Final = 2048
_PORT: Final = 22  # of ssh; others are written with the host
_OPENSSH: Final = "-----BEGIN OPENSSH PRIVATE KEY-----"
_MARKERS: Final = ("@cert-authority", "@revoked")
_KEY_POINTER: Final = "/credentials/private_key"
_HOSTS_POINTER: Final = "/credentials/known_hosts"

_Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def private_key(text: str) -> tuple[str, str]:
    """
    Return the key in OpenSSH's form, and the fingerprint of its public half.  Blocks a little.

    Raises:
        InvalidError: ssh could not use it without asking somebody.
    """
    found = _loaded(text.strip().replace("\r\n", "\n") + "\n")
    if not isinstance(found, _Private) or (
        isinstance(found, rsa.RSAPrivateKey) and found.key_size < _RSA_BITS
    ):
        raise _bad_key(
            "not a kind of key that may be used",
            f"make one: ssh-keygen -t ed25519 -N '' -f FILE; RSA needs {_RSA_BITS} bits",
        )
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.OpenSSH
    written = found.private_bytes(serialization.Encoding.PEM, form, plain).decode("ascii")
    return written, _fingerprint(found)


def check_known_hosts(text: str, host: str, port: int) -> str:
    """
    Return *text* with plain line ends, if one of its lines is of the host.

    Args:
        text: Lines as in sshd(8), SSH_KNOWN_HOSTS FILE FORMAT.
        host: In lower case, an address of IPv6 without brackets.
        port: Where sshd listens.

    Raises:
        InvalidError: A line is none, or no line is of the host.
    """
    # As ssh looks it up; with an alias (`guard.pinned`) it tries no other form.
    name = host if port == _PORT else f"[{host}]:{port}"
    lines = [line.strip() for line in text.splitlines()]
    told = [(number, line) for number, line in enumerate(lines, 1) if line and line[0] != "#"]
    of_host = [line for number, line in told if _is_of(line, number, name)]
    if not of_host:
        raise _bad_hosts(
            f"no line is of the host: {name}",
            f"ssh-keyscan -p {port} {host} prints one; compare it with the host's owner",
        )
    return "".join(f"{line}\n" for _, line in told)


def _loaded(text: str) -> object:
    data = text.encode("utf-8", "replace")
    load = (
        serialization.load_ssh_private_key
        if text.startswith(_OPENSSH)
        else serialization.load_pem_private_key
    )
    try:
        return load(data, password=None)
    except UnsupportedAlgorithm as err:
        raise _bad_key("not a kind of key that may be used", _UNATTENDED) from err
    except (TypeError, ValueError) as err:
        if _is_encrypted(data):
            raise _bad_key("the private key has a passphrase", _UNATTENDED) from err
        raise _bad_key(
            "not a private key",
            "give the whole file that ssh-keygen(1) wrote, not the one that ends in .pub",
        ) from err


_UNATTENDED: Final = "nobody is there to be asked: make one without, ssh-keygen -t ed25519 -N ''"


def _is_encrypted(data: bytes) -> bool:
    """Return whether the key would want a passphrase; a wrong one tells."""
    if b"ENCRYPTED" in data:
        return True
    body = b"".join(data.split(b"-----")[2:3])
    try:
        packed = base64.b64decode(body)
    except binascii.Error:
        return False
    # PROTOCOL.key of OpenSSH: the magic, then the name of the cipher.
    return packed.startswith(b"openssh-key-v1\0") and b"\0\0\0\4none" not in packed[:32]


def _fingerprint(key: _Private) -> str:
    public = key.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    digest = hashlib.sha256(base64.b64decode(public.split()[1])).digest()
    return "SHA256:" + base64.b64encode(digest).decode("ascii").rstrip("=")


def _is_of(line: str, number: int, name: str) -> bool:
    """Return whether *line* says which key the host has; raises InvalidError if it is no line."""
    fields = line.split()
    marker = fields.pop(0) if fields[0] in _MARKERS else ""
    if len(fields) < 3 or not _is_key(fields[1], fields[2]):  # noqa: PLR2004 - hosts, kind, key
        raise _bad_hosts(
            f"not a line of a known_hosts file: line {number}",
            "each is: hosts, kind of key, key; ssh-keyscan HOST prints them",
        )
    return marker != "@revoked" and _is_named(fields[0], name)


def _is_key(kind: str, encoded: str) -> bool:
    try:
        packed = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        return False
    name = kind.encode("ascii", "replace")
    return packed.startswith(len(name).to_bytes(4, "big") + name)


def _is_named(hosts: str, name: str) -> bool:
    if hosts.startswith("|1|"):
        return _is_hashed(hosts, name)
    patterns = hosts.lower().split(",")
    if any(_is_like(name, pattern[1:]) for pattern in patterns if pattern.startswith("!")):
        return False
    return any(_is_like(name, pattern) for pattern in patterns)


def _is_like(name: str, pattern: str) -> bool:
    # ssh knows * and ? only, and a bracket is a bracket.
    return fnmatch.fnmatchcase(name, pattern.replace("[", "[[]"))


def _is_hashed(field: str, name: str) -> bool:
    try:
        salt, digest = (base64.b64decode(part, validate=True) for part in field.split("|")[2:4])
    except (binascii.Error, ValueError):
        return False
    made = hmac.digest(salt, name.encode("ascii", "replace"), "sha1")  # as ssh-keygen -H does
    return hmac.compare_digest(made, digest)


def _bad_key(message: str, hint: str) -> InvalidError:
    return InvalidError(message, code="credential-invalid", hint=hint, pointer=_KEY_POINTER)


def _bad_hosts(message: str, hint: str) -> InvalidError:
    return InvalidError(message, code="credential-invalid", hint=hint, pointer=_HOSTS_POINTER)

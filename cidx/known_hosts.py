"""The lines of a known_hosts file that are of one host; see sshd(8)."""

from __future__ import annotations

import base64
import binascii
import fnmatch
import hmac
import re

_URL = re.compile(
    r"ssh://(?:[^@/]*@)?(?P<host>\[[^\]]+\]|[^/:]+)(?::(?P<port>\d+))?/", re.IGNORECASE
)
_SCP = re.compile(r"(?:[^@/:]+@)?(?P<host>\[[^\]]+\]|[^/:]+):(?!/?/)")
_FIELDS = 3  # hosts, kind of key, key


def lines_of(remote: str, text: str) -> str:
    """Return the lines of *text* that are of the host of *remote*; empty for another address."""
    found = _URL.match(remote) or ("://" not in remote and _SCP.match(remote)) or None
    if found is None:
        return ""
    host = found["host"].strip("[]").lower()
    port = found.groupdict().get("port") or "22"
    name = host if port == "22" else f"[{host}]:{port}"
    lines = [line.strip() for line in text.splitlines()]
    return "".join(f"{line}\n" for line in lines if _is_of(line, name))


def _is_of(line: str, name: str) -> bool:
    fields = line.split()
    if fields and fields[0].startswith("@"):
        fields.pop(0)
    if len(fields) < _FIELDS or line.startswith("#"):
        return False
    if fields[0].startswith("|1|"):
        return _is_hashed(fields[0], name)
    patterns = fields[0].lower().replace("[", "[[]").split(",")
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _is_hashed(field: str, name: str) -> bool:
    try:
        salt, digest = (base64.b64decode(part) for part in field.split("|")[2:4])
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(hmac.digest(salt, name.encode(), "sha1"), digest)

"""
Ways to come in with a token that is none: the table that the tests and docs/tokens.md share.

The forger has even what no attacker should: a live session's claims, and where it says so
the daemon's own signing key.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import jwt

Headers = list[tuple[str, bytes]]


@dataclasses.dataclass(frozen=True, slots=True)
class Loot:
    """What the forger has: a good token with its key, and other secrets of the same daemon."""

    token: str
    key: str
    key_id: str
    refresh: str

    @property
    def claims(self) -> dict[str, Any]:
        return dict(jwt.decode(self.token, options={"verify_signature": False}))


@dataclasses.dataclass(frozen=True, slots=True)
class Attack:
    """One way in; `kind` is its row in the table."""

    kind: str
    headers: Headers
    path: str = "/api/auth/me"


def encoded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def forged(header: Any, payload: Any, key: str, digest: str = "sha256") -> bytes:
    """Return a token of any JSON, or of bytes as they are, signed by HMAC."""
    parts = [
        encoded(part if isinstance(part, bytes) else _json(part)) for part in (header, payload)
    ]
    signature = hmac.new(key.encode(), b".".join(parts), digest).digest()
    return b".".join([*parts, encoded(signature)])


def bearer(token: bytes | str) -> Headers:
    given = token if isinstance(token, bytes) else token.encode()
    return [("Authorization", b"Bearer " + given)]


def attacks(loot: Loot) -> Iterator[Attack]:
    """Yield every attack that is to be answered 401."""
    for kind, tokens in _tokens(loot).items():
        for token in tokens:
            yield Attack(kind, bearer(token))
    for kind, sets in _headers(loot).items():
        for headers in sets:
            yield Attack(kind, headers)
    for name in ("access_token", "token"):
        yield Attack("token in the query string", [], f"/api/auth/me?{name}={loot.token}")


def _tokens(loot: Loot) -> dict[str, list[bytes]]:
    key, claims = loot.key, loot.claims
    header = {"alg": "HS256", "typ": "at+jwt", "kid": loot.key_id}
    header = {"alg": "HS256", "kid": loot.key_id, "typ": "at+jwt"}
    now = int(time.time())

    def said(**change: Any) -> bytes:
        return forged(header, {**claims, **change}, key)

    def without(name: str) -> bytes:
        return forged(header, {k: v for k, v in claims.items() if k != name}, key)

    def headed(by: str = key, digest: str = "sha256", **change: Any) -> bytes:
        changed = {k: v for k, v in {**header, **change}.items() if v is not ...}
        return forged(changed, claims, by, digest)

    unsigned = [
        b".".join([encoded(_json({**header, "alg": alg})), encoded(_json(claims)), s])
        for alg in ("none", "None", "NONE", "nOnE", "", None)
        for s in (b"", b"x", loot.token.encode().rpartition(b".")[2])
    ]
    kids = ["../../../../dev/null", "/proc/sys/kernel/randomize_va_space", "' OR 1=1 --", "", "*"]
    odd = [None, 0, 1.5, True, [loot.key_id], {"a": loot.key_id}, "k" * 1000, "\0", "\ud800", ...]
    own = {"kty": "oct", "k": encoded(b"mine").decode()}
    return {
        "alg none, in every spelling": unsigned,
        "wrong key": [
            headed(by) for by in ("", "0" * 64, loot.key_id, key[:-1], key.upper() + "x")
        ],
        "key confusion: another algorithm with our key": [
            *[headed(alg=alg) for alg in ("RS256", "ES256", "PS256", "EdDSA", "hs256", "HMAC")],
            headed(alg="HS512", digest="sha512"),
            headed(alg="HS384", digest="sha384"),
            headed(digest="sha512"),
        ],
        "a key that the token brings along": [
            headed("mine", jwk=own),
            headed("mine", jku="https://example.org/keys.json"),
            headed("mine", x5u="file:///dev/null", x5c=["AAAA"]),
            headed(jwk=own),
        ],
        "expired": [said(exp=now - 3600), said(exp=0), said(exp=-1)],
        "not yet valid": [said(nbf=now + 3600), said(iat=now + 3600)],
        "wrong issuer or audience": [
            said(iss="cidxd:another"),
            said(iss=None),
            said(aud="elsewhere"),
            said(aud=["elsewhere"]),
            said(aud=None),
        ],
        "wrong type": [headed(typ=typ) for typ in ("JWT", "refresh", "AT+JWT", None, ...)],
        "a claim is missing or of another kind": [
            *[without(name) for name in claims],
            said(exp="never"),
            said(exp=1e400),
            said(nbf=[1]),
            said(sid=["x"]),
        ],
        "refresh used as access": [loot.refresh.encode(), loot.refresh.split(".")[0].encode()],
        "kid injection": [
            headed(by, kid=kid) for kid in [*kids, *odd] for by in ("", key) if kid != loot.key_id
        ],
        "truncated, at every part": _truncated(loot.token.encode()),
        "spelled otherwise": _respelled(loot, header),
        "duplicated claims": [
            forged(header, _json(claims)[:-1] + b', "sub": "root"}', key),
            forged(header, b'{"sid": "x", ' + _json(claims)[1:], key),
            forged(_json(header)[:-1] + b', "alg": "HS256"}', claims, key),
        ],
        "not what it says it holds": [
            forged(header, b"[" * 500 + b"]" * 500, key),
            forged(header, b"\xff\xfe", key),
            forged(header, [claims], key),
            forged([header], claims, key),
            forged(header, b"", key),
            forged(b"null", b"null", key),
        ],
        "oversized": [
            b"a" * 6000,
            b"a." * 3000,
            forged(header, {**claims, "more": "x" * 3000}, key),
            loot.token.encode() + b"A" * 4000,
        ],
    }


def _truncated(token: bytes) -> list[bytes]:
    header, payload, signature = token.split(b".")
    pieces = [
        header, header + b".", header + b"." + payload, header + b"." + payload + b".",
        b"." + payload + b"." + signature, header + b".." + signature, b".." + signature,
        b".", b"..", b"...", token + b".", b"." + token, token + b"." + signature,
    ]  # fmt: skip
    return pieces + [token[:n] for n in range(1, len(token), 7)] + [token[:-1], token[1:]]


def _respelled(loot: Loot, header: dict[str, str]) -> list[bytes]:
    token = loot.token.encode()
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    # 32 bytes are 43 letters: the last one has two bits that say nothing.
    other = letters[letters.index(token[-1:]) ^ 1 :][:1]
    spaced = json.dumps(loot.claims, indent=1).encode()
    return [
        token[:-1] + other,
        token + b"=",
        token + b"==",
        forged(header, spaced, loot.key),
        forged(dict(reversed(header.items())), loot.claims, loot.key),
        forged({**header, "crit": []}, loot.claims, loot.key),
        token.replace(b".", b" . "),
        token.swapcase(),
        b'"' + token + b'"',
        token + b",",
        token + b" " + token,
    ]


def _headers(loot: Loot) -> dict[str, list[Headers]]:
    token = loot.token.encode()
    good, bad = ("Authorization", b"Bearer " + token), ("Authorization", b"Bearer x")
    basic = base64.b64encode(b"ada:correct horse")
    return {
        "no credentials": [[]],
        "two Authorization headers": [
            [good, good], [good, bad], [bad, good],
            [("Authorization", b"Bearer " + token + b", Bearer " + token)],
        ],
        "another scheme": [
            [("Authorization", scheme + given)]
            for scheme in (b"Basic ", b"Token ", b"", b"Digest ", b"Bearer:", b"BearerBearer ")
            for given in (token, basic)
        ],
        "empty": [[("Authorization", given)] for given in (b"", b"Bearer", b"Bearer ", b" ")],
        "white space": [
            [("Authorization", given)]
            for given in (b"Bearer  " + token, b"Bearer\t" + token, b"Bearer \t" + token)
        ],
        "not ASCII": [
            [("Authorization", b"Bearer " + given)]
            for given in (b"\xff\xfe", "ключ".encode(), token + b"\xc3\xa9", b"\xc2\xa0" + token)
        ],
        "another header or cookie": [
            [("X-Access-Token", token)],
            [("Proxy-Authorization", b"Bearer " + token)],
            [("Cookie", b"token=" + token + b"; access_token=" + token)],
            [("Sec-WebSocket-Protocol", b"bearer, " + token)],
        ],
    }  # fmt: skip


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def mark(attack: Attack) -> list[str]:
    """Return long pieces of what was sent, which nothing may repeat."""
    sent = [value.decode("latin-1") for _, value in attack.headers]
    words = " ".join(sent).replace(",", " ").split()
    return [piece for word in words for piece in word.split(".") if len(piece) > 20]


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()

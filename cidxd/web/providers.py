"""
What the webhooks of each provider look like: who signs how, and what they say.

GitHub, Gitea (Forgejo) and Bitbucket sign the body with HMAC-SHA256; GitLab sends the secret.
Their documentation names the headers.
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Any, Final

from cidxd.model.hooks import BranchPush

_HEADS: Final = "refs/heads/"


@dataclasses.dataclass(frozen=True, slots=True)
class Told:
    """
    What a delivery says.

    Attributes:
        event: The provider's own name of it.
        pushes: What has changed; None when it tells of no push at all.
        default: The default branch, None if it is not told.
    """

    event: str
    pushes: list[BranchPush] | None
    default: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """
    One kind of webhook.

    Attributes:
        proof: The header with the signature, or with the secret itself.
        is_signed: The proof is an HMAC of the body; else it is the secret.
        ids: Headers that name a delivery, the best first.
        event: The header that names what happened.
        told: Reads the body.
    """

    proof: str
    is_signed: bool
    ids: tuple[str, ...]
    event: str
    told: Callable[[str, Mapping[str, Any]], Told]

    def is_genuine(self, headers: Mapping[str, str], body: bytes, secret: str) -> bool:
        """Return whether who sent *body* knows *secret*; takes as long whatever was sent."""
        given = headers.get(self.proof, "").encode("utf-8", "surrogateescape")
        if not self.is_signed:
            wanted = hashlib.sha256(secret.encode()).digest()
            return hmac.compare_digest(hashlib.sha256(given).digest(), wanted)
        signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest().encode()
        return hmac.compare_digest(given.removeprefix(b"sha256="), signature)

    def marks(
        self, name: str, repository_id: int, headers: Mapping[str, str], body: bytes
    ) -> tuple[tuple[str, ...], bool]:
        """
        Return what a delivery is known by, and whether for long.

        The id is not signed: what is signed, which differs in each push, is known by its
        content too.
        """
        own = next((headers[header] for header in self.ids if headers.get(header)), None)
        marks = [] if own is None else [f"id {own}"]
        if self.is_signed or own is None:
            marks.append(f"body {hashlib.sha256(body).hexdigest()}")
        whole = (f"{name} {repository_id} {mark}" for mark in marks)
        hashed = tuple(
            hashlib.sha256(mark.encode("utf-8", "surrogateescape")).hexdigest() for mark in whole
        )
        return hashed, self.is_signed or own is not None


def _git(event: str, said: Mapping[str, Any]) -> Told:
    """Return what GitHub or Gitea says."""
    if event != "push":
        return Told(event, None)
    after = _text(said, "after")
    is_deleted = said.get("deleted") is True or (bool(after) and not after.strip("0"))
    push = BranchPush(_branch(_text(said, "ref")), is_deleted)
    return Told(event, [push], _text(said, "repository", "default_branch") or None)


def _gitlab(event: str, said: Mapping[str, Any]) -> Told:
    kind = _text(said, "object_kind") or _text(said, "event_name")
    if kind not in {"push", "tag_push"}:
        return Told(event or kind, None)
    after = _text(said, "after")
    push = BranchPush(_branch(_text(said, "ref")), bool(after) and not after.strip("0"))
    return Told(kind, [push], _text(said, "project", "default_branch") or None)


def _bitbucket(event: str, said: Mapping[str, Any]) -> Told:
    """Return what Bitbucket Cloud (`repo:push`) or Data Center (`repo:refs_changed`) says."""
    if event == "repo:push":
        changes = [_cloud_change(change) for change in _list(said.get("push"), "changes")]
    elif event == "repo:refs_changed":
        changes = [_server_change(change) for change in _list(said, "changes")]
    else:
        return Told(event, None)
    return Told(event, changes, _text(said, "repository", "mainbranch", "name") or None)


def _cloud_change(change: object) -> BranchPush:
    new = change.get("new") if isinstance(change, Mapping) else None
    ref = new or (change.get("old") if isinstance(change, Mapping) else None)
    name = _text(ref, "name") if _text(ref, "type") in {"branch", "named_branch"} else ""
    return BranchPush(name or None, is_deleted=new is None)


def _server_change(change: object) -> BranchPush:
    return BranchPush(_branch(_text(change, "ref", "id")), _text(change, "type") == "DELETE")


PROVIDERS: Final[Mapping[str, Provider]] = {
    "github": Provider(
        proof="X-Hub-Signature-256",
        is_signed=True,
        ids=("X-GitHub-Delivery",),
        event="X-GitHub-Event",
        told=_git,
    ),
    "gitlab": Provider(
        proof="X-Gitlab-Token",
        is_signed=False,
        ids=("Idempotency-Key", "X-Gitlab-Event-UUID"),
        event="X-Gitlab-Event",
        told=_gitlab,
    ),
    "gitea": Provider(
        proof="X-Gitea-Signature",
        is_signed=True,
        ids=("X-Gitea-Delivery",),
        event="X-Gitea-Event",
        told=_git,
    ),
    "bitbucket": Provider(
        proof="X-Hub-Signature",
        is_signed=True,
        ids=("X-Request-UUID", "X-Request-Id"),
        event="X-Event-Key",
        told=_bitbucket,
    ),
}
PINGS: Final = frozenset({"ping", "diagnostics:ping"})


def _branch(ref: str) -> str | None:
    return ref.removeprefix(_HEADS) if ref.startswith(_HEADS) else None


def _text(said: object, *path: str) -> str:
    """Return the text at *path*, empty if there is none: what is sent may be anything."""
    for part in path:
        said = said.get(part) if isinstance(said, Mapping) else None
    return said if isinstance(said, str) else ""


def _list(said: object, name: str) -> list[Any]:
    found = said.get(name) if isinstance(said, Mapping) else None
    return found if isinstance(found, list) else []

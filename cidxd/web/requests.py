"""What clients send: bodies and queries as types.  What is not named here is refused."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema

from cidxd.model import instant
from cidxd.model.job import Outcome, Status
from cidxd.web.access_documents import AccessBody
from cidxd.web.credential_documents import CredentialBody
from cidxd.web.route import Sent
from cidxd.web.schedule_documents import ScheduleBody


def _instant(value: str) -> str:
    try:
        instant.from_wire(value)
    except ValueError:
        raise ValueError("not an RFC 3339 instant or a date") from None
    return value


Instant = Annotated[
    str,
    AfterValidator(_instant),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "format": kind} for kind in ("date-time", "date")]}
    ),
]
Name = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Branch = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
Commit = Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{7,64}$")]


class Login(Sent):
    """A user's name and password."""

    username: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    password: Annotated[str, StringConstraints(min_length=1, max_length=1024)]


class BrowserLogin(Sent):
    """Who a browser speaks for: name and password, or the code of `cidx open`."""

    username: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None
    password: Annotated[str, StringConstraints(min_length=1, max_length=1024)] | None = None
    code: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None


class RefreshToken(Sent):
    """A refresh token."""

    refresh_token: Annotated[str, StringConstraints(min_length=1, max_length=512)]


class RepositorySyncBody(Sent):
    """
    A wish for a sync of the repository in the path.

    `branch` must be tracked, null means every tracked one.  With `wait_commit` the answer says
    whether that commit can be searched, and `Prefer: wait=N` holds it until then.
    """

    full: bool = False
    branch: Branch | None = None
    wait_commit: Commit | None = None


class SyncBody(RepositorySyncBody):
    """The same, for the repository of that name."""

    repository: Name


class CancelBody(Sent):
    """Why; `force` kills the job's processes without the seconds that they have to end."""

    reason: Annotated[str, StringConstraints(max_length=500)] = ""
    force: bool = False


class PauseBody(Sent):
    """Why, in one line; everybody whose job waits reads it."""

    reason: Annotated[
        str,
        StringConstraints(strip_whitespace=True, max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$"),
    ] = ""


class Page(Sent):
    """A part of a list."""

    limit: Annotated[int, Field(ge=1, le=500)] = 50
    cursor: Annotated[str, StringConstraints(max_length=200)] | None = None


class JobQuery(Page):
    """Which jobs; `since` and `until` are RFC 3339 or dates, `q` is text within id or message."""

    status: Status | None = None
    outcome: Outcome | None = None
    repository: Name | None = None
    user: Name | None = None
    since: Instant | None = None
    until: Instant | None = None
    q: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None


class StatsQuery(Sent):
    """Figures of the jobs that ended since then (RFC 3339 or a date; 30 days), of a repository."""

    since: Instant | None = None
    repository: Name | None = None


class EventQuery(Sent):
    """Events with a cursor above `after`; 0 is from the start."""

    after: Annotated[int, Field(ge=0, lt=1 << 62)] = 0
    limit: Annotated[int, Field(ge=1, le=5000)] = 500


class AllEventQuery(Sent):
    """Events with a cursor above `after`, of a repository or all; without it a snapshot."""

    after: Annotated[int, Field(ge=0, lt=1 << 62)] | None = None
    limit: Annotated[int, Field(ge=1, le=5000)] = 500
    repository: Name | None = None


class LogQuery(Sent):
    """A log from byte `offset` on."""

    offset: Annotated[int, Field(ge=0, lt=1 << 62)] = 0


class Discovery(Sent):
    """A remote's address in any form, or an absolute path."""

    url: Annotated[str, StringConstraints(min_length=1, max_length=4000)]


class Reach(Sent):
    """A commit id, at least its first seven digits; `explain` asks the remote why it is not."""

    commit: Commit
    explain: bool = False
    branch: Branch | None = None


class RepositoryBody(Sent):
    """
    A repository to add.

    `name` must be free; without it `name_suggestion` or the remote's last part names it.
    `seed` is a checkout on the daemon's machine (embedded daemon only).
    `credentials` are what the remote is asked with from now on.
    Without `schedule` it goes by the server's; null is off.
    """

    remote: Annotated[str, StringConstraints(min_length=1, max_length=4000)]
    name: Name | None = None
    name_suggestion: Annotated[str, StringConstraints(min_length=1, max_length=400)] | None = None
    branches: list[Branch] = Field(default=[])
    seed: Annotated[str, StringConstraints(pattern=r"^/", max_length=4000)] | None = None
    credentials: CredentialBody | None = None
    schedule: ScheduleBody | None = None
    access: AccessBody | None = None


class RepositoryPatch(Sent):
    """
    What to change; what is not sent stays as it is.

    `credentials` null takes them away; so does a remote on another host, and one that is another
    repository unless who gave them sends it; not if new ones are sent with it.
    `schedule` null is off.
    """

    name: Name | None = None
    branches: list[Branch] | None = None
    remote: Annotated[str, StringConstraints(min_length=1, max_length=4000)] | None = None
    credentials: CredentialBody | None = None
    schedule: ScheduleBody | None = None
    access: AccessBody | None = None


class SearchBody(Sent):
    """A search; without `repository` over all that the caller may read."""

    q: Annotated[str, StringConstraints(max_length=100_000)]
    mode: Literal["literal", "regex", "symbol"] = "literal"
    case: Literal["sensitive", "insensitive"] = "sensitive"
    word: bool = False
    show: Literal["lines", "files", "count"] = "lines"
    path: list[Annotated[str, StringConstraints(min_length=1, max_length=1000)]] = Field(default=[])
    lang: list[Annotated[str, StringConstraints(min_length=1, max_length=50)]] = Field(default=[])
    repository: list[Name] = Field(default=[])
    branch: Branch | None = None
    limit: Annotated[int, Field(ge=0, le=10_000)] = 50
    context: Annotated[int, Field(ge=0, le=20)] = 0
    cursor: Annotated[str, StringConstraints(max_length=50_000)] | None = None


class FileQuery(Sent):
    """A file of an indexed commit; without `commit` the tip of `branch` or the default branch."""

    path: Annotated[str, StringConstraints(min_length=1, max_length=4096)]
    commit: Commit | None = None
    branch: Branch | None = None


class SkippedQuery(Sent):
    """Files whose content is not searched; without `branch` those of the default branch."""

    branch: Branch | None = None
    reason: Literal["binary", "too-large", "symlink", "submodule", "missing"] | None = None
    limit: Annotated[int, Field(ge=1, le=10_000)] = 1000
    cursor: Annotated[str, StringConstraints(max_length=8192)] | None = None


class UserBody(Sent):
    """A user to add."""

    name: Name
    password: Annotated[str, StringConstraints(min_length=1, max_length=1024)]
    role: Literal["admin", "member", "reader"] = "member"


class UserPatch(Sent):
    """A new password or role, or whether the user may come in; every session of theirs ends."""

    password: Annotated[str, StringConstraints(min_length=1, max_length=1024)] | None = None
    disabled: bool | None = None
    role: Literal["admin", "member", "reader"] | None = None


class NewPassword(Sent):
    """One's own password: the old one proves who asks."""

    old_password: Annotated[str, StringConstraints(min_length=1, max_length=1024)]
    new_password: Annotated[str, StringConstraints(min_length=1, max_length=1024)]

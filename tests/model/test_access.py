"""Who may do what: every role, every scope, every way to be named by a repository."""

from __future__ import annotations

import itertools

import pytest

from cidxd.errors import CidxdError, ConflictError, ForbiddenError, NotFoundError
from cidxd.model import access, accounts, catalogue, grant, incidents, personal, removal
from cidxd.model.access import Need
from cidxd.model.account import PersonalToken, Principal, Role, Scope, User
from cidxd.model.catalogue import Registration
from cidxd.model.grant import Access, Level, Visibility
from cidxd.model.incident import Incident
from cidxd.model.job import Job, Status
from cidxd.model.registry import State
from cidxd.model.repository import Repository


def token(scope: Scope = Scope.ADMIN, user: str = "ada", number: int = 1) -> PersonalToken:
    return PersonalToken(
        token_id=f"t{number}",
        token_hash=f"h{number}",
        user=user,
        name="ci",
        scopes=(scope,),
        created_at=1.0,
        expires_at=100.0,
    )


def repository(visibility: Visibility, level: Level | None, owner: str = "eve") -> Repository:
    return Repository(
        repository_id=1,
        name="one",
        remote="/srv/one",
        key="/srv/one",
        created_at=1.0,
        created_by=owner,
        access=Access(visibility=visibility, users={} if level is None else {"ada": level}),
    )


# Of ada: her role, whom the repository is shown to, her level (or "own": she added it),
# and whether she may read, sync, change, and share it.
RULES = """
admin   all         -      rscx
admin   restricted  -      rscx
admin   restricted  read   rscx
admin   restricted  own    rscx
member  all         -      rs
member  all         read   rs
member  all         write  rsc
member  all         own    rscx
member  restricted  -
member  restricted  read   r
member  restricted  write  rsc
member  restricted  own    rscx
reader  all         -      r
reader  all         write  r
reader  all         own    r
reader  restricted  -
reader  restricted  read   r
reader  restricted  write  r
reader  restricted  own    r
"""


@pytest.mark.parametrize("rule", RULES.strip().splitlines())
def test_role_and_grant_decide_together(rule: str) -> None:
    role, shown_to, level, *may = rule.split()
    owner = "ada" if level == "own" else "eve"
    named = Level(level) if level in set(Level) else None
    row = repository(Visibility(shown_to), named, owner)
    who = Principal("ada", Role(role))
    judges = {
        "r": access.may_read,
        "s": access.may_sync,
        "c": access.may_change,
        "x": access.may_share,
    }
    found = "".join(letter for letter, judge in judges.items() if judge(who, row))
    assert found == "".join(may)


@pytest.mark.parametrize(
    ("scope", "may"), [(Scope.READ, "r"), (Scope.SYNC, "rs"), (Scope.ADMIN, "rscx")]
)
@pytest.mark.parametrize("role", [Role.ADMIN, Role.MEMBER])
def test_a_token_does_no_more_than_its_scope(scope: Scope, may: str, role: Role) -> None:
    who = Principal("ada", role, token=token(scope))
    row = repository(Visibility.RESTRICTED, None, owner="ada")
    judges = (access.may_read, access.may_sync, access.may_change, access.may_share)
    found = [letter for letter, judge in zip("rscx", judges, strict=True) if judge(who, row)]
    assert "".join(found) == may
    assert who.is_admin is (role is Role.ADMIN and scope is Scope.ADMIN)


# Which needs are met by role and by token (no token: a login).
MET = {
    (Role.READER, None): {Need.READ, Need.LOGIN},
    (Role.MEMBER, None): set(Need),
    (Role.ADMIN, None): set(Need),
    (Role.READER, Scope.READ): {Need.READ},
    (Role.READER, Scope.SYNC): {Need.READ},
    (Role.READER, Scope.ADMIN): {Need.READ},
    (Role.MEMBER, Scope.READ): {Need.READ},
    (Role.MEMBER, Scope.SYNC): {Need.READ, Need.SYNC},
    (Role.MEMBER, Scope.ADMIN): {Need.READ, Need.SYNC, Need.CHANGE},
    (Role.ADMIN, Scope.READ): {Need.READ},
    (Role.ADMIN, Scope.SYNC): {Need.READ, Need.SYNC},
    (Role.ADMIN, Scope.ADMIN): {Need.READ, Need.SYNC, Need.CHANGE},
}


def test_every_role_and_scope_is_in_the_table() -> None:
    assert set(MET) == set(itertools.product(Role, [None, *Scope]))


@pytest.mark.parametrize(("role", "scope"), MET)
def test_a_route_is_open_to_whom_it_is_meant_for(role: Role, scope: Scope | None) -> None:
    who = Principal("ada", role, token=None if scope is None else token(scope))
    met = set()
    for need in Need:
        try:
            access.check(who, need)
        except ForbiddenError:
            continue
        met.add(need)
    assert met == MET[role, scope]


def test_a_token_with_several_scopes_has_the_widest() -> None:
    several = PersonalToken(
        token_id="t", token_hash="h", user="ada", name="ci", created_at=1.0, expires_at=2.0,
        scopes=(Scope.READ, Scope.SYNC),
    )  # fmt: skip
    assert several.scope is Scope.SYNC


def test_the_jobs_of_a_removed_repository_stay_as_hidden_as_it_was() -> None:
    state = State()
    hidden = Access(visibility=Visibility.RESTRICTED)
    for name, shown in (("open", grant.OPEN), ("hidden", hidden)):
        wanted = Registration(remote=f"/srv/{name}", user="eve", name=name, access=shown)
        row = catalogue.register(state, wanted, now=1.0)
        removal.remove(state, row.repository_id, "eve", now=2.0)
    assert [row.name for row in state.removed.values()] == ["hidden"]


def test_a_user_named_twice_or_not_known_is_refused() -> None:
    with pytest.raises(CidxdError, match="twice"):
        grant.check_named_once(["ada", "ada"])
    with pytest.raises(CidxdError, match="no user of that name: adda"):
        grant.check_users(Access(users={"adda": Level.READ}), {"ada"})


def kept(*tokens: PersonalToken) -> State:
    state = State()
    for name, role in (("ada", Role.MEMBER), ("bob", Role.MEMBER), ("root", Role.ADMIN)):
        state.users.put(name, User(name=name, password_hash="x", role=role, created_at=1.0))
    for one in tokens:
        state.tokens.put(one.token_hash, one)
    return state


@pytest.mark.parametrize(
    ("who", "is_allowed"),
    [
        (Principal("ada", Role.MEMBER), True),
        (Principal("bob", Role.MEMBER), False),
        (Principal("root", Role.ADMIN), True),
    ],
)
def test_a_token_is_revoked_by_its_user_and_by_administrators(
    who: Principal, *, is_allowed: bool
) -> None:
    state = kept(token())
    if is_allowed:
        personal.revoke(state, who, "t1")
    else:
        with pytest.raises(NotFoundError):
            personal.revoke(state, who, "t1")
    assert bool(personal.of_user(state, "ada")) is not is_allowed


@pytest.mark.parametrize(
    ("change", "ends"),
    [
        ({"is_disabled": True}, True),
        ({"password_hash": "y"}, True),
        ({"role": Role.READER}, False),
        ({"is_disabled": False}, False),
    ],
)
def test_tokens_end_with_their_user_or_an_administrators_new_password(
    change: dict[str, object], *, ends: bool
) -> None:
    state = kept(token(), token(user="bob", number=2))
    wanted = {"password_hash": None, "is_disabled": None, "role": None, **change}
    accounts.change(state, "ada", needs_admin=True, **wanted)  # type: ignore[arg-type]
    assert bool(personal.of_user(state, "ada")) is not ends
    assert personal.of_user(state, "bob")


def test_one_has_so_many_tokens_and_those_that_ran_out_are_forgotten() -> None:
    state, who = kept(), Principal("ada", Role.MEMBER)
    for number in range(personal.MOST_TOKENS):
        personal.make(state, token(number=number), who)
    with pytest.raises(ConflictError):
        personal.make(state, token(number=1000), who)
    later = PersonalToken(
        token_id="new", token_hash="new", user="ada", name="ci", scopes=(Scope.READ,),
        created_at=100.0, expires_at=200.0,
    )  # fmt: skip
    personal.make(state, later, who)
    assert personal.of_user(state, "ada") == [later]


def test_words_kept_in_other_jobs_do_not_name_a_restricted_repositorys_job() -> None:
    known = Incident(
        host="example.org", code="remote-unreachable", detail="", since=1.0, last_at=1.0,
        failed_at={1: 1.0}, opened_at=1.0, probe="job-of-one-12345678",
    )  # fmt: skip
    job = Job(
        job_id="job-of-one-12345678", repository_id=1, repository="one", requested_by="eve",
        requesters=("eve",), created_at=1.0, status=Status.RUNNING,
    )  # fmt: skip
    for visibility, words in ((Visibility.ALL, "job 12345678"), (Visibility.RESTRICTED, "a job")):
        state = State()
        state.repositories.put(1, repository(visibility, None))
        state.jobs.put(job.job_id, job)
        assert incidents.words(state, known, 2.0).endswith(f"; {words} asks it now")

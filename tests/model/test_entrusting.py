"""Whose credential is whose, as decisions."""

from __future__ import annotations

import pytest

from cidxd.errors import CidxdError, ConflictError
from cidxd.model import entrusting, removal
from cidxd.model.account import Principal, Role
from cidxd.model.catalogue import Registration, RepositoryChange
from cidxd.model.credential import Credential, CredentialKind, Entrusted, authority_of, fits
from cidxd.model.grant import Access, Level, Visibility
from cidxd.model.registry import State

REMOTE = "https://git.example.org/a"
ADA, BOB = Principal("ada", Role.MEMBER), Principal("bob", Role.MEMBER)


def made(repository_id: int, authority: str = "https://git.example.org") -> Credential:
    return Credential(
        repository_id=repository_id, kind=CredentialKind.TOKEN, authority=authority, set_at=1.0,
        set_by="ada", fingerprint=None, key_id="k", sealed=b"s",
    )  # fmt: skip


@pytest.fixture
def state() -> State:
    new = State()
    entrusting.register(new, Registration(remote=REMOTE, user="ada"), made, now=1.0)
    return new


@pytest.mark.parametrize(
    ("remote", "is_kept"),
    [
        ("https://git.example.org/b", True),
        ("https://GIT.example.org:443/b.git", True),
        ("https://ada@git.example.org/b", True),
        ("https://git.example.org:8443/b", False),
        ("http://git.example.org/b", False),
        ("ssh://git@git.example.org/b", False),
        ("git@git.example.org:b", False),
        ("https://example.org/b", False),
        ("/srv/git/b", False),
    ],
)
def test_a_credential_stays_with_scheme_host_and_port(
    state: State, remote: str, *, is_kept: bool
) -> None:
    entrusting.change(state, 1, RepositoryChange(remote=remote), None, ADA)
    assert (state.credentials.get(1) is not None) == is_kept


def shown(state: State, visibility: Visibility, **users: Level) -> None:
    access = Access(visibility=visibility, users=users)
    entrusting.change(state, 1, RepositoryChange(access=access), None, ADA)


@pytest.mark.parametrize(
    ("remote", "is_kept"),
    [
        ("https://git.example.org/a.git", True),
        ("https://git.example.org/secrets", False),
        ("https://git.example.org/a/../secrets", False),
    ],
)
def test_who_did_not_give_a_credential_does_not_take_it_to_another_repository(
    state: State, remote: str, *, is_kept: bool
) -> None:
    shown(state, Visibility.ALL, bob=Level.WRITE)
    entrusting.change(state, 1, RepositoryChange(remote=remote), None, BOB)
    assert (state.credentials.get(1) is not None) == is_kept


@pytest.mark.parametrize(
    ("visibility", "wanted", "code"),
    [
        (Visibility.RESTRICTED, RepositoryChange(name="b"), "repository-not-found"),
        (Visibility.ALL, RepositoryChange(name="b"), "forbidden"),
    ],
)
def test_what_one_may_do_is_judged_when_it_is_done(
    state: State, visibility: Visibility, wanted: RepositoryChange, code: str
) -> None:
    shown(state, visibility)
    with pytest.raises(CidxdError) as refused:
        entrusting.change(state, 1, wanted, None, BOB)
    assert refused.value.code == code
    shown(state, visibility, bob=Level.WRITE)
    entrusting.change(state, 1, wanted, None, BOB)
    with pytest.raises(CidxdError) as refused:
        entrusting.change(state, 1, RepositoryChange(access=Access()), None, BOB)
    assert refused.value.code == "forbidden"


def test_a_credential_given_with_the_new_remote_takes_the_place_of_the_old(state: State) -> None:
    fresh = made(1, "https://example.org")
    given = Entrusted(lambda _: fresh)
    entrusting.change(state, 1, RepositoryChange(remote="https://example.org/b"), given, ADA)
    assert state.credentials.get(1) == fresh


def test_a_credential_for_a_remote_that_was_changed_meanwhile_is_refused(state: State) -> None:
    entrusting.change(state, 1, RepositoryChange(remote="https://example.org/b"), None, ADA)
    with pytest.raises(ConflictError) as refused:
        entrusting.change(state, 1, RepositoryChange(), Entrusted(made), ADA)
    assert refused.value.code == "remote-changed"
    assert state.credentials.get(1) is None


def test_who_gave_and_took_what_is_in_the_audit_log_and_no_secret(state: State) -> None:
    entrusting.change(state, 1, RepositoryChange(remote="https://example.org/b"), None, ADA)
    told = [(note.action, note.target, note.detail) for note in state.notes]
    assert [row for row in told if row[0].startswith("credential")] == [
        ("credential.set", "a", {"kind": "token"}),
        ("credential.removed", "a", {}),
    ]


def test_taking_away_what_is_not_there_changes_nothing(state: State) -> None:
    for _ in range(2):
        entrusting.change(state, 1, RepositoryChange(), Entrusted(None), ADA)
        assert state.credentials.get(1) is None


def test_a_removed_repository_takes_its_credential_with_it(state: State) -> None:
    draft = State(state)
    removal.remove(draft, 1, "ada", now=2.0)
    state.absorb(draft)
    assert list(state.credentials.values()) == []


def test_a_new_seal_does_not_bring_back_what_was_replaced(state: State) -> None:
    old = made(1)
    entrusting.reseal(state, old, "newer", b"t")
    kept = state.credentials.get(1)
    assert kept is not None
    assert (kept.key_id, kept.sealed, kept.set_at) == ("newer", b"t", old.set_at)
    entrusting.reseal(state, old, "newest", b"u")
    assert state.credentials.get(1) == kept
    entrusting.change(state, 1, RepositoryChange(), Entrusted(None), ADA)
    entrusting.reseal(state, kept, "newest", b"u")
    assert state.credentials.get(1) is None


@pytest.mark.parametrize(
    ("remote", "authority"),
    [
        ("https://Git.Example.org/a", "https://git.example.org"),
        ("https://git.example.org:443/a", "https://git.example.org"),
        ("HTTPS://git.example.org:8443/a", "https://git.example.org:8443"),
        ("http://git.example.org/a", "http://git.example.org:80"),
        ("git@git.example.org:a/b", "ssh://git.example.org:22"),
        ("ssh://git@git.example.org:2222/a", "ssh://git.example.org:2222"),
        ("ssh://[2001:db8::1]:2222/a", "ssh://[2001:db8::1]:2222"),
        ("/srv/git/a", None),
        ("https://git.example.org\\@evil.example/a", "https://evil.example"),
        ("https://a@b@evil.example/a", None),
        ("https://git.example.org?x/a", None),
        ("https://git.example.org#x/a", None),
        ("https://git.exämple.org/a", None),
        ("https://git.example.org%2f/a", None),
    ],
)
def test_the_authority_of_a_remote_is_one_that_everybody_reads_alike(
    remote: str, authority: str | None
) -> None:
    assert authority_of(remote) == authority


def test_a_kind_is_for_a_scheme() -> None:
    for kind in CredentialKind:
        is_key = kind is CredentialKind.SSH_KEY
        assert fits(kind, "ssh://git.example.org:22") == is_key
        assert fits(kind, "https://git.example.org") != is_key

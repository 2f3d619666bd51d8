from __future__ import annotations

import time

import pytest

from cidxd.errors import InvalidError
from cidxd.model import repository


@pytest.mark.parametrize(
    "remote",
    [
        "git@host.org:team/app.git",
        "ssh://git@host.org/team/app",
        "ssh://git@host.org:22/team/app.git/",
        "https://host.org/team/app",
        "https://user@HOST.org/team/app.git",
        "https://host.org:443/team/app.git/",
    ],
)
def test_every_form_of_one_address_is_the_same_repository(remote: str) -> None:
    assert repository.remote_key(remote) == "host.org/team/app"
    assert repository.check_remote(remote, is_local_allowed=False) == remote
    assert repository.name_for(remote) == "app"


def test_another_port_or_path_is_another_repository() -> None:
    keys = {
        repository.remote_key(remote)
        for remote in ("https://h/a", "https://h:8443/a", "https://h/A", "/h/a", "https://g/a")
    }
    assert len(keys) == 5


@pytest.mark.parametrize(
    "remote",
    [
        "",
        "x",
        "-oProxyCommand=x",
        "--upload-pack=x",
        "ext::sh",
        "https://h/a\nb",
        "https://u:p@h/a",
        "file:///a",
        "git://h/a",
        "/a",
        "C:\\x y",
    ],
)
def test_what_is_no_address_for_a_server_is_refused(remote: str) -> None:
    with pytest.raises(InvalidError) as caught:
        repository.check_remote(remote, is_local_allowed=False)
    assert caught.value.hint


@pytest.mark.parametrize("remote", ["/srv/a.git", "/srv/a folder/a.git", "/srv/für.git"])
def test_a_path_is_an_address_where_it_is_allowed(remote: str) -> None:
    assert repository.check_remote(remote, is_local_allowed=True) == remote


@pytest.mark.parametrize("remote", ["/srv/a\0.git", "/srv/a\n.git", "/srv/\x7f"])
def test_a_path_that_no_git_can_be_given_is_none(remote: str) -> None:
    with pytest.raises(InvalidError) as caught:
        repository.check_remote(remote, is_local_allowed=True)
    assert caught.value.code == "remote-invalid"


def test_names_are_presentable_and_numbered_when_taken() -> None:
    assert repository.name_for("/home/me/My Project (old)/") == "My-Project-old"
    assert repository.free_name("app", {"app", "app-2"}) == "app-3"
    for bad in ("", "a/b", "a" * 101, "ä"):
        with pytest.raises(InvalidError):
            repository.check_name(bad)


def test_the_nearest_name_is_suggested_and_nothing_far() -> None:
    assert repository.nearest("dango", ["django", "flask"]) == "django"
    assert repository.nearest("xyz", ["django", "flask"]) is None


def test_among_very_many_names_the_nearest_is_found_in_no_time() -> None:
    many = [f"repository-{number}" for number in range(50_000)]
    began = time.perf_counter()
    assert repository.nearest("dango", [*many, "django"]) == "django"
    assert repository.nearest("repository-7x", many) == "repository-7"
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize(
    ("remote", "host"),
    [
        ("https://Example.org/a.git", "example.org"),
        ("https://ada@example.org:443/b", "example.org"),
        ("https://example.org:8443/a", "example.org:8443"),
        ("http://127.0.0.1:8080/a", "127.0.0.1:8080"),
        ("http://example.org/a", "example.org:80"),
        ("ssh://git@example.org/a", "example.org:22"),
        ("git@example.org:a/b.git", "example.org:22"),
        ("https://[::1]:8443/a", "[::1]:8443"),
        ("/srv/git/a.git", None),
    ],
)
def test_who_answers_at_an_address_is_its_host_and_port(remote: str, host: str | None) -> None:
    assert repository.host_of(remote) == host

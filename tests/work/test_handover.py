"""What git is handed, and what it shows of it: git, curl and ssh are the real ones."""

from __future__ import annotations

import asyncio
import base64
import os
import shlex
from collections.abc import Mapping
from pathlib import Path

import pytest
from remote import Remote
from sandbox import Checkout
from sshd import Sshd, keypair, needs_sshd
from tls_remote import Authority, TlsRemote

from cidxd.git import argv, guard, handing
from cidxd.model.credential import CredentialKind, Secret, authority_of
from cidxd.work.handover import handed

TOKEN = Secret(kind=CredentialKind.TOKEN, secret="a-token-of-the-forge")
TOLD = base64.b64encode(b"x-access-token:a-token-of-the-forge").decode()


@pytest.fixture
def origin(tmp_path: Path) -> Checkout:
    made = Checkout(tmp_path / "origin")
    made.commit({"a.py": "A = 1\n"})
    return made


async def asked(env: Mapping[str, str], url: str) -> tuple[int, str]:
    """Run `git ls-remote`; return its exit code and everything that it said."""
    process = await asyncio.create_subprocess_exec(
        *argv.ls_remote(url),
        env=env,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    return int(process.returncode or 0), said.decode()


def authority(url: str) -> str:
    return authority_of(url) or ""


@pytest.mark.parametrize("is_server", [True, False])
async def test_gits_trace_shows_no_secret_even_where_its_user_wants_it_to(
    origin: Checkout, *, is_server: bool
) -> None:
    environ = {**os.environ, "GIT_TRACE_REDACT": "0", "GIT_TRACE_CURL": "1"}
    made = guard.network_env(environ, allow_local=True) if is_server else guard.user_env(environ)
    async with Remote(origin.folder, user="x-access-token", password=TOKEN.secret) as forge:
        env = {**made, "GIT_TRACE_REDACT": "0"}
        with handed(env, authority(forge.url), TOKEN) as given:
            code, said = await asked(given, forge.url)
    assert code == 0
    assert "Authorization: Basic <redacted>" in said
    assert TOKEN.secret not in said
    assert TOLD not in said


async def test_a_secret_goes_to_its_own_scheme_host_and_port_only(origin: Checkout) -> None:
    env = guard.network_env(os.environ, allow_local=True)
    async with (
        Remote(origin.folder, user="x-access-token", password=TOKEN.secret) as forge,
        Remote(origin.folder, user="x-access-token", password=TOKEN.secret) as other,
    ):
        port = forge.url.split(":")[2].split("/")[0]
        for mine in (other.url, f"https://127.0.0.1:{port}/", f"http://localhost:{port}/"):
            with handed(env, authority(mine), TOKEN) as given:
                assert (await asked(given, forge.url))[0] != 0
        with handed(env, authority(forge.url), TOKEN) as given:
            assert (await asked(given, forge.url))[0] == 0


async def test_over_tls_a_token_is_sent_and_the_port_need_not_be_the_usual_one(
    tmp_path: Path, origin: Checkout
) -> None:
    trusted = Authority(tmp_path / "authority")
    env = guard.network_env({**os.environ, "GIT_SSL_CAINFO": str(trusted.file)}, allow_local=False)
    with TlsRemote(origin.folder, trusted, user="x-access-token", password=TOKEN.secret) as forge:
        assert (await asked(env, forge.url))[0] != 0
        with handed(env, authority(forge.url), TOKEN) as given:
            code, said = await asked(given, forge.url)
        assert code == 0, said
        assert TOLD not in said


async def test_no_redirect_is_followed_with_a_secret_whatever_a_user_configured(
    origin: Checkout,
) -> None:
    from remote import Lie  # noqa: PLC0415 - beside the test that tells it

    environ = {
        **os.environ, "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "http.followRedirects", "GIT_CONFIG_VALUE_0": "true",
    }  # fmt: skip
    async with Remote(origin.folder) as forge, Remote(origin.folder) as thief:
        target = f"{thief.url}/info/refs?service=git-upload-pack"
        forge.lie = Lie(status=302, headers={"Location": target})
        env = guard.user_env(environ)
        assert (await asked(env, forge.url))[0] == 0  # as the user wants it
        thief.requests.clear()
        with handed(env, authority(forge.url), TOKEN) as given:
            assert (await asked(given, forge.url))[0] != 0
        assert thief.requests == []


async def test_a_secret_takes_the_place_of_a_header_that_was_set_before(origin: Checkout) -> None:
    environ = {
        **os.environ, "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "http.extraHeader",
        "GIT_CONFIG_VALUE_0": "Authorization: Basic d3Jvbmc6d3Jvbmc=",
    }  # fmt: skip
    async with Remote(origin.folder, user="x-access-token", password=TOKEN.secret) as forge:
        with handed(guard.user_env(environ), authority(forge.url), TOKEN) as given:
            assert (await asked(given, forge.url))[0] == 0


def test_what_is_handed_over_is_known_from_the_environment_in_every_form() -> None:
    secret = Secret(kind=CredentialKind.PASSWORD, username="ada", secret="a b/c+ü%")
    with handed({"GIT_CONFIG_COUNT": "0"}, "https://example.org", secret) as given:
        found = handing.secrets_in(given)
        assert handing.is_handed(given)
    told = base64.b64encode(f"ada:{secret.secret}".encode()).decode()
    assert set(found) == {told, secret.secret, "a%20b%2Fc%2B%C3%BC%25", "a%20b/c%2B%C3%BC%25"}
    assert handing.concealed(f"<{told}> <{secret.secret}>", found) == "<[redacted]> <[redacted]>"
    assert handing.secrets_in(guard.network_env(os.environ, allow_local=False)) == ()
    assert secret.secret not in repr(secret)


@needs_sshd
async def test_a_key_is_good_for_the_length_of_one_call_and_never_on_a_disk(
    tmp_path: Path, origin: Checkout
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    with Sshd(tmp_path / "sshd") as host:
        secret = Secret(
            kind=CredentialKind.SSH_KEY,
            secret=host.identity.read_text(),
            known_hosts=host.known_hosts.read_text(),
        )
        url = host.url(origin.folder)
        env = guard.network_env({**os.environ, "HOME": str(folder)}, allow_local=False)
        with handed(env, authority(url), secret) as given:
            words = shlex.split(given["GIT_SSH_COMMAND"])
            paths = [Path(word.partition("=")[2]) for word in words if "=/proc/" in word]
            assert [path.stat().st_mode & 0o777 for path in paths] == [0o600, 0o600]
            assert (await asked(given, url))[0] == 0
            assert handing.is_handed(given)
        # The numbers may be another file's by now.
        assert not any(path.is_symlink() and "memfd" in str(path.readlink()) for path in paths)
    assert list(folder.rglob("*")) == []


@needs_sshd
async def test_only_the_stored_host_keys_count_not_those_that_a_user_trusts(
    tmp_path: Path, origin: Checkout
) -> None:
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    with Sshd(tmp_path / "sshd") as host:
        url = host.url(origin.folder)
        known = host.known_hosts.read_text()
        environ = {
            **os.environ, "HOME": str(home),
            "GIT_SSH_COMMAND": f"ssh -i {host.identity} -o UserKnownHostsFile={host.known_hosts}",
        }  # fmt: skip
        env = guard.user_env(environ)
        assert (await asked(env, url))[0] == 0  # the user's own way

        keypair(tmp_path / "stranger")
        mine = host.identity.read_text()
        other = known.replace(known.split()[2], (tmp_path / "stranger.pub").read_text().split()[1])
        secret = Secret(kind=CredentialKind.SSH_KEY, secret=mine, known_hosts=other)
        with handed(env, authority(url), secret) as given:
            code, said = await asked(given, url)
        assert code != 0
        assert "Host key verification failed" in said


@needs_sshd
async def test_a_users_own_program_in_place_of_ssh_gets_no_stored_key(
    tmp_path: Path, origin: Checkout
) -> None:
    with Sshd(tmp_path / "sshd") as host:
        url = host.url(origin.folder)
        secret = Secret(
            kind=CredentialKind.SSH_KEY,
            secret=host.identity.read_text(),
            known_hosts=host.known_hosts.read_text(),
        )
        for own in ({"GIT_SSH_COMMAND": "/bin/false -x"}, {"GIT_SSH": "/bin/false"}):
            env = guard.user_env({**os.environ, **own})
            with handed(env, authority(url), secret) as given:
                assert (await asked(given, url))[0] == 0

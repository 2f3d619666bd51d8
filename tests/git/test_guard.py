from __future__ import annotations

import shlex

import pytest

from cidxd.git import guard
from cidxd.hosts import Place

ENVIRON = {
    "PATH": "/bin",
    "HOME": "/home/ada",
    "SSH_AUTH_SOCK": "/agent",
    "https_proxy": "http://proxy:3128",
    "GIT_DIR": "/elsewhere",
    "GIT_INDEX_FILE": "/elsewhere/index",
    "GIT_TRACE": "1",
    "GIT_TRACE_REDACT": "0",
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "http.proxy",
    "GIT_CONFIG_VALUE_0": "http://theirs",
    "GIT_ASKPASS": "/usr/bin/window",
    "SSH_ASKPASS": "/usr/bin/window",
}


def _settings(env: dict[str, str]) -> dict[str, str]:
    numbers = range(int(env["GIT_CONFIG_COUNT"]))
    return {env[f"GIT_CONFIG_KEY_{n}"]: env[f"GIT_CONFIG_VALUE_{n}"] for n in numbers}


@pytest.mark.parametrize(
    "env", [guard.network_env(ENVIRON, allow_local=True), guard.user_env(ENVIRON)]
)
def test_nobody_is_ever_asked(env: dict[str, str]) -> None:
    assert env["GIT_TERMINAL_PROMPT"] == "0"
    assert env["GIT_ASKPASS"] == env["SSH_ASKPASS"] == "/bin/false"
    assert env["SSH_ASKPASS_REQUIRE"] == "never"
    assert env["LC_ALL"] == "C"
    assert "GIT_DIR" not in env
    assert "GIT_TRACE_REDACT" not in env
    assert _settings(env)["credential.interactive"] == "false"


def test_a_guest_has_no_configuration_but_ours() -> None:
    env = guard.network_env(ENVIRON, allow_local=False)

    assert env["GIT_CONFIG_NOSYSTEM"] == "1"
    assert env["GIT_CONFIG_GLOBAL"] == "/dev/null"
    assert "SSH_AUTH_SOCK" not in env
    assert env["https_proxy"] == "http://proxy:3128"
    assert _settings(env) == {
        "http.followRedirects": "false",
        "http.lowSpeedLimit": "1",
        "http.lowSpeedTime": "60",
        "credential.helper": "",
        "credential.interactive": "false",
        "transfer.bundleURI": "false",
        "transfer.credentialsInUrl": "die",
    }
    assert "BatchMode=yes" in env["GIT_SSH_COMMAND"]
    assert "ConnectTimeout=" in env["GIT_SSH_COMMAND"]


def test_local_paths_and_plain_http_are_allowed_together_only() -> None:
    strict = guard.network_env(ENVIRON, allow_local=False)
    open_ = guard.network_env(ENVIRON, allow_local=True)

    assert strict["GIT_ALLOW_PROTOCOL"] == "https:ssh"
    assert open_["GIT_ALLOW_PROTOCOL"] == "https:ssh:http:file"


def test_secrets_go_by_environment_after_the_guards() -> None:
    header = ("http.extraHeader", "Authorization: Bearer t")
    env = guard.network_env(ENVIRON, allow_local=False, config=[header])

    assert _settings(env)["http.extraHeader"] == "Authorization: Bearer t"


def test_an_embedded_daemon_is_its_user() -> None:
    env = guard.user_env(ENVIRON)

    assert env["SSH_AUTH_SOCK"] == "/agent"
    assert env["HOME"] == "/home/ada"
    assert _settings(env)["http.proxy"] == "http://theirs"
    assert "GIT_CONFIG_GLOBAL" not in env
    assert "ext" not in env["GIT_ALLOW_PROTOCOL"].split(":")


@pytest.mark.parametrize("count", ["", "-1", "many", "9"])
def test_settings_that_are_not_there_are_not_counted(count: str) -> None:
    env = guard.user_env({"GIT_CONFIG_COUNT": count})

    assert _settings(env) == {"credential.interactive": "false"}


@pytest.mark.parametrize(
    ("theirs", "used"),
    [
        ("ssh -i key", "ssh -i key -o BatchMode=yes"),
        ("/usr/bin/ssh", "/usr/bin/ssh -o BatchMode=yes"),
        ("plink", "plink"),
        ("ssh 'unclosed", "ssh 'unclosed"),
    ],
)
def test_the_users_ssh_command_is_kept_and_told_not_to_ask(theirs: str, used: str) -> None:
    assert guard.user_env({"GIT_SSH_COMMAND": theirs})["GIT_SSH_COMMAND"] == used


def test_without_an_ssh_command_the_users_core_ssh_command_applies() -> None:
    assert "GIT_SSH_COMMAND" not in guard.user_env(ENVIRON)


def test_children_on_this_machine_read_no_configuration_and_fetch_nothing() -> None:
    env = guard.local_env(ENVIRON)

    assert env["GIT_CONFIG_GLOBAL"] == "/dev/null"
    assert env["GIT_NO_LAZY_FETCH"] == "1"
    assert "GIT_CONFIG_COUNT" not in env


def test_more_settings_and_ssh_options_are_added_to_those_of_every_call() -> None:
    env = guard.network_env(ENVIRON, allow_local=False)
    more = guard.with_settings(env, [("http.extraHeader", "Authorization: Bearer t")])
    pinned = guard.with_ssh_options(more, ["-o", "HostName=192.0.2.1", "-i", "/a key"])

    assert _settings(more) == _settings(env) | {"http.extraHeader": "Authorization: Bearer t"}
    assert pinned["GIT_SSH_COMMAND"].startswith("ssh -o HostName=192.0.2.1 -i '/a key' -o Batch")
    assert guard.with_ssh_options({}, ["-v"])["GIT_SSH_COMMAND"] == "ssh -v"


@pytest.mark.parametrize(
    ("place", "addresses", "pin"),
    [
        (("https", "h.example", 443), ["192.0.2.1"], "h.example:443:192.0.2.1"),
        (("http", "h", 8080), ["::1", "127.0.0.1"], "h:8080:[::1],127.0.0.1"),
    ],
)
def test_curl_is_given_the_addresses_of_a_name(
    place: tuple[str, str, int], addresses: list[str], pin: str
) -> None:
    env = guard.pinned(guard.network_env({}, allow_local=False), Place(*place), addresses)

    assert _settings(env)["http.curloptResolve"] == pin
    assert _settings(env)["http.followRedirects"] == "false"


@pytest.mark.parametrize(("port", "alias"), [(22, "h.example"), (2222, "[h.example]:2222")])
def test_ssh_is_given_one_address_and_looks_for_the_key_of_the_name(port: int, alias: str) -> None:
    env = guard.pinned(
        guard.network_env({}, allow_local=False), Place("ssh", "h.example", port), ["::1", "::2"]
    )

    words = shlex.split(env["GIT_SSH_COMMAND"])
    assert words[:5] == ["ssh", "-o", "HostName=::1", "-o", f"HostKeyAlias={alias}"]


@pytest.mark.parametrize(
    ("name", "scheme", "is_proxied"),
    [
        ("https_proxy", "https", True),
        ("HTTPS_PROXY", "https", True),
        ("ALL_PROXY", "http", True),
        ("http_proxy", "https", False),
        ("all_proxy", "ssh", False),
    ],
)
def test_a_proxy_is_known_from_the_environment(name: str, scheme: str, *, is_proxied: bool) -> None:
    assert guard.is_proxied({name: "http://proxy:3128"}, scheme) is is_proxied


def test_children_on_this_machine_have_no_transport_and_no_ssh() -> None:
    env = guard.local_env(ENVIRON)

    assert env["GIT_ALLOW_PROTOCOL"] == "none"
    assert env["GIT_SSH_COMMAND"] == "/bin/false"

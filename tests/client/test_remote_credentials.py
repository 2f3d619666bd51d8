"""How `cidx repo add` and `cidx repo set` are given credentials, and what they send of them."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cidx import __main__ as program
from cidx import known_hosts

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI"
URL = "https://git.example.org/tools"
SSH = "ssh://git@git.example.org/tools"


def sent(daemon: Any) -> Any:
    return daemon.asked("POST", "/api/repositories")[-1]["body"]["credentials"]


def test_a_token_or_a_password_is_read_from_standard_input(daemon: Any, cidx: Any) -> None:
    assert cidx("repo", "add", URL, "--token-stdin", stdin="a token \r\n").code == 0
    assert sent(daemon) == {"kind": "token", "token": "a token "}
    cidx("repo", "add", URL, "--token-stdin", "--username", "ci", stdin="t\n")
    assert sent(daemon) == {"kind": "token", "token": "t", "username": "ci"}
    cidx("repo", "add", URL, "--username", "ada", "--password-stdin", stdin="pass word\n")
    assert sent(daemon) == {"kind": "password", "username": "ada", "password": "pass word"}
    cidx("repo", "add", URL)
    assert "credentials" not in daemon.asked("POST", "/api/repositories")[-1]["body"]


@pytest.mark.parametrize(
    ("options", "asked"), [(["--token"], "Token: "), (["--username", "ada"], "Password: ")]
)
def test_what_is_not_piped_is_asked_for_on_the_terminal_and_not_shown(
    daemon: Any, options: list[str], asked: str
) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "cidx", "repo", "add", URL, *options],
        stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    while asked.encode() not in shown:
        shown += os.read(ours, 1024)
    os.write(ours, b"hidden-word\n")
    output, _ = process.communicate(timeout=60)
    try:
        while more := os.read(ours, 1024):
            shown += more
    except OSError:  # nobody has the other end any more
        pass
    os.close(ours)
    assert process.returncode == 0, shown
    assert b"hidden-word" not in shown + output
    assert "hidden-word" in sent(daemon).values()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--token-stdin", "--password-stdin", "--username", "a"], "give one of them"),
        (["--token-stdin", "--ssh-key", "k"], "give one of them"),
        (["--ssh-key", "k", "--username", "a"], "give one of them"),
        (["--password-stdin"], "needs --username"),
        (["--known-hosts", "k"], "is for --ssh-key"),
        (["--token"], "nobody can be asked here; give --token-stdin"),
        (["--username", "ada"], "nobody can be asked here; give --password-stdin"),
    ],
)
def test_options_that_do_not_go_together_are_wrong_usage(
    options: list[str], message: str, cidx: Any
) -> None:
    ran = cidx("repo", "add", URL, *options)
    assert ran.code == 2
    assert message in ran.err


def test_no_option_takes_a_secret_as_its_value(capsys: pytest.CaptureFixture[str]) -> None:
    for option in ("--token", "--password", "--token-stdin"):
        assert program.main(["repo", "add", URL, f"{option}=secret"]) == 2
        assert "secret" not in capsys.readouterr().err


def test_a_key_goes_with_the_hosts_lines_that_ssh_knows(
    daemon: Any, cidx: Any, home: Path, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("the key\n")
    ran = cidx("repo", "add", SSH, "--ssh-key", "key")
    assert ran.code == 1
    assert "your ssh does not know the host" in ran.err
    assert "hint: ssh-keyscan" in ran.err
    (home / ".ssh").mkdir()
    lines = f"other.example.org {KEY}\ngit.example.org {KEY}\n"
    (home / ".ssh" / "known_hosts").write_text(lines)
    assert cidx("repo", "add", SSH, "--ssh-key", "key").code == 0
    given = {"kind": "ssh-key", "private_key": "the key\n"}
    assert sent(daemon) == {**given, "known_hosts": f"git.example.org {KEY}\n"}
    (tmp_path / "hosts").write_text("what it is\n")
    cidx("repo", "add", SSH, "--ssh-key", "key", "--known-hosts", "hosts")
    assert sent(daemon) == {**given, "known_hosts": "what it is\n"}


def test_a_file_that_cannot_be_read_is_told(cidx: Any, tmp_path: Path) -> None:
    ran = cidx("repo", "add", SSH, "--ssh-key", "nothing")
    assert (ran.code, "cannot read nothing" in ran.err) == (1, True)
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    assert "not a text file" in cidx("repo", "add", SSH, "--ssh-key", "binary").err


def hashed(folder: Path, line: str) -> str:
    path = folder / "known"
    path.write_text(line)
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(path)], check=True, capture_output=True)
    return path.read_text()


@pytest.mark.parametrize(
    ("remote", "hosts"),
    [
        (SSH, "git.example.org"),
        ("git@Git.Example.org:tools", "git.example.org,192.0.2.1"),
        ("git.example.org:tools", "*.example.org"),
        ("ssh://git.example.org:2222/tools", "[git.example.org]:2222"),
        ("ssh://[2001:db8::1]/tools", "2001:db8::1"),
        (SSH, "@cert-authority *.example.org"),
    ],
)
def test_the_lines_of_a_host_are_found(tmp_path: Path, remote: str, hosts: str) -> None:
    text = f"# mine\n\nother.example {KEY}\n{hosts} {KEY}\n"
    assert known_hosts.lines_of(remote, text) == f"{hosts} {KEY}\n"
    if not {"*", "@", ","} & set(hosts):
        line = f"{hosts} ssh-ed25519 {'A' * 68}\n"
        text = hashed(tmp_path, line)
        assert known_hosts.lines_of(remote, text) == text


@pytest.mark.parametrize("remote", [URL, "/srv/git/tools", "ssh://git.example.org:22222/tools"])
def test_there_is_no_line_for_another_address(remote: str) -> None:
    assert known_hosts.lines_of(remote, f"git.example.org {KEY}\n") == ""

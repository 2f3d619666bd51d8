"""Keys and known_hosts as ssh-keygen and ssh-keyscan write them, and as people spoil them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from cidxd.errors import InvalidError
from cidxd.git import ssh_key


def made(folder: Path, *more: str, passphrase: str = "") -> tuple[str, str]:
    """Return a new key's text and its fingerprint, as ssh-keygen tells it."""
    path = folder / "key"
    argv = ["ssh-keygen", "-q", "-N", passphrase, "-f", str(path), *(more or ("-t", "ed25519"))]
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)
    told = subprocess.run(
        ["ssh-keygen", "-l", "-f", str(path)], check=True, capture_output=True, text=True
    )
    return path.read_text(), told.stdout.split()[1]


@pytest.mark.parametrize(
    "kind",
    [
        ("-t", "ed25519"),
        ("-t", "ecdsa"),
        ("-t", "rsa", "-b", "2048"),
        ("-t", "rsa", "-b", "2048", "-m", "PEM"),
        ("-t", "ecdsa", "-m", "PKCS8"),
    ],
)
def test_a_key_of_each_kind_and_form_is_taken_and_has_ssh_keygens_fingerprint(
    tmp_path: Path, kind: tuple[str, ...]
) -> None:
    text, fingerprint = made(tmp_path, *kind)
    spoilt = "\r\n" + text.replace("\n", "\r\n").rstrip()
    written, told = ssh_key.private_key(spoilt)
    assert told == fingerprint
    assert written.startswith("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    assert written.endswith("-----END OPENSSH PRIVATE KEY-----\n")
    again = tmp_path / "again"
    again.write_text(written)
    again.chmod(0o600)
    shown = subprocess.run(
        ["ssh-keygen", "-y", "-f", str(again)], check=True, capture_output=True, text=True
    )
    assert shown.stdout.split()[1] == (tmp_path / "key.pub").read_text().split()[1]


@pytest.mark.parametrize(
    "kind", [("-t", "ed25519"), ("-t", "rsa", "-m", "PEM"), ("-t", "ecdsa", "-m", "PKCS8")]
)
def test_a_key_with_a_passphrase_is_refused(tmp_path: Path, kind: tuple[str, ...]) -> None:
    text, _ = made(tmp_path, *kind, passphrase="secret words")
    with pytest.raises(InvalidError, match="passphrase") as refused:
        ssh_key.private_key(text)
    assert refused.value.pointer == "/credentials/private_key"
    assert "-N ''" in refused.value.hint


def test_what_is_no_key_is_refused_and_not_repeated(tmp_path: Path) -> None:
    text, _ = made(tmp_path)
    public = (tmp_path / "key.pub").read_text()
    cut = "\n".join(text.splitlines()[:-3])
    for spoilt in ("", "hello", public, cut, text.replace("b3Bl", "b3Bm"), "ü" * 100):
        with pytest.raises(InvalidError) as refused:
            ssh_key.private_key(spoilt)
        assert refused.value.code == "credential-invalid"
        assert refused.value.hint
        assert not spoilt or spoilt not in refused.value.message + refused.value.hint


def test_a_short_rsa_key_is_refused(tmp_path: Path) -> None:
    text, _ = made(tmp_path, "-t", "rsa", "-b", "1024")
    with pytest.raises(InvalidError, match="kind of key") as refused:
        ssh_key.private_key(text)
    assert "2048" in refused.value.hint


@pytest.fixture
def key(tmp_path: Path) -> str:
    made(tmp_path)
    return " ".join((tmp_path / "key.pub").read_text().split()[:2])


def hashed(folder: Path, line: str) -> str:
    path = folder / "known"
    path.write_text(line)
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(path)], check=True, capture_output=True)
    return path.read_text()


@pytest.mark.parametrize(
    ("hosts", "port"),
    [
        ("git.example.org", 22),
        ("GIT.example.org", 22),
        ("a.example,git.example.org,192.0.2.1", 22),
        ("*.example.org", 22),
        ("[git.example.org]:2222", 2222),
        ("[*.example.org]:2222", 2222),
        ("@cert-authority *.example.org", 22),
    ],
)
def test_a_line_of_the_host_is_found_in_every_form(
    tmp_path: Path, key: str, hosts: str, port: int
) -> None:
    text = f"# my hosts\r\n\r\nother.example {key}\r\n{hosts} {key} a comment\r\n"
    kept = ssh_key.check_known_hosts(text, "git.example.org", port)
    assert kept == f"other.example {key}\n{hosts} {key} a comment\n"
    if "*" not in hosts and "@" not in hosts:
        text = hashed(tmp_path, f"{hosts.lower()} {key}\n")
        assert text.startswith("|1|")
        assert ssh_key.check_known_hosts(text, "git.example.org", port) == text


@pytest.mark.parametrize(
    "hosts",
    [
        "example.org",
        "[git.example.org]:22222",
        "[git.example.org]:2223",
        "*.example.org,!git.example.org",
        "@revoked git.example.org",
        "g.example.org",
        "|1|abc|def",
    ],
)
def test_lines_of_other_hosts_are_not_enough(key: str, hosts: str) -> None:
    for port in (22, 2222):
        with pytest.raises(InvalidError, match="no line is of the host") as refused:
            ssh_key.check_known_hosts(f"{hosts} {key}\n", "git.example.org", port)
        assert refused.value.pointer == "/credentials/known_hosts"
        assert "ssh-keyscan" in refused.value.hint


@pytest.mark.parametrize(
    "line", ["git.example.org", "git.example.org ssh-ed25519", "git.example.org ssh-rsa AAAA",
             "git.example.org ssh-ed25519 !!!", "@revoked", "hello world again"]
)  # fmt: skip
def test_what_is_no_line_is_refused_with_its_number(key: str, line: str) -> None:
    with pytest.raises(InvalidError, match="line 3"):
        ssh_key.check_known_hosts(f"git.example.org {key}\n\n{line}\n", "git.example.org", 22)

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from remote import Lie, RemoteThread
from sandbox import Checkout, git
from tls_remote import Authority, TlsRemote


def test_a_remote_in_a_thread_serves_programs_that_block(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "checkout")
    head = checkout.commit({"a.txt": "one\n"})
    with RemoteThread(checkout.folder) as remote:
        assert head in git(tmp_path, "ls-remote", remote.url)
        remote.lie = Lie(status=503)
        with pytest.raises(subprocess.CalledProcessError, match="128"):
            git(tmp_path, "ls-remote", remote.url)
        assert remote.requests


def test_a_remote_behind_tls_is_reached_by_who_trusts_its_authority_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = Checkout(tmp_path / "checkout")
    head = checkout.commit({"a.txt": "one\n"})
    trusted, other = Authority(tmp_path / "trusted"), Authority(tmp_path / "other")
    monkeypatch.setenv("GIT_SSL_CAINFO", str(trusted.file))
    with TlsRemote(checkout.folder, trusted) as remote:
        assert head in git(tmp_path, "ls-remote", remote.url)
        for context in (trusted.context(has_expired=True), other.context()):
            remote.shows(context)
            with pytest.raises(subprocess.CalledProcessError, match="128"):
                git(tmp_path, "ls-remote", remote.url)


def test_a_pack_that_is_corrupt_is_not_taken(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "checkout")
    checkout.commit({"a.txt": "one\n"})
    with RemoteThread(checkout.folder) as remote:
        remote.lie = Lie(corrupt_pack=True)
        with pytest.raises(subprocess.CalledProcessError, match="128"):
            git(tmp_path, "clone", remote.url)
        assert b"want " in b"".join(remote.received)

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from remote import Lie, RemoteThread
from sandbox import Checkout, git


def test_a_remote_in_a_thread_serves_programs_that_block(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "checkout")
    head = checkout.commit({"a.txt": "one\n"})
    with RemoteThread(checkout.folder) as remote:
        assert head in git(tmp_path, "ls-remote", remote.url)
        remote.lie = Lie(status=503)
        with pytest.raises(subprocess.CalledProcessError, match="128"):
            git(tmp_path, "ls-remote", remote.url)
        assert remote.requests

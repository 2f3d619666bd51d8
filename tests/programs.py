"""What a machine may lack, a program or a right; what needs one is passed by there."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess

import pytest

from cidxd.indexer import ctags

needs_ctags = pytest.mark.skipif(ctags.fault() is not None, reason="no Universal Ctags here")


@functools.cache
def no_mounts() -> str:
    """Return why this user may not mount, empty for one who may; any other failure is a fault."""
    if os.geteuid():
        return "only root may mount"
    if shutil.which("unshare") is None:
        return "unshare is not installed"
    tried = ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    env = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(tried, check=False, capture_output=True, text=True, env=env)
    if "denied" in done.stderr or "not permitted" in done.stderr:
        return f"this root may not mount: {done.stderr.strip()}"
    assert done.returncode == 0, done.stderr
    return ""


needs_mounts = pytest.mark.skipif(bool(no_mounts()), reason=no_mounts())

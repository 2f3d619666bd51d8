"""An installation without the native kernel does all the same, and says that it is slower."""

from __future__ import annotations

import shutil
from pathlib import Path

from house import ROOT, Home, wait_until
from sandbox import Checkout


def test_without_the_native_kernel_everything_works_and_status_says_so(
    home: Home, origin: Checkout, tmp_path: Path
) -> None:
    for name in ("cidx", "cidxd"):
        shutil.copytree(
            ROOT / name, tmp_path / "plain" / name, ignore=shutil.ignore_patterns("*.so", "*.pyc")
        )
    home.env["PYTHONPATH"] = str(tmp_path / "plain")
    home.run("cidx", "sync", "--follow", cwd=origin.folder)
    assert "src/needle.py:1:" in home.cidx("query", "NEEDLE", cwd=origin.folder)
    found = home.cidx("query", "--regex", r"def function_1\d", "--count", cwd=origin.folder)
    assert found.count("\n") == 10
    assert "function_7" in home.cidx("query", "--symbol", "function_7", cwd=origin.folder)

    wait_until("the engine's name", lambda: home.json("status")["index_kernel"] == "numpy")
    assert "without the native kernel" in home.cidx("status")
    home.cidx("down")

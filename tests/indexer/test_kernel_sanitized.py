"""The kernel in C under the address and undefined behaviour sanitizers."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

_HERE = Path(__file__).parent
_KERNEL = _HERE.parent.parent / "cidxd/indexer/kernel"
_FLAGS = (
    "-std=c11", "-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all",
    "-fno-omit-frame-pointer", "-Wall", "-Wextra", "-Werror",
)  # fmt: skip
_ROUNDS = 60  # about a second

_COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


@pytest.mark.skipif(_COMPILER is None, reason="there is no C compiler")
def test_the_kernel_stays_within_its_memory_on_random_and_hostile_input(tmp_path: Path) -> None:
    driver = tmp_path / "driver"
    assert _COMPILER is not None
    source = _HERE / "kernel_driver.c"
    subprocess.run(
        [_COMPILER, *_FLAGS, "-I", str(_KERNEL), str(source), "-o", str(driver)], check=True
    )

    run = subprocess.run([str(driver), str(_ROUNDS)], check=False, capture_output=True, text=True)

    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")

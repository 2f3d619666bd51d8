from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cidxd import config
from cidxd.errors import ConfigError


def test_every_fault_is_reported_at_once_and_unknown_keys_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "cidxd.toml"
    path.write_text(
        '[server]\nlisten = "nowhere"\nport = 1\n[limits]\nrunning = 0\n[colour]\nred = 1\n'
    )
    with pytest.raises(ConfigError) as caught:
        config.load(path)
    said = "\n".join(caught.value.faults)
    assert len(caught.value.faults) == 4
    assert "server.listen: give HOST:PORT" in said
    assert "server.port: unknown key" in said
    assert "limits.running" in said
    assert "colour: unknown key" in said


@pytest.mark.parametrize("text", [b"[server", b"\xff", None])
def test_a_file_that_is_no_toml_or_not_there_is_an_error(
    tmp_path: Path, text: bytes | None
) -> None:
    path = tmp_path / "cidxd.toml"
    if text is not None:
        path.write_bytes(text)
    with pytest.raises(ConfigError):
        config.load(path)


def test_without_a_word_the_defaults_hold() -> None:
    made = config.parse({}, "nothing")
    assert made.server.listen == "127.0.0.1:8095"
    assert (made.server.host, made.server.port) == ("127.0.0.1", 8095)


def test_ctags_must_be_there_where_it_is_wanted(tmp_path: Path) -> None:
    path = tmp_path / "cidxd.toml"
    path.write_text('[index]\nsymbols = "ctags"\n')
    answer = subprocess.run(
        [sys.executable, "-m", "cidxd", "check-config", str(path)],
        env={**os.environ, "PATH": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert answer.returncode == 1
    assert "index.symbols: ctags was not found" in answer.stderr

"""The service's files: systemd takes them, and they have every key there is."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from cidxd.config import Config, parse

FOLDER = Path(__file__).parents[2] / "systemd"

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="no systemd-analyze on this machine"
)


@pytest.fixture
def units(tmp_path: Path) -> list[str]:
    """Copies that name a program which is there, as an installed unit does."""
    for name in ("cidxd.service", "cidxd.socket"):
        text = (FOLDER / name).read_text()
        (tmp_path / name).write_text(text.replace("/opt/cidx/bin/cidxd", sys.executable))
    return [str(tmp_path / name) for name in ("cidxd.service", "cidxd.socket")]


@needs_systemd
def test_systemd_finds_nothing_to_complain_about(units: list[str]) -> None:
    done = subprocess.run(
        ["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs_systemd
def test_the_service_is_exposed_little(units: list[str]) -> None:
    rating = ("security", "--offline=true", "--threshold=15", "--no-pager", units[0])
    done = subprocess.run(["systemd-analyze", *rating], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_example_has_every_key_with_its_default() -> None:
    text = (FOLDER / "cidxd.toml").read_text()
    said = tomllib.loads(re.sub(r"^#(?=\w+ = )", "", text, flags=re.MULTILINE))
    assert {section: set(keys) for section, keys in said.items()} == {
        section: set(field.annotation.model_fields)  # type: ignore[union-attr]
        for section, field in Config.model_fields.items()
    }
    default, example = Config().model_dump(), parse(said, "the example").model_dump()
    differing = {
        f"{section}.{key}"
        for section, keys in example.items()
        for key, value in keys.items()
        if default[section][key] not in {value, None}
    }
    assert differing == set()


def test_the_example_as_it_stands_is_good() -> None:
    assert parse(tomllib.loads((FOLDER / "cidxd.toml").read_text()), "the example") == Config()

"""What a real shell gets to complete with."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from house import Home, Server, hosted
from sandbox import Checkout


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, Server]]:
    with hosted(tmp_path_factory.mktemp("house")) as made:
        yield made


@pytest.fixture(scope="module")
def job_id(house: tuple[Home, Server], tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("origin") / "gadget"
    Checkout(folder).commit({"a.txt": "a\n"})
    house[0].cidx("repo", "add", str(folder), "--name", "gadget")
    return str(house[0].json("sync", "gadget", "--timeout", "60")["job_id"])


def completed(home: Home, line: str) -> list[str]:
    """Return what bash is offered for the last word of *line*."""
    words = line.split(" ")
    home.env.update(_CIDX_COMPLETE="bash_complete", COMP_WORDS=line, COMP_CWORD=str(len(words) - 1))
    try:
        said = home.run("cidx").stdout
    finally:
        for name in ("_CIDX_COMPLETE", "COMP_WORDS", "COMP_CWORD"):
            del home.env[name]
    return [row.partition(",")[2] for row in said.splitlines() if row]


def test_commands_are_completed(house: tuple[Home, Server]) -> None:
    assert completed(house[0], "cidx jo") == ["jobs"]
    assert "follow" in completed(house[0], "cidx jobs ")


@pytest.mark.parametrize("command", ["sync ga", "repo show ", "query x --repo g", "link "])
def test_repository_names_are_completed(
    house: tuple[Home, Server], job_id: str, command: str
) -> None:
    assert job_id
    assert completed(house[0], f"cidx {command}") == ["gadget"]


def test_job_ids_are_completed_from_either_form(house: tuple[Home, Server], job_id: str) -> None:
    assert completed(house[0], "cidx jobs show ") == [job_id[-8:]]
    assert completed(house[0], f"cidx jobs show {job_id[:10]}") == [job_id]


def test_nothing_is_started_or_said_where_nobody_answers(home: Home) -> None:
    assert completed(home, "cidx sync g") == []
    assert not (home.folder / ".local").exists()
    home.env["CIDX_SERVER"] = "http://127.0.0.1:9"
    assert completed(home, "cidx sync g") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_its_script(home: Home, tmp_path: Path, shell: str) -> None:
    script = home.cidx("completion", shell)
    assert "_CIDX_COMPLETE" in script
    if shell == "bash":
        (tmp_path / "script").write_text(script)
        subprocess.run(["bash", "-n", str(tmp_path / "script")], check=True)

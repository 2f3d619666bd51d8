"""The examples of docs/api.md, as they stand on the page, against a real daemon."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from house import PATIENCE_S, ROOT, HeldRemote, Home, Server, hosted, wait_until
from remote import RemoteThread
from sandbox import Checkout

PAGE = (ROOT / "docs/api.md").read_text("utf-8")
ADDRESS = "http://127.0.0.1:8095"  # of a daemon that was configured by nobody
PROGRAMS = {
    "cidx": f'exec {sys.executable} -m cidx "$@"',
    # Once is enough here, of what a person looks at every five seconds.
    "watch": 'exec sh -c "$3"',
}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """Return every example for a shell, and what follows a prompt of a console."""
    typed = [
        line[2:] for text in blocks("console") for line in text.splitlines() if line[:2] == "$ "
    ]
    return [*blocks("sh"), *typed]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, Server]]:
    with hosted(tmp_path_factory.mktemp("examples")) as made:
        programs = made[0].folder / "bin"
        programs.mkdir()
        for name, line in PROGRAMS.items():
            (programs / name).write_text(f"#!/bin/sh\n{line}\n")
            (programs / name).chmod(0o755)
        made[0].env["PATH"] = f"{programs}:{made[0].env['PATH']}"
        yield made


@pytest.fixture(scope="module")
def clone(house: tuple[Home, Server], tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout that is registered as `demo`, which is what the examples call it."""
    made = Checkout(tmp_path_factory.mktemp("demo") / "checkout")
    made.commit({"README.md": "a demo\n"})
    house[0].cidx("repo", "add", str(made.folder), "--name", "demo")
    return made


@pytest.fixture(scope="module")
def tools(house: tuple[Home, Server], clone: Checkout) -> Iterator[None]:
    """A repository of that name whose remote takes any token; one lies in the checkout."""
    with RemoteThread(clone.folder) as remote:
        house[0].cidx("repo", "add", remote.url, "--name", "tools")
        (clone.folder / "token").write_text("of the remote\n")
        yield


@pytest.fixture(scope="module")
def job_id(house: tuple[Home, Server], clone: Checkout) -> str:
    """A job of `demo` that has ended."""
    assert clone.head()
    return str(house[0].json("sync", "demo", "--timeout", "60")["job_id"])


def environment(house: tuple[Home, Server], job_id: str) -> dict[str, str]:
    home, server = house
    return {**home.env, "URL": server.url, "TOKEN": server.token, "JOB_ID": job_id}


@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize("command", commands())
def test_an_example_with_curl_does_what_it_says(
    house: tuple[Home, Server], clone: Checkout, job_id: str, command: str
) -> None:
    # What goes on for ever is stopped once it has said something, which a sync makes it do.
    is_endless = "while :" in command
    script = command.replace(ADDRESS, house[1].url).replace("curl ", "curl -sS --fail-with-body ")
    # Not a pipe: who reads one waits for everybody who could still write into it.
    with tempfile.TemporaryFile("w+") as said:
        running = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", script],
            env={**environment(house, job_id), "CI_PIPELINE_ID": "17"},
            cwd=clone.folder,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
        try:
            if is_endless:
                wait_until("an answer", lambda: heard(house[0], said.fileno()))
            else:
                assert running.wait(PATIENCE_S) == 0, text_of(said.fileno())
        finally:
            if running.poll() is None:
                os.killpg(running.pid, 9)
            running.wait()
        text = text_of(said.fileno())
    assert text.strip()
    assert "curl: (" not in text


def text_of(said: int) -> str:
    return os.pread(said, 1 << 20, 0).decode()


def heard(home: Home, said: int) -> str:
    home.cidx("sync", "demo")
    return text_of(said)


@pytest.fixture
def held(house: tuple[Home, Server], origin: Checkout, tmp_path: Path) -> Iterator[tuple[Any, str]]:
    """A remote that holds its transfer, and the id of the job that waits for it."""
    with HeldRemote(origin.folder) as remote:
        house[0].cidx("repo", "add", remote.url, "--name", tmp_path.name)
        remote.hold()
        yield remote, house[0].json("sync", tmp_path.name)["job_id"]


def test_the_example_in_python_follows_a_job_to_its_end_once_and_in_order(
    house: tuple[Home, Server], held: tuple[HeldRemote, str]
) -> None:
    remote, job_id = held
    [program] = blocks("python")
    following = subprocess.Popen(
        [sys.executable, "-u", "-c", program],
        env=environment(house, job_id),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with following:
        assert following.stdout is not None
        first = following.stdout.readline()
        remote.release()
        said = first + following.stdout.read()
    assert following.returncode == 0, said
    *events, last = said.splitlines()
    expected = [f"{event['seq']} {event['type']}" for event in house[1].events(job_id)]
    assert [" ".join(line.split()[:2]) for line in events] == expected
    assert last == "the job is completed"


def node_version() -> int:
    try:
        done = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return 0
    return int(done.stdout.strip("v\n").split(".")[0])


@pytest.mark.skipif(node_version() < 22, reason="an older Node has no WebSocket of its own")
def test_the_example_in_javascript_follows_a_job_in_node(
    house: tuple[Home, Server], held: tuple[HeldRemote, str]
) -> None:
    remote, job_id = held
    remote.release()
    ask = (
        f"const {{ URL, TOKEN, JOB_ID }} = process.env;\n{blocks('js')[0]}\n"
        "console.log(await follow(URL, JOB_ID, (event) => console.log(event.seq, event.type),"
        " { headers: { Authorization: `Bearer ${TOKEN}` } }));"
    )
    done = subprocess.run(
        ["node", "--input-type=module", "-e", ask],
        env=environment(house, job_id),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *events, last = done.stdout.splitlines()
    assert events == [f"{event['seq']} {event['type']}" for event in house[1].events(job_id)]
    assert last == "completed"

"""Whenever a build ends, and however: the old index answers, or the new one does."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Any

import pytest

House = Any  # the fixture's class lives in conftest, which cannot be imported


@pytest.fixture
def waiting(house: House, start_build: Any) -> Any:
    """Return a build that waits for its permit, over an index that holds less."""
    house.checkout.commit({"a.txt": "needle\n"})
    house.sync()
    house.checkout.commit({"b.txt": "needle\n"})
    build = start_build(house.request())
    build.until("ready")
    return build


def _living(group: int) -> list[str]:
    """Return the states of a group's processes that still run; who is dead but unread is gone."""
    stats = (_stat(path) for path in Path("/proc").glob("[0-9]*/stat"))
    return [one[0] for one in stats if one and one[2] == str(group) and one[0] not in "ZX"]


def _stat(path: Path) -> list[str]:
    try:
        return path.read_text().rpartition(") ")[2].split()
    except OSError:
        return []


def _has_old(house: House) -> bool:
    return bool(house.lines("needle") == {("a.txt", 1)})


def test_end_of_input_before_the_permit_stops_it_with_3_and_publishes_nothing(
    house: House, waiting: Any
) -> None:
    assert waiting.end() == 3
    assert _has_old(house)
    assert house.sync()["summary"]["blobs_new"] == 0
    assert len(house.lines("needle")) == 2


def test_sigterm_before_the_permit_stops_it_with_3_and_publishes_nothing(
    house: House, waiting: Any
) -> None:
    waiting.process.send_signal(signal.SIGTERM)
    assert waiting.process.wait(30) == 3
    waiting.end()
    assert _has_old(house)


def test_end_of_input_after_the_permit_does_not_stop_it(house: House, waiting: Any) -> None:
    waiting.publish()
    waiting.hang_up()
    assert waiting.until("done", "failed")["type"] == "done"
    assert waiting.end() == 0
    assert len(house.lines("needle")) == 2


def test_a_kill_while_it_waits_publishes_nothing(house: House, waiting: Any) -> None:
    waiting.end(is_killed=True)
    assert _has_old(house)
    house.sync()
    assert len(house.lines("needle")) == 2


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("turn", range(3))
def test_a_kill_after_the_permit_leaves_the_old_or_the_new(
    house: House, waiting: Any, start_build: Any, *, full: bool, turn: int
) -> None:
    if full:
        waiting.end()
        waiting = start_build(house.request(full=True))
        waiting.until("ready")
    waiting.publish()
    for _ in range(turn * 8000):
        pass
    waiting.end(is_killed=True)
    assert len(house.lines("needle")) in (1, 2)
    house.sync()
    assert len(house.lines("needle")) == 2
    assert len([path for path in house.index.iterdir() if path.is_dir()]) == 1


@pytest.mark.parametrize("kind", ["hello", "phase", "phase_done", "progress"])
@pytest.mark.parametrize("way", ["kill", "end of input", "term"])
def test_an_end_during_the_work_leaves_the_old_and_no_child(
    house: House, start_build: Any, kind: str, way: str
) -> None:
    house.checkout.commit({"a.txt": "needle\n"})
    house.sync()
    house.checkout.commit({f"f{n}.txt": f"needle {n}\n" * 200 for n in range(400)})
    build = start_build(house.request())
    while build.until(kind, "ready")["type"] != "ready":
        if kind != "phase_done" or build.messages[-1]["name"] == "diff":
            break
    group = build.process.pid
    if way == "term":
        build.process.send_signal(signal.SIGTERM)
        build.process.wait(30)
    code = build.end(is_killed=way == "kill")
    assert code == (-signal.SIGKILL if way == "kill" else 3), build.stderr
    assert _has_old(house)
    if way != "kill":
        assert _living(group) == []
        assert not [p for p in house.index.rglob("*") if ".tmp" in p.name]
    house.sync()
    assert len(house.lines("needle 399")) == 200


def test_a_first_build_that_was_killed_leaves_no_index(house: House, start_build: Any) -> None:
    house.checkout.commit({"a.txt": "needle\n"})
    build = start_build(house.request())
    build.until("ready")
    build.end(is_killed=True)
    status, body = house.ask("needle")
    assert (status, body["code"]) == (404, "not-indexed")
    assert house.tips()["branches"] == []
    house.sync()
    assert house.lines("needle") == {("a.txt", 1)}


def test_a_first_build_that_was_killed_is_not_done_again(house: House, start_build: Any) -> None:
    house.checkout.commit({f"f{n}.txt": f"needle {n}\n" for n in range(50)})
    build = start_build(house.request())
    build.until("ready")
    build.end(is_killed=True)
    assert house.sync()["summary"]["blobs_new"] == 0
    assert len(house.lines("needle")) == 50


def test_searches_are_right_while_epochs_come_and_go(house: House) -> None:
    house.checkout.commit({f"f{n}.txt": f"needle {n}\n" for n in range(50)})
    house.sync()
    is_over = threading.Event()
    answers: list[tuple[int, int]] = []

    def search() -> None:
        while not is_over.is_set():
            status, body = house.ask("needle")
            answers.append((status, len(body.get("matches", ()))))

    searching = threading.Thread(target=search)
    searching.start()
    for _ in range(4):
        house.sync(full=True)
        house.sync()
    is_over.set()
    searching.join()
    assert set(answers) == {(200, 50)}


def test_bad_content_left_by_a_first_build_does_not_fail_every_build_after_it(
    house: House, start_build: Any
) -> None:
    house.checkout.commit({"a.txt": "needle\n"})
    build = start_build(house.request())
    build.until("ready")
    build.end(is_killed=True)
    (path,) = house.segments()
    data = bytearray(path.read_bytes())
    data[20] ^= 1
    path.write_bytes(data)
    build = start_build(house.request())
    if build.until("ready", "failed")["type"] == "failed":
        build.end()
        house.sync()
        assert house.lines("needle") == {("a.txt", 1)}

"""A job followed as it runs, by the real client at a real server."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from house import PATIENCE_S, HeldRemote, Home, Server, hosted, wait_until
from remote import Lie
from sandbox import Checkout

PHASES = ["fetch", "diff", "index", "validate", "publish"]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, Server]]:
    with hosted(tmp_path_factory.mktemp("follow"), more="[limits]\nattempts = 1\n") as made:
        yield made


@pytest.fixture
def user(house: tuple[Home, Server]) -> Home:
    return house[0]


@pytest.fixture
def daemon(house: tuple[Home, Server]) -> Server:
    return house[1]


@pytest.fixture
def remote(origin: Checkout) -> Iterator[HeldRemote]:
    with HeldRemote(origin.folder) as made:
        yield made


@pytest.fixture
def name(user: Home, remote: HeldRemote, tmp_path: Path) -> str:
    """The remote, registered under a name of its own; its transfers are held."""
    user.cidx("repo", "add", remote.url, "--name", tmp_path.name)
    remote.hold()
    return tmp_path.name


def first_line(following: subprocess.Popen[str]) -> str:
    assert following.stdout is not None
    return following.stdout.readline()


def job_of(following: subprocess.Popen[str]) -> str:
    """Return the id that the client printed at once."""
    return first_line(following).split()[1].strip(":")


def finished(following: subprocess.Popen[str]) -> tuple[int, str, str]:
    # Not communicate(): it forgets the lines that a readline before it had buffered.
    assert following.stdin is not None
    assert following.stdout is not None
    assert following.stderr is not None
    watchdog = threading.Timer(PATIENCE_S, following.kill)
    watchdog.start()
    try:
        out, err = following.stdout.read(), following.stderr.read()
        following.wait()
    finally:
        watchdog.cancel()
    for pipe in (following.stdin, following.stdout, following.stderr):
        pipe.close()
    assert "Traceback" not in err
    return following.returncode, out, err


def events_in(out: str) -> tuple[list[Any], Any]:
    """Return the events and the job that `--follow --json` printed."""
    *events, last = [json.loads(line) for line in out.splitlines()]
    assert all(list(event) == ["event"] for event in events)
    assert list(last) == ["job"]
    return [event["event"] for event in events], last["job"]


def are_whole(events: list[Any], job: Any) -> None:
    """Hold *events* against what the rules say of one job's."""
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert {event["job_id"] for event in events} == {job["job_id"]}
    assert events[-1]["type"] == job["status"]


def test_each_phase_is_told_once_and_in_order(user: Home, origin: Checkout) -> None:
    user.cidx("repo", "add", str(origin.folder), "--name", "once")
    first, *lines = user.cidx("sync", "once", "--follow").splitlines()
    assert first.startswith("job ")
    told = [words[0] for words in map(str.split, lines) if words[0] in PHASES and words[2] == "s"]
    assert told == PHASES, lines
    assert "\r" not in "".join(lines)


def test_json_is_one_event_a_line_and_the_job_at_last(user: Home, origin: Checkout) -> None:
    user.cidx("repo", "add", str(origin.folder), "--name", "json")
    out = user.cidx("sync", "json", "--follow", "--json")
    events, job = events_in(out)
    are_whole(events, job)
    started = [event["data"]["phase"] for event in events if event["type"] == "phase_started"]
    assert started == PHASES
    shares = [event["data"].get("progress_percentage", 0) for event in events]
    assert job["status"] == "completed"
    assert max(shares) == 100
    # Followed again after its end, the job is told from its first event on.
    assert events_in(user.cidx("jobs", "follow", job["job_id"], "--json"))[0] == events


def test_ctrl_c_ends_the_watching_and_not_the_job(
    user: Home, daemon: Server, remote: HeldRemote, name: str
) -> None:
    following = user.start("cidx", "sync", name, "--follow")
    job_id = job_of(following)
    wait_until("the transfer", remote.is_holding)
    following.send_signal(signal.SIGINT)
    code, _, err = finished(following)
    assert code == 130
    assert err == (
        f"error: interrupted; the job goes on: {job_id}\n"
        f"hint: cidx jobs follow {job_id}, or cidx jobs cancel {job_id}\n"
    )
    assert daemon.job(job_id)["status"] == "running"
    remote.release()
    assert daemon.ended(job_id)["status"] == "completed"


def test_a_wait_that_is_over_is_not_the_end_of_the_job(
    user: Home, daemon: Server, origin: Checkout, remote: HeldRemote, name: str
) -> None:
    for follow in ([], ["--follow"]):
        origin.commit({})
        remote.hold()
        done = user.run("cidx", "sync", name, "--timeout", "0.5", *follow, code=124)
        assert "still running after 0.5 s and goes on" in done.stderr
        assert "hint: cidx jobs follow " in done.stderr
        remote.release()
        job_id = done.stdout.split()[1].strip(":")
        assert daemon.ended(job_id)["status"] == "completed"


def test_a_cancel_ends_the_following(
    user: Home, daemon: Server, remote: HeldRemote, name: str
) -> None:
    following = user.start("cidx", "sync", name, "--follow")
    job_id = job_of(following)
    wait_until("the transfer", remote.is_holding)
    user.cidx("jobs", "cancel", job_id)
    assert finished(following)[0] == 6
    assert daemon.job(job_id)["status"] == "cancelled"


def test_a_failed_job_is_told_with_its_reason(user: Home, origin: Checkout, tmp_path: Path) -> None:
    with HeldRemote(origin.folder) as remote:
        user.cidx("repo", "add", remote.url, "--name", tmp_path.name)
        remote.lie = Lie(status=404)
        following = user.start("cidx", "sync", tmp_path.name, "--follow", "--json")
        code, out, err = finished(following)
    events, job = events_in(out)
    are_whole(events, job)
    assert (code, job["error"]["code"]) == (5, "remote-not-found")
    assert "error: the remote repository does not exist" in err


def test_five_followers_see_each_their_own_job(user: Home, tmp_path: Path) -> None:
    names = [f"{tmp_path.name}-{number}" for number in range(5)]
    for number, name in enumerate(names):
        origin = Checkout(tmp_path / name)
        origin.commit({f"file_{n}.txt": f"{n}\n" for n in range(number + 1)})
        user.cidx("repo", "add", str(origin.folder), "--name", name)
    following = [user.start("cidx", "sync", name, "--follow", "--json") for name in names]
    for number, one in enumerate(following):
        code, out, _ = finished(one)
        events, job = events_in(out)
        are_whole(events, job)
        assert (code, job["repository"]) == (0, names[number])
        assert job["summary"]["files_total"] == number + 1


@pytest.fixture
def member(daemon: Server, tmp_path: Path) -> Home:
    """Somebody who logged in as people do: with tokens in a file."""
    made = Home(tmp_path / "member")
    daemon.log_in(made)
    return made


def spoil(home: Home) -> str:
    """Make the stored access token one that the server refuses; return the file's text."""
    path = home.folder / ".config/cidx/credentials.json"
    content = json.loads(path.read_text())
    [session] = content["servers"].values()
    session["access_token"] = "worn.out.token"
    path.write_text(json.dumps(content))
    return path.read_text()


def test_a_worn_out_token_is_renewed_without_a_word(
    member: Home, remote: HeldRemote, name: str
) -> None:
    remote.release()
    spoiled = spoil(member)
    done = member.run("cidx", "sync", name, "--follow")
    assert done.stderr == ""
    assert (member.folder / ".config/cidx/credentials.json").read_text() != spoiled


def test_a_session_that_is_ended_ends_the_following(
    member: Home, daemon: Server, remote: HeldRemote, name: str
) -> None:
    following = member.start("cidx", "sync", name, "--follow")
    job_id = job_of(following)
    wait_until("the transfer", remote.is_holding)
    assert following.stdout is not None
    following.stdout.readline()  # the stream has begun
    member.cidx("logout")
    remote.release()
    code, _, err = finished(following)
    assert code == 4
    assert "hint: cidx login " in err
    assert daemon.ended(job_id)["status"] == "completed"


def test_a_daemon_killed_under_its_follower_loses_and_repeats_no_event(
    home: Home, server: Server, remote: HeldRemote
) -> None:
    server.log_in(home)
    home.cidx("repo", "add", remote.url, "--name", "demo")
    remote.hold()
    following = home.start("cidx", "sync", "demo", "--follow", "--json")
    first_line(following)
    wait_until("the transfer", remote.is_holding)
    server.kill()
    spoil(home)  # the token wore out meanwhile
    remote.release()
    server.start()
    code, out, err = finished(following)
    events, job = events_in(out)
    assert code == 0, err
    assert [event["seq"] for event in events] == list(range(2, len(events) + 2))
    assert [event["type"] for event in events].count("interrupted") == 1
    assert events[-1]["type"] == job["status"] == "completed"


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_who_follows_a_job_over_a_restart_reads_every_line_once(
    home: Home,
    remote: HeldRemote,
    tmp_path: Path,
    end: signal.Signals,
    request: pytest.FixtureRequest,
) -> None:
    server = Server(home, tmp_path / "server", more="[limits]\ndrain_seconds = 0.1\n")
    server.start()
    request.addfinalizer(server.stop)
    server.sign_in(home)
    home.cidx("repo", "add", remote.url, "--name", "demo")
    remote.hold()
    job_id = home.json("sync", "demo")["job_id"]
    wait_until("the transfer", remote.is_holding)
    json_lines = home.start("cidx", "jobs", "follow", job_id, "--json")
    lines = home.start("cidx", "jobs", "follow", job_id[-8:])
    begun = first_line(json_lines)
    assert first_line(lines).startswith("job ")
    if end is signal.SIGKILL:
        server.kill()
    else:
        assert server.stop() == 0
    remote.release()
    server.start()
    code, out, err = finished(json_lines)
    events, job = events_in(begun + out)
    assert (code, job["status"]) == (0, "completed"), err
    assert events == server.events(job_id)
    code, out, err = finished(lines)
    rows = [words for words in map(str.split, out.splitlines()) if words[0] in PHASES]
    assert (code, [row[0] for row in rows if row[2] == "s"]) == (0, PHASES), out
    assert server.stop() == 0

"""The port is the service manager's: a socket handed over, and connections that wait in it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from house import Home, Server, curl, descendants, wait_until
from sandbox import Checkout

# What systemd does between fork and exec.
_STARTER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()), LISTEN_FDNAMES="cidxd.socket")
os.execv(sys.argv[2], sys.argv[2:])
"""


def activated(home: Home, folder: Path, handed: int) -> Server:
    """Return a daemon, not started yet, that gets *handed* as its first socket."""
    made = Server(home, folder)
    made.inherited = (handed,)
    made.starter = (sys.executable, "-c", _STARTER, str(handed))
    return made


@pytest.fixture
def port() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


@pytest.fixture
def daemon(home: Home, tmp_path: Path, port: socket.socket) -> Iterator[Server]:
    made = activated(home, tmp_path / "server", port.fileno())
    made.start()
    yield made
    assert made.stop() == 0
    assert "Traceback" not in made.log()


def asking(port: socket.socket) -> http.client.HTTPConnection:
    """Return a connection on which the daemon was asked whether it lives."""
    connection = http.client.HTTPConnection("127.0.0.1", port.getsockname()[1], timeout=60)
    connection.request("GET", "/healthz")
    return connection


def is_answered(connection: http.client.HTTPConnection) -> bool:
    with contextlib.closing(connection):
        answer = connection.getresponse()
        return answer.status == 200 and json.loads(answer.read())["status"] == "ok"


def test_the_daemon_serves_on_the_socket_that_it_was_given(
    daemon: Server, port: socket.socket
) -> None:
    host, number = port.getsockname()
    assert daemon.url == f"http://{host}:{number}"
    assert 'listen = "127.0.0.1:0"' in daemon.config.read_text(), "which it does not bind"
    assert is_answered(asking(port))


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_connection_made_between_two_daemons_waits_and_is_answered(
    daemon: Server, port: socket.socket, how: str
) -> None:
    daemon.stop() if how == "stop" else daemon.kill()
    waiting = [asking(port) for _ in range(200)]
    daemon.start()
    assert all(is_answered(connection) for connection in waiting)


def test_a_connection_made_while_the_daemon_stops_is_answered_by_the_next(
    daemon: Server, port: socket.socket
) -> None:
    stream = socket.create_connection(port.getsockname())  # accepted, and never heard of again
    assert is_answered(asking(port))
    daemon.signal(15)
    wait_until("the stop", lambda: "stopping" in daemon.log())
    connection = asking(port)
    assert daemon.process is not None
    assert daemon.process.wait(60) == 0
    daemon.start()
    assert is_answered(connection)
    stream.close()


def test_no_request_is_lost_to_restarts_under_load(daemon: Server, port: socket.socket) -> None:
    is_over = threading.Event()

    def ask() -> int:
        count = 0
        while not is_over.is_set():
            assert is_answered(asking(port))
            count += 1
        return count

    with ThreadPoolExecutor() as clients:
        asked = [clients.submit(ask) for _ in range(5)]
        try:
            for _ in range(3):
                assert is_answered(asking(port))
                assert daemon.stop() == 0
                daemon.start()
        finally:
            is_over.set()
        assert all(one.result() > 0 for one in asked)


def test_no_child_holds_the_socket(
    home: Home, daemon: Server, port: socket.socket, origin: Checkout
) -> None:
    daemon.sign_in(home)
    home.cidx("repo", "add", str(origin.folder), "--name", "demo")
    home.cidx("sync", "demo", "--timeout", "60")
    assert daemon.process is not None
    inode = str(Path(f"/proc/self/fd/{port.fileno()}").readlink())
    assert inode in opened(daemon.process.pid)
    children = wait_until("a search child", lambda: descendants(daemon.process.pid))  # type: ignore[union-attr]
    assert all(inode not in opened(child.pid) for child in children)
    for child in children:
        assert b"LISTEN_" not in Path(f"/proc/{child.pid}/environ").read_bytes()


def opened(pid: int) -> set[str]:
    """Return what process *pid* has open; nothing once it is gone."""
    found = set()
    with contextlib.suppress(FileNotFoundError):
        for path in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                found.add(str(path.readlink()))
    return found


def test_a_unix_socket_is_served_on_too(home: Home, tmp_path: Path) -> None:
    path = str(tmp_path / "cidxd.sock")
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(path)
        door.listen()
        server = activated(home, tmp_path / "server", door.fileno())
        server.start()
        assert server.url == f"unix:{path}"
        status, document = curl("http://cidx/healthz", "", "--unix-socket", path)
        assert (status, document["status"]) == (200, "ok")
        assert server.stop() == 0


def test_sockets_that_are_meant_for_another_process_are_left_alone(
    home: Home, tmp_path: Path
) -> None:
    home.env.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
    server = Server(home, tmp_path / "server")
    server.start()
    assert curl(f"{server.url}/healthz")[0] == 200
    assert "socket_inherited" not in server.log()
    assert server.stop() == 0


@pytest.mark.parametrize("kind", ["a connection", "datagrams", "a file"])
def test_what_is_no_socket_to_listen_on_is_refused_with_a_hint(
    home: Home, tmp_path: Path, kind: str
) -> None:
    with contextlib.ExitStack() as stack:
        pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        for one in pair:
            stack.enter_context(one)
        datagrams = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        file = stack.enter_context((tmp_path / "file").open("wb"))
        handed = {
            "a connection": pair[0].fileno(),
            "datagrams": datagrams.fileno(),
            "a file": file.fileno(),
        }
        server = activated(home, tmp_path / "server", handed[kind])
        with pytest.raises(AssertionError):
            server.start()
        assert server.process is not None
        assert server.process.wait(60) == 1
        said = server.log()
        assert "error: descriptor 3, from the service manager, is no socket to listen on" in said
        assert "hint: the socket unit is to have ListenStream=" in said
        assert "Traceback" not in said

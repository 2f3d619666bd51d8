"""A job followed in a terminal: what is drawn at which width, resized, dumb, and interrupted."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from house import PATIENCE_S, HeldRemote, Home, Server, hosted, wait_until
from sandbox import Checkout

PHASES = ["fetch", "diff", "index", "validate", "publish"]
_DRAWN = re.compile(r"\r(\x1b\[J)?([^\r\n\x1b]+)\x1b\[K\r")


class Terminal:
    """A program in a terminal of its own, and everything that it wrote there."""

    def __init__(self, home: Home, *argv: str, columns: int, **environment: str) -> None:
        self._ours, theirs = pty.openpty()
        self.resize(columns)
        # As in a shell: its own session, with the terminal as what sends it Ctrl-C.
        self.process = subprocess.Popen(
            ["setsid", "--ctty", sys.executable, "-m", *argv],
            env={**home.env, "TERM": "xterm", **environment},
            cwd=home.folder,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        self.text = ""

    def resize(self, columns: int) -> None:
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def press(self, key: bytes) -> None:
        os.write(self._ours, key)

    def until(self, what: str, is_so: Callable[[str], object]) -> None:
        """Read until *is_so* of what was written since the call."""
        begin, end = len(self.text), time.monotonic() + PATIENCE_S
        while not is_so(self.text[begin:]):
            assert self._read(end - time.monotonic()), f"waited for {what}: {self.text}"

    def ended(self) -> int:
        """Read to the end, and return the exit code."""
        while self._read(PATIENCE_S):
            pass
        code = self.process.wait(PATIENCE_S)
        assert "Traceback" not in self.text
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._ours)

    def _read(self, timeout_s: float) -> bool:
        if not select.select([self._ours], [], [], max(0.0, timeout_s))[0]:
            return False
        try:
            piece = os.read(self._ours, 65536)
        except OSError:  # how a pty ends
            return False
        self.text += piece.decode()
        return bool(piece)


def drawn(text: str) -> list[str]:
    """Return the live lines in the order in which they were drawn."""
    return [found[2] for found in _DRAWN.finditer(text)]


def kept(text: str) -> list[str]:
    """Return the lines that stay on the screen."""
    plain = _DRAWN.sub("", text).replace("\r\x1b[J", "").replace("\r\n", "\n")
    return [line for line in plain.split("\n") if line]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, Server]]:
    with hosted(tmp_path_factory.mktemp("terminal")) as made:
        yield made


@pytest.fixture
def remote(origin: Checkout) -> Iterator[HeldRemote]:
    with HeldRemote(origin.folder) as made:
        yield made


@pytest.fixture
def follow(
    house: tuple[Home, Server], remote: HeldRemote, tmp_path: Path
) -> Iterator[Callable[..., Terminal]]:
    """Follow a first sync in a new terminal; its transfer is held."""
    opened = []
    house[0].cidx("repo", "add", remote.url, "--name", tmp_path.name)
    remote.hold()

    def start(columns: int = 80, **environment: str) -> Terminal:
        argv = ("cidx", "sync", tmp_path.name, "--follow")
        opened.append(Terminal(house[0], *argv, columns=columns, **environment))
        return opened[-1]

    yield start
    for terminal in opened:
        terminal.close()


@pytest.mark.parametrize(("columns", "has_bar"), [(80, True), (40, False)])
def test_one_live_line_fits_the_terminal_and_each_phase_stays(
    follow: Callable[..., Terminal], remote: HeldRemote, columns: int, *, has_bar: bool
) -> None:
    terminal = follow(columns)
    terminal.until("a live line", drawn)
    remote.release()
    assert terminal.ended() == 0
    lines = drawn(terminal.text)
    assert all(len(line) < columns for line in lines)
    assert all(("[" in line) == has_bar for line in lines if not line.startswith("queued"))
    shares = [int(found[1]) for line in lines if (found := re.search(r"(\d+) %", line))]
    assert shares
    assert shares == sorted(shares)
    stay = kept(terminal.text)
    assert [line.split()[0] for line in stay if re.match(r"\w+ +[\d.]+ s", line)] == PHASES
    # An id has 36 characters, and a word is not broken.
    assert all(len(line) <= max(columns, 41) for line in stay)


def test_a_terminal_made_narrower_gets_a_narrower_line_and_no_remains(
    follow: Callable[..., Terminal], remote: HeldRemote
) -> None:
    terminal = follow(80)
    terminal.until("a line with a bar", lambda text: "[" in "".join(drawn(text)))
    terminal.resize(40)
    terminal.until("a narrower line", lambda text: any(len(line) < 40 for line in drawn(text)))
    first = next(found for found in _DRAWN.finditer(terminal.text) if len(found[2]) < 40)
    assert first[1] == "\x1b[J"  # to the end of the screen, with all that was broken off
    terminal.resize(80)
    terminal.until("a bar again", lambda text: "[" in "".join(drawn(text)))
    remote.release()
    assert terminal.ended() == 0


def test_a_dumb_terminal_gets_plain_lines(
    follow: Callable[..., Terminal], remote: HeldRemote
) -> None:
    terminal = follow(TERM="dumb")
    terminal.until("the first phase", lambda text: re.search(r"fetch \d+ %", text))
    remote.release()
    assert terminal.ended() == 0
    assert "\x1b" not in terminal.text
    assert "\r" not in terminal.text.replace("\r\n", "\n")


def test_without_colours_the_line_is_live_all_the_same(
    follow: Callable[..., Terminal], remote: HeldRemote
) -> None:
    terminal = follow(NO_COLOR="1")
    terminal.until("a live line", drawn)
    remote.release()
    assert terminal.ended() == 0
    assert not re.search(r"\x1b\[[\d;]*m", terminal.text)


def test_ctrl_c_takes_the_line_away_and_says_how_to_follow_the_job_that_goes_on(
    follow: Callable[..., Terminal], house: tuple[Home, Server], remote: HeldRemote
) -> None:
    terminal = follow()
    terminal.until("a live line", drawn)
    wait_until("the transfer", remote.is_holding)
    terminal.press(b"\x03")
    assert terminal.ended() == 128 + signal.SIGINT
    job_id = terminal.text.split()[1].strip(":")
    assert terminal.text.endswith(
        f"\r\x1b[Jerror: interrupted; the job goes on: {job_id}\r\n"
        f"hint: cidx jobs follow {job_id}, or cidx jobs cancel {job_id}\r\n"
    )
    assert house[1].job(job_id)["status"] == "running"
    remote.release()
    assert house[1].ended(job_id)["status"] == "completed"


@pytest.mark.parametrize("columns", [80, 40])
def test_lists_and_details_fit_the_terminal(house: tuple[Home, Server], columns: int) -> None:
    home = house[0]
    for argv in (("jobs", "list"), ("repo", "list"), ("status",)):
        terminal = Terminal(home, "cidx", *argv, columns=columns)
        assert terminal.ended() == 0
        terminal.close()
        lines = [line for line in kept(terminal.text) if "://" not in line]
        assert lines
        assert all(len(line) <= columns for line in lines), lines

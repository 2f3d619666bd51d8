from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from cidx import terminal
from cidx.terminal import Screen

Told = pytest.CaptureFixture[str]


def test_the_live_line_is_drawn_in_place_and_taken_away_before_a_line(capsys: Told) -> None:
    screen = Screen()
    screen.draw("one")
    screen.write(["fetch done"])
    screen.draw("two")
    screen.clear()
    assert capsys.readouterr().out == "\rone\x1b[K\r\r\x1b[Jfetch done\n\rtwo\x1b[K\r\r\x1b[J"


def test_the_live_line_does_not_flicker(capsys: Told) -> None:
    screen = Screen()
    for number in range(100):
        screen.draw(f"line {number}")
    assert capsys.readouterr().out == "\rline 0\x1b[K\r"


def test_nothing_is_cleared_where_nothing_was_drawn(capsys: Told) -> None:
    screen = Screen()
    screen.write([])
    screen.clear()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("variable", "value", "is_interactive", "is_colored"),
    [
        ("TERM", "xterm", True, True),
        ("TERM", "dumb", False, False),
        ("NO_COLOR", "1", True, False),
        ("NO_COLOR", "", True, True),
    ],
)
def test_a_terminal_is_interactive_unless_it_is_dumb_and_colored_unless_unwanted(
    variable: str, value: str, *, is_interactive: bool, is_colored: bool
) -> None:
    code = (
        "import sys; from cidx import terminal as t; sys.exit(2*t.is_interactive()+t.is_colored())"
    )
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", variable: value}
    done = subprocess.run([sys.executable, "-c", code], stdout=theirs, env=environment, check=False)
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 2 * is_interactive + is_colored


def test_a_pipe_is_no_terminal(capsys: Told) -> None:
    assert not terminal.is_interactive()
    terminal.out_json({"name": "ä"})
    assert capsys.readouterr().out == '{"name":"ä"}\n'

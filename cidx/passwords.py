"""A password as the user gives it: piped, or typed where nobody sees it; never an argument."""

from __future__ import annotations

import sys

import click


def asked(what: str, *, is_hidden: bool = False, is_repeated: bool = False) -> str:
    """
    Return the answer to a question on the terminal.

    Raises:
        click.UsageError: Nobody can be asked.
    """
    if not sys.stdin.isatty():
        raise click.UsageError("nobody can be asked here; give --username and --password-stdin")
    again = "Again" if is_repeated else False
    return str(click.prompt(what, hide_input=is_hidden, confirmation_prompt=again, err=True))


def given(what: str = "Password", *, is_piped: bool, is_new: bool = False) -> str:
    """Return a password: the next line of standard input, or typed, twice if it *is_new*."""
    if is_piped:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise click.UsageError("nobody can be asked here; give --password-stdin")
    return asked(what, is_hidden=True, is_repeated=is_new)

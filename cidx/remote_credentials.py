"""
What a remote is asked with, as the user gives it to `cidx repo add` and `cidx repo set`.

A secret is read from standard input, a file, or a terminal that does not show it; never from
an argument, for those show in the list of processes and in the shell's history.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

import click

from cidx import known_hosts as hosts
from cidx.errors import ClientError

if TYPE_CHECKING:
    from cidx.wire import Json

C = TypeVar("C", bound=Callable[..., Any])

_FILE = click.Path(path_type=Path, dir_okay=False)
_OPTIONS = (
    click.option("--token", is_flag=True, help="Ask for a token of the remote's host."),
    click.option("--token-stdin", is_flag=True, help="Read it from standard input."),
    click.option("--username", metavar="NAME", help="Of the remote's host."),
    click.option("--password-stdin", is_flag=True, help="Read the password from standard input."),
    click.option("--ssh-key", type=_FILE, help="A private key without a passphrase."),
    click.option(
        "--known-hosts", type=_FILE, help="Which key the host has; default: as your ssh knows it."
    ),
)


class Given(TypedDict):
    """The options that give a credential."""

    token: bool
    token_stdin: bool
    username: str | None
    password_stdin: bool
    ssh_key: Path | None
    known_hosts: Path | None


def credential_options(command: C) -> C:
    """Add the options of `Given` to a command."""
    return functools.reduce(lambda made, option: option(made), reversed(_OPTIONS), command)


def is_given(given: Given) -> bool:
    """Tell whether any of the options was used."""
    return any(given.values())


def body_of(given: Given, remote: Callable[[], str]) -> Json:
    """
    Return the credential as the wire has it; asks on the terminal for what is missing.

    Args:
        given: Of it something was used.
        remote: Returns the remote's address; called for a key only.

    Raises:
        click.UsageError: The options do not go together, or nobody can be asked.
        ClientError: A file cannot be read, or the host is not known.
    """
    is_token = given["token"] or given["token_stdin"]
    kinds = [is_token, given["password_stdin"], given["ssh_key"] is not None]
    if sum(kinds) > 1 or (given["ssh_key"] and given["username"]):
        raise click.UsageError("a token, a password or a key: give one of them")
    if given["known_hosts"] and given["ssh_key"] is None:
        raise click.UsageError("--known-hosts is for --ssh-key")
    if given["ssh_key"] is not None:
        return _key(given["ssh_key"], given["known_hosts"], remote())
    name = {"username": given["username"]} if given["username"] else {}
    if is_token:
        token = _secret("Token", "--token-stdin", is_piped=given["token_stdin"])
        return {"kind": "token", "token": token, **name}
    if not name:
        raise click.UsageError("--password-stdin needs --username")
    password = _secret("Password", "--password-stdin", is_piped=given["password_stdin"])
    return {"kind": "password", "password": password, **name}


def _secret(what: str, option: str, *, is_piped: bool) -> str:
    if is_piped:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise click.UsageError(f"nobody can be asked here; give {option}")
    return str(click.prompt(what, hide_input=True, err=True))


def _key(key: Path, known_hosts: Path | None, remote: str) -> Json:
    text = _read(key)
    if known_hosts is not None:
        lines = _read(known_hosts)
    else:
        own = Path("~/.ssh/known_hosts").expanduser()
        lines = hosts.lines_of(remote, _read(own) if own.exists() else "")
        if not lines:
            raise ClientError(
                f"your ssh does not know the host of {remote}",
                hint="ssh-keyscan HOST > FILE, compare it with the host's owner, then: "
                "--known-hosts FILE",
            )
    return {"kind": "ssh-key", "private_key": text, "known_hosts": lines}


def _read(path: Path) -> str:
    try:
        return path.expanduser().read_text("utf-8")
    except OSError as err:
        raise ClientError(f"cannot read {path}: {(err.strerror or '').lower()}") from err
    except UnicodeDecodeError as err:
        raise ClientError(f"not a text file: {path}") from err

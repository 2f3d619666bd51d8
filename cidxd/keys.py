"""`cidxd keys`: the keys that sign access tokens."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import click

from cidxd.command import CONFIG, DATA, configured, says_errors


@click.group()
def keys() -> None:
    """Look after the keys that sign access tokens."""


@keys.command()
@CONFIG
@DATA
@click.option("--at-once", is_flag=True, help="Believe nothing that an older key has signed.")
@says_errors
def rotate(
    config_file: Path | None,
    data: Path | None,
    at_once: bool,  # noqa: FBT001 - click passes options by name
) -> None:
    """Sign with a new key from now on; nobody is logged out."""
    os.umask(0o077)  # what is kept is this user's alone
    from cidxd import admin  # noqa: PLC0415 - aiohttp costs a third of a second

    config = configured(config_file, data)
    made = asyncio.run(admin.ask(config, "POST", "/keys", {"at_once": at_once}))
    until = f"verify for {made['kept_seconds']} s more" if made["kept_seconds"] else "are gone"
    click.echo(f"new signing key: {made['key_id']}; the older ones {until}")

"""The commands that keep an installation safe: backup, restore, doctor."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import orjson

from cidxd.command import CONFIG, DATA, configured, says_errors
from cidxd.config import Config
from cidxd.errors import ConfigError

if TYPE_CHECKING:
    from cidxd.surroundings import Finding

_FILE = click.argument("file", type=click.Path(path_type=Path))


@click.command()
@CONFIG
@DATA
@_FILE
@click.option("--force", "is_forced", is_flag=True, help="Replace FILE if it exists.")
@says_errors
def backup(
    config_file: Path | None,
    data: Path | None,
    file: Path,
    is_forced: bool,  # noqa: FBT001 - click passes options by name
) -> None:
    """Write database and job logs to FILE; a daemon may run, and goes on meanwhile."""
    from cidxd import backup as backups  # noqa: PLC0415 - aiohttp costs a third of a second

    os.umask(0o077)  # what is kept is this user's alone
    config = configured(config_file, data)
    made = asyncio.run(backups.back_up(config, file.absolute(), is_forced=is_forced))
    click.echo(f"{file}: {made}")


@click.command()
@CONFIG
@DATA
@_FILE
@click.option("--force", "is_forced", is_flag=True, help="Move what is there into a folder beside.")
@says_errors
def restore(
    config_file: Path | None,
    data: Path | None,
    file: Path,
    is_forced: bool,  # noqa: FBT001 - click passes options by name
) -> None:
    """Put the database and the job logs of the backup FILE in place; no daemon may run."""
    from cidxd import restore as restores  # noqa: PLC0415 - aiohttp costs a third of a second

    os.umask(0o077)
    config = configured(config_file, data)
    for line in asyncio.run(restores.restore(config, file.absolute(), is_forced=is_forced)):
        click.echo(line)


@click.command()
@CONFIG
@DATA
@click.option("--remotes", "asks_remotes", is_flag=True, help="Ask every registered remote too.")
@click.option("--json", "as_json", is_flag=True, help="One finding a line.")
@says_errors
def doctor(
    config_file: Path | None,
    data: Path | None,
    asks_remotes: bool,  # noqa: FBT001 - click passes options by name
    as_json: bool,  # noqa: FBT001 - likewise
) -> None:
    """Look for faults, read every byte of every index, and say what to do about each finding."""
    from cidxd.surroundings import Finding  # noqa: PLC0415 - aiohttp costs a third of a second

    where = "defaults" if config_file is None else str(config_file)
    try:
        config = configured(config_file, data)
    except ConfigError as err:
        fix = f"mend it, then: cidxd check-config {config_file}"
        _tell(Finding("configuration", False, "; ".join((where, *err.faults)), fix), as_json)
        sys.exit(1)
    _tell(Finding("configuration", True, where), as_json)
    if not asyncio.run(_looked(config, asks_remotes, as_json)):
        sys.exit(1)


async def _looked(config: Config, asks_remotes: bool, as_json: bool) -> bool:  # noqa: FBT001 - inner
    from cidxd import doctor as doctors  # noqa: PLC0415 - see above

    is_sound = True
    async for finding in doctors.examine(config, asks_remotes=asks_remotes):
        is_sound = is_sound and finding.is_sound
        _tell(finding, as_json)
    return is_sound


def _tell(finding: Finding, as_json: bool) -> None:  # noqa: FBT001 - inner
    if as_json:
        click.echo(orjson.dumps(finding._asdict()).decode())
        return
    click.echo(f"{'ok' if finding.is_sound else 'FAULT':5}  {finding.what}: {finding.told}")
    if not finding.is_sound:
        click.echo(f"       fix: {finding.fix}")

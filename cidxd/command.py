"""What the commands of `cidxd` have in common: their options, the configuration, how they fail."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, NoReturn, ParamSpec

import click

from cidxd import config as settings
from cidxd.config import Config
from cidxd.errors import CidxdError, ConfigError
from cidxd.indexer import ctags

P = ParamSpec("P")

CONFIG: Final = click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="TOML file; without it the defaults hold.",
)
DATA: Final = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="Data folder; overrides server.data.",
)


def says_errors(command: Callable[P, None]) -> Callable[P, None]:
    """Wrap *command* so that a foreseeable fault is a line and a hint, never a traceback."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except CidxdError as err:
            _fail(err)

    return run


def configured(config_file: Path | None, data: Path | None) -> Config:
    """Return the configuration that the options ask for; raises ConfigError."""
    config = load(config_file) if config_file else Config()
    if data is None:
        return config
    server = config.server.model_copy(update={"data": data.absolute()})
    return config.model_copy(update={"server": server})


def load(config_file: Path) -> Config:
    """Return the configuration of a file, which this machine can do; raises ConfigError."""
    config = settings.load(config_file)
    if config.index.symbols == "ctags" and (fault := ctags.fault()):
        raise ConfigError(str(config_file), [f"index.symbols: {fault}"])
    if (pair := tls_pair(config)) is not None:
        from cidxd.web import tls  # noqa: PLC0415 - only who serves TLS pays for it

        try:
            tls.context(tls.Pair(*pair))
        except tls.TlsError as err:
            raise ConfigError(str(config_file), [err.message]) from err
    return config


def tls_pair(config: Config) -> tuple[Path, Path] | None:
    """Return where certificate and key are, None without TLS."""
    server = config.server
    if server.tls_certificate is None or server.tls_key is None:
        return None
    return server.tls_certificate, server.tls_key


def _fail(err: CidxdError) -> NoReturn:
    click.echo(f"error: {err.message}", err=True)
    if isinstance(err, ConfigError):
        for fault in err.faults:
            click.echo(f"  {fault}", err=True)
    if err.hint:
        click.echo(f"hint: {err.hint}", err=True)
    sys.exit(1)

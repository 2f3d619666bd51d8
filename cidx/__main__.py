"""Where a run of `cidx` begins and ends: faults become messages and exit codes here."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from cidx.cli import cli
from cidx.errors import ClientError, Exit

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run one command and return its exit code.

    Args:
        arguments: Without the program's name; None takes the process's own.
    """
    _make_lenient()
    try:
        result = cli.main(arguments, prog_name="cidx", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        _silence_stdout()
        return Exit.ERROR
    except (click.ClickException, ClientError) as err:
        return _told(err)
    except (click.Abort, KeyboardInterrupt):
        _say_error("interrupted", "")
        return Exit.INTERRUPTED
    return int(result) if isinstance(result, int) else Exit.DONE


def _told(err: click.ClickException | ClientError) -> int:
    if isinstance(err, ClientError):
        _say_error(err.message, err.hint)
        return err.exit_code
    if isinstance(err, click.exceptions.NoArgsIsHelpError):
        err.show()
        return Exit.USAGE
    message = err.format_message()
    _say_error(message[:1].lower() + message[1:].rstrip("."), _usage_hint(err))
    return err.exit_code


def _usage_hint(err: click.ClickException) -> str:
    context = err.ctx if isinstance(err, click.UsageError) else None
    return f"{context.command_path} --help" if context else ""


def _say_error(message: str, hint: str) -> None:
    sys.stderr.write(f"error: {message}\n")
    if hint:
        sys.stderr.write(f"hint: {hint}\n")
    sys.stderr.flush()


def _make_lenient() -> None:
    # A path or line that the terminal's encoding lacks is shown escaped; it ends no run.
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _silence_stdout() -> None:
    # The interpreter flushes stdout once more at its end, and would complain again.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())

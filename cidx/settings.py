"""What the surroundings say: environment variables, folders, and the clock on the wall."""

from __future__ import annotations

import os
import time
from pathlib import Path

_OF_A_GIT_HOOK = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_WORK_TREE",
)
_OF_THIS_RUN = ("CIDX_SERVER", "CIDX_TOKEN", "NOTIFY_SOCKET", "TRACEPARENT", "TRACESTATE")


def _variable(name: str) -> str:
    return os.environ.get(name, "").strip()  # noqa: TID251 - the client's one reader of it


def server() -> str:
    """Return CIDX_SERVER, or an empty string."""
    return _variable("CIDX_SERVER")


def token() -> str:
    """Return CIDX_TOKEN, or an empty string."""
    return _variable("CIDX_TOKEN")


def ca_file() -> str:
    """Return CIDX_CA_FILE, or an empty string."""
    return _variable("CIDX_CA_FILE")


def traceparent() -> str:
    """Return TRACEPARENT, the trace that this run is within, or an empty string."""
    given = _variable("TRACEPARENT")
    return given if given.isascii() and given.isprintable() else ""


def is_color_unwanted() -> bool:
    """Tell whether NO_COLOR is set (https://no-color.org: any value but the empty one)."""
    return bool(_variable("NO_COLOR"))


def columns() -> int:
    """Return COLUMNS, or 0 where it is not set to a number."""
    given = _variable("COLUMNS")
    return int(given) if given.isdecimal() else 0


def is_dumb() -> bool:
    """Tell whether the terminal cannot move its cursor."""
    return _variable("TERM") == "dumb"


def _xdg(name: str, default: str) -> Path:
    # The XDG specification: a relative path is invalid and must be ignored.
    given = Path(_variable(name))
    return given if given.is_absolute() else Path.home() / default


def data_folder() -> Path:
    """Return the embedded daemon's data folder; it may not exist."""
    return _xdg("XDG_DATA_HOME", ".local/share") / "cidx"


def config_folder() -> Path:
    """Return the folder of the credentials file; it may not exist."""
    return _xdg("XDG_CONFIG_HOME", ".config") / "cidx"


def daemon_environment() -> dict[str, str]:
    """
    Return the environment for a daemon that outlives this run.

    Run from a git hook, GIT_DIR and its kin would aim every git call of the daemon at
    that one checkout.
    """
    dropped = {*_OF_A_GIT_HOOK, *_OF_THIS_RUN}
    return {
        name: value
        for name, value in os.environ.items()  # noqa: TID251 - handed on to the daemon
        if name not in dropped
    }


def git_environment() -> dict[str, str]:
    """Return the environment for the client's own git calls: fixed language, no prompt."""
    return {
        **os.environ,  # noqa: TID251 - handed on to git
        "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
    }


def now() -> float:
    """Return POSIX seconds."""
    return time.time()  # noqa: TID251 - the client's one clock on the wall

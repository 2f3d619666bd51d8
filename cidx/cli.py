"""
The command line: which commands there are, and in which module each one stands.

A command's module is imported when the command is named, so that `cidx --version` and
shell completion cost no more than click itself.
"""

from __future__ import annotations

import click

from cidx.__about__ import VERSION
from cidx.lazy import LazyGroup

_COMMANDS = {
    "sync": "cidx.cli_sync:sync",
    "jobs": "cidx.cli_jobs:jobs",
    "query": "cidx.cli_query:query",
    "status": "cidx.cli_status:status",
    "repo": "cidx.cli_repo:repo",
    "link": "cidx.cli_repo:link",
    "login": "cidx.cli_auth:login",
    "logout": "cidx.cli_auth:logout",
    "auth": "cidx.cli_auth:auth",
    "audit": "cidx.cli_audit:audit",
    "user": "cidx.cli_users:user",
    "up": "cidx.cli_local:up",
    "down": "cidx.cli_local:down",
    "open": "cidx.cli_local:open_dashboard",
    "completion": "cidx.cli_local:completion",
}


@click.group(
    cls=LazyGroup, places=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(VERSION, prog_name="cidx")
def cli() -> None:
    """
    Keep a searchable index of your git repositories in step with their remotes.

    In any git checkout, `cidx sync --follow` brings its index up to date and
    `cidx query PATTERN` searches it.  Without a server (`cidx login URL`) a private
    daemon on this machine does the work.
    """

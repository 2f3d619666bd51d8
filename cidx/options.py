"""Options and arguments that several commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def _jobs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from cidx import completion  # noqa: PLC0415 - only when something is completed

    return completion.jobs(ctx, param, incomplete)


def complete_repositories(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer the names of registered repositories."""
    from cidx import completion  # noqa: PLC0415 - only when something is completed

    return completion.repositories(ctx, param, incomplete)


json_option = click.option("--json", "is_json", is_flag=True, help="Print JSON for programs.")
follow_option = click.option(
    "-f", "--follow", "is_followed", is_flag=True, help="Show the progress until the job ends."
)
timeout_option = click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Wait at most so long for the end; then exit 124, and the job goes on.",
)
job_argument = click.argument("job_id", metavar="JOB", shell_complete=_jobs)

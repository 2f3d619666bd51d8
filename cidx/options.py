"""Options and arguments that several commands share."""

from __future__ import annotations

import click

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
job_argument = click.argument("job_id", metavar="JOB")

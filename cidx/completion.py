"""
What a shell offers to complete: repository names and job ids, of a server that answers.

Nothing is started and nobody is asked for a password for it; who cannot be asked within a
moment is not asked, and no message ever comes between the user's keystrokes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    import click

    from cidx.wire import Json, Query

_JOBS = 50
_NAMES = 500


def repositories(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return the names of registered repositories that begin with *incomplete*."""
    del ctx, param
    rows = _asked("/api/repositories", {"limit": _NAMES}, "repositories")
    names = [str(row.get("name")) for row in rows]
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def jobs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the short ids of the newest jobs that begin with *incomplete*, with what they are."""
    del ctx, param
    found = []
    for job in _asked("/api/jobs", {"limit": _JOBS}, "jobs"):
        job_id = str(job.get("job_id"))
        words = f"{job.get('repository')}, {job.get('outcome') or job.get('status')}"
        known = [one for one in (job_id[-8:], job_id) if one.startswith(incomplete)]
        found += [CompletionItem(one, help=words) for one in known[:1]]
    return found


def _asked(path: str, query: Query, key: str) -> list[Json]:
    from cidx import local, settings  # noqa: PLC0415 - only when something is completed
    from cidx.client import Client  # noqa: PLC0415
    from cidx.errors import ClientError  # noqa: PLC0415
    from cidx.repositories import server  # noqa: PLC0415

    try:
        access = server()
        if access.is_embedded and local.running(settings.data_folder()) is None:
            return []
        with Client(access) as client:
            return list(client.get(path, query).get(key) or ())
    except (ClientError, OSError):
        return []

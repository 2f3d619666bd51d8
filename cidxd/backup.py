"""
`cidxd backup`: database and job logs in one file.

The daemon only copies its database, within its own folder, for it may be forbidden to write
elsewhere; this command packs the file.  Mirrors and indexes are not in it: they are fetched
and built again by the next sync.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

from cidxd import admin, app
from cidxd.__about__ import VERSION
from cidxd.config import Config
from cidxd.errors import CidxdError
from cidxd.model import instant
from cidxd.work import archive, folders
from cidxd.work.archive import Manifest
from cidxd.work.folders import DataFolder


async def back_up(config: Config, file: Path, *, is_forced: bool) -> str:
    """
    Write a backup to *file* and return what is in it, in words.

    Raises:
        CidxdError: It could not be done; at *file* is what was there before.
    """
    archive.check_target(file, is_forced=is_forced)
    data = DataFolder(config.server.data)
    if not data.database.exists():
        raise CidxdError(
            f"there is no database: {data.database}",
            code="nothing-stored",
            hint="name the daemon's configuration with --config, or its folder with --data",
        )
    data = folders.prepared(config.server.data)
    with folders.backing_up(data):
        try:
            copied = await admin.ask(config, "POST", "/snapshot", None)
            about = Manifest(
                version=VERSION,
                schema_number=copied["schema"],
                made_at=instant.to_wire(app.clock()),
                files={},
            )
            made = await asyncio.to_thread(archive.pack, file, _files(data), about)
        finally:
            data.snapshot.unlink(missing_ok=True)
    stored = sum(member.bytes for member in made.files.values())
    return f"schema {made.schema_number}, {len(made.files) - 1} logs, {stored:,} bytes of content"


def _files(data: DataFolder) -> Iterator[tuple[str, Path]]:
    yield data.database.name, data.snapshot
    for path in sorted(data.logs.glob("*/*.log")):
        yield path.relative_to(data.root).as_posix(), path

"""`cidxd restore`: a backup takes the place of what is there, which is moved, never removed."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from pathlib import Path

from cidxd import app, surroundings
from cidxd.config import Config
from cidxd.errors import CidxdError, LockHeldError
from cidxd.model import audit, instant
from cidxd.model.audit import By
from cidxd.store import backups
from cidxd.work import archive, folders, orphans, swap
from cidxd.work.archive import Manifest
from cidxd.work.folders import DataFolder


async def restore(config: Config, file: Path, *, is_forced: bool) -> list[str]:
    """
    Put the backup *file* in place and return what to tell.

    Raises:
        CidxdError: It could not be done.  Unless it is `restore-unfinished`, nothing has changed.
    """
    _check_owner(config.server.data)
    data = folders.prepared(config.server.data)
    try:
        with folders.claimed(data):
            return await _restored(data, file, is_forced=is_forced)
    except LockHeldError as err:
        raise LockHeldError(
            err.message, hint="stop it first: systemctl stop cidxd, or cidx down"
        ) from err


async def _restored(data: DataFolder, file: Path, *, is_forced: bool) -> list[str]:
    there = swap.occupied(data.root)
    if there and not is_forced:
        raise CidxdError(
            f"the data folder is not empty: {data.root} has {', '.join(there)}",
            code="data-present",
            hint="--force moves that into a folder beside, and removes nothing",
        )
    draft = swap.drafted(data.root)
    try:
        manifest = await asyncio.to_thread(archive.unpack, file, draft)
        by = By(f"operator:{surroundings.user_name(os.getuid())}", at=app.clock())
        told = audit.entry(by, "backup.restored", "", {"made_at": manifest.made_at})
        await backups.adopt(draft / data.database.name, manifest.schema_number, told)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    await asyncio.to_thread(orphans.end, data)  # of a killed daemon: they write where they were
    when = re.sub(r"[-:]|\.\d+", "", instant.to_wire(app.clock()))  # 20261125T193342Z
    aside = await asyncio.to_thread(swap.decide, data.root, when)
    return _told(data, manifest, aside if there else None)


def _told(data: DataFolder, manifest: Manifest, aside: Path | None) -> list[str]:
    written_by = f"cidxd {manifest.version}, schema {manifest.schema_number}"
    logs = len(manifest.files) - 1
    told = [f"restored the backup of {manifest.made_at} to {data.root}: {written_by}, {logs} logs"]
    if aside is not None:
        told.append(f"what was there is in {aside}")
    return [*told, "the indexes are built again by the next sync of each repository"]


def _check_owner(folder: Path) -> None:
    if folder.exists() and (name := surroundings.foreign_owner(folder)) is not None:
        raise CidxdError(
            f"the data folder belongs to {name}: {folder}",
            code="data-unwritable",
            hint=f"run this as the daemon's user: runuser -u {name} -- cidxd restore …",
        )

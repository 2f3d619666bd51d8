"""`cidxd doctor`: what is wrong with an installation, and what to do about each finding."""

from __future__ import annotations

import re
import sqlite3  # noqa: TID251 - its version only
import sys
from collections.abc import AsyncIterator, Mapping
from typing import Final, NamedTuple

import orjson

from cidxd import workshop
from cidxd.__about__ import VERSION
from cidxd.config import Config
from cidxd.errors import CidxdError, FaultError
from cidxd.model.repository import Repository
from cidxd.store import load
from cidxd.store.database import StoreError, check_database, open_reader
from cidxd.work import folders, proc
from cidxd.work.folders import DataFolder
from cidxd.work.searchers import Searchers

_GIT: Final = (2, 39)
_PATIENCE_S: Final = 600.0  # to read every byte of one index


class Finding(NamedTuple):
    """One thing that was looked at; `fix` says what to do where it is not sound."""

    what: str
    is_sound: bool
    told: str
    fix: str = ""


async def examine(config: Config) -> AsyncIterator[Finding]:
    """Yield what is found, in the order of looking; it changes nothing but marks of damage."""
    yield Finding("programs", True, f"cidxd {VERSION}, SQLite {sqlite3.sqlite_version}")
    tools = workshop.tools_of(config, is_embedded=False)
    yield await _git(tools.child_env)
    try:
        data = folders.prepared(config.server.data)
        yield Finding("data folder", True, str(data.root))
    except CidxdError as err:
        yield Finding("data folder", False, err.message, err.hint)
        return
    searchers = workshop.searchers_of(config, tools)
    try:
        yield await _kernel(searchers)
        async for finding in _stored(data, searchers):
            yield finding
    finally:
        await searchers.close()


async def _git(env: Mapping[str, str]) -> Finding:
    fix = "install git 2.39 or newer"
    try:
        ended = await proc.run(["git", "--version"], env=env, stall_s=10.0, capture=True)
    except FaultError as fault:
        return Finding("git", False, fault.message, fix)
    told = ended.stdout.decode("utf-8", "replace").strip()
    version = tuple(map(int, re.findall(r"\d+", told)[:2]))
    return Finding("git", version >= _GIT, told, fix)


async def _kernel(searchers: Searchers) -> Finding:
    kernel = await searchers.learn_kernel()
    if kernel == "native":
        return Finding("index kernel", True, "native")
    fix = f"install a C compiler, then reinstall: {sys.executable} -m pip install --force cidx"
    return Finding("index kernel", kernel is not None, f"{kernel}: slower than the native one", fix)


async def _stored(data: DataFolder, searchers: Searchers) -> AsyncIterator[Finding]:
    if not data.database.exists():
        yield Finding("database", True, "none yet")
        return
    try:
        reader = await open_reader(data.database)
        try:
            await check_database(reader)
            repositories = (await load.load_state(reader)).repositories.values()
        finally:
            await reader.close()
    except StoreError as err:
        yield Finding("database", False, err.message, "stop the daemon and restore a backup")
        return
    yield Finding("database", True, str(data.database))
    for row in sorted(repositories, key=lambda row: row.name):
        yield await _index(data, searchers, row)


async def _index(data: DataFolder, searchers: Searchers, row: Repository) -> Finding:
    what = f"index of {row.name}"
    question = {"op": "check", "index": str(data.to_read(row.repository_id).index)}
    try:
        status, body = await searchers.ask(question, timeout_s=_PATIENCE_S)
    except CidxdError as err:
        return Finding(what, False, err.message, err.hint)
    found = orjson.loads(body)
    if status != 200:  # noqa: PLR2004 - an HTTP status
        return Finding(what, False, str(found.get("detail")), str(found.get("hint")))
    if found["damage"]:
        return Finding(what, False, found["damage"], f"cidx sync {row.name} rebuilds it")
    if not found["indexed"]:
        return Finding(what, True, "none yet")
    return Finding(what, True, f"{found['segments']} segments, {found['bytes']:,} bytes")

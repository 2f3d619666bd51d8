"""`cidxd doctor`: what is wrong with an installation, and what to do about each finding."""

from __future__ import annotations

import asyncio
import re
import sqlite3  # noqa: TID251 - its version only
import sys
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Final

import orjson

from cidxd import admin, app, surroundings, workshop
from cidxd.__about__ import VERSION
from cidxd.config import Config
from cidxd.errors import CidxdError, FaultError
from cidxd.model.registry import State
from cidxd.model.repository import Repository
from cidxd.store import load
from cidxd.store.database import StoreError, check_database, migrations, open_reader, schema_of
from cidxd.surroundings import Finding
from cidxd.work import asking, folders, proc
from cidxd.work.folders import DataFolder
from cidxd.work.phases import Tools
from cidxd.work.searchers import Searchers
from cidxd.work.vault import Vault

_GIT: Final = (2, 39)
_PATIENCE_S: Final = 600.0  # to read every byte of one index
_REMOTE_S: Final = 10.0  # of silence
_REMOTES_AT_ONCE: Final = 8


async def examine(config: Config, *, asks_remotes: bool) -> AsyncIterator[Finding]:
    """Yield what is found, in the order of looking; it changes nothing but marks of damage."""
    told = f"cidxd {VERSION}, Python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}"
    yield Finding("programs", True, told)
    data = DataFolder(config.server.data)
    is_embedded = (data.root / "token").exists()
    tools = workshop.tools_of(config, is_embedded=is_embedded)
    yield await _git(tools.child_env)
    if (fault := _unusable(data)) is not None:
        yield fault
        return
    async for finding in _installed(data):
        yield finding
    searchers = workshop.searchers_of(config, tools)
    try:
        yield await _kernel(searchers)
        async for finding in _stored(data, searchers, tools if asks_remotes else None):
            yield finding
    finally:
        await searchers.close()


def _unusable(data: DataFolder) -> Finding | None:
    """Return why nothing can be looked at; as another user, what is looked at could be spoilt."""
    if not data.root.is_dir():
        fix = "name the daemon's configuration with --config; the first start makes the folder"
        return Finding("data folder", False, f"{data.root}: it is not there", fix)
    if surroundings.foreign_owner(data.root) is not None:
        return surroundings.owner(data.root)
    try:
        folders.prepared(data.root)
    except CidxdError as err:
        return Finding("data folder", False, err.message, err.hint)
    return None


async def _installed(data: DataFolder) -> AsyncIterator[Finding]:
    yield surroundings.owner(data.root)
    for finding in (*surroundings.private(data), *surroundings.disk(data)):
        yield finding
    yield await _daemon(data)


async def _daemon(data: DataFolder) -> Finding:
    pid = surroundings.holder(data)
    if pid is None:
        return Finding("daemon", True, "none runs on this data folder")
    who = f"process {pid}" if pid else "a process"
    try:
        async with asyncio.timeout(_REMOTE_S):
            version = (await admin.request(data, "GET", "/version", None))["version"]
    except (CidxdError, TimeoutError):
        told = f"{who} holds {data.lock} and does not answer on {data.admin_socket}"
        fix = f"if it is not just starting or stopping, end it: kill {pid or 'PID'}"
        return Finding("daemon", False, told, fix)
    told = f"{who} holds the lock, cidxd {version}"
    return Finding("daemon", version == VERSION, told, f"restart it, to run cidxd {VERSION}")


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


async def _stored(
    data: DataFolder, searchers: Searchers, tools: Tools | None
) -> AsyncIterator[Finding]:
    """Look at what is kept, and with *tools* at the remotes."""
    if not data.database.exists():
        yield Finding("database", True, "none yet")
        return
    try:
        schema, newest_at, state = await _read(data)
    except StoreError as err:
        yield Finding("database", False, err.message, "stop the daemon, then: cidxd restore FILE")
        return
    yield _schema(data, schema)
    yield surroundings.clock(app.clock(), newest_at)
    vault = workshop.vault_of(data, state)
    if [*state.credentials.values(), *state.hooks.values()]:
        yield await _credentials(vault)
    rows = sorted(state.repositories.values(), key=lambda row: row.name)
    for row in rows:
        yield await _index(data, searchers, row)
    if tools is not None:
        tools.outreach.trust(vault, state.credentials.get)
        for finding in await _remotes(rows, tools):
            yield finding


async def _read(data: DataFolder) -> tuple[int, float | None, State]:
    reader = await open_reader(data.database)
    try:
        await check_database(reader)
        schema = await schema_of(reader)
        if schema != migrations()[-1][0]:
            return schema, None, State()
        state = await load.load_state(reader)
        newest_at = await load.newest_at(reader)
    finally:
        await reader.close()
    return schema, newest_at, state


async def _credentials(vault: Vault) -> Finding:
    fault = await vault.fault()
    if fault is None:
        return Finding("credentials", True, "each can be opened")
    fix = f"{fault.hint}; a key of the service manager is seen by its service only"
    return Finding("credentials", False, fault.message, fix)


def _schema(data: DataFolder, schema: int) -> Finding:
    newest = migrations()[-1][0]
    told = f"{data.database}, schema {schema}"
    if schema > newest:
        fix = "run the newer cidxd that wrote it, or restore a backup"
        return Finding("database", False, f"{told}; this program knows {newest}", fix)
    if schema < newest:
        return Finding("database", True, f"{told}: the next start brings it to {newest}")
    return Finding("database", True, told)


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
    return Finding(what, True, f"{_many(found['segments'], 'segment')}, {found['bytes']:,} bytes")


def _many(count: int, one: str, more: str = "") -> str:
    return f"{count} {one if count == 1 else more or one + 's'}"


async def _remotes(rows: Iterable[Repository], tools: Tools) -> list[Finding]:
    turn = asyncio.Semaphore(_REMOTES_AT_ONCE)

    async def asked(row: Repository) -> Finding:
        what = f"remote of {row.name}"
        async with turn:
            try:
                tips, _ = await asking.tips(tools.outreach, row, stall_s=_REMOTE_S)
            except FaultError as fault:
                told = ": ".join(part for part in (fault.message, fault.detail) if part)
                return Finding(what, False, told, fault.hint)
        return Finding(what, True, _many(len(tips.branches), "branch", "branches"))

    return list(await asyncio.gather(*map(asked, rows)))

"""
The composition root: the only place where objects meet, and the only one with a clock.

`serve` reads from top to bottom as the daemon's life: lock, store, rescue, serve,
and on the way back: accepting, claiming, drain, interrupt, sockets, database, lock.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Final

import structlog
import uuid_utils

from cidxd import workshop
from cidxd.config import Config, inherited_sockets
from cidxd.model.job import Event
from cidxd.model.queue import Limits
from cidxd.model.registry import State
from cidxd.store import audit_rows, load
from cidxd.store.database import open_reader, open_writer, translated
from cidxd.store.history import History
from cidxd.store.ledger import Ledger
from cidxd.store.writer import Writer
from cidxd.tuning import Tuning, job_limits
from cidxd.web import table
from cidxd.web.identity import Identity, Terms
from cidxd.web.listen import Activity, admin_socket, listening
from cidxd.web.live import Live
from cidxd.web.remotes import Remotes
from cidxd.web.scrape import Scrape
from cidxd.web.services import Services
from cidxd.work import herald, rescue
from cidxd.work.bus import Bus
from cidxd.work.folders import DataFolder
from cidxd.work.joblog import JobLogs
from cidxd.work.runner import Runner
from cidxd.work.scheduler import Scheduler
from cidxd.work.searchers import Searchers
from cidxd.work.upkeep import Upkeep
from cidxd.work.vitals import UNHEARD, Beat, Vitals

_log = structlog.get_logger()

INTERRUPT_S: Final = 15.0  # for jobs to end and to be recorded, once they are interrupted


@dataclasses.dataclass(frozen=True, slots=True)
class Embedding:
    """What is different for a user's private daemon."""

    token: str
    user: str
    idle_s: float


@dataclasses.dataclass(frozen=True, slots=True)
class Daemon:
    """A running daemon."""

    services: Services
    live: Live
    scheduler: Scheduler
    runner: Runner
    upkeep: Upkeep
    tuning: Tuning


class _News:
    """Who is told of events, once they are committed."""

    def __init__(self) -> None:
        self.listeners: list[Callable[[list[Event]], None]] = []

    def __call__(self, _state: State, events: list[Event]) -> None:
        for listener in self.listeners:
            listener(events)


def new_id() -> str:
    """Return a UUIDv7: ids sort by the time they were made."""
    return str(uuid_utils.uuid7())


def clock() -> float:
    """Return the time in POSIX seconds (UTC)."""
    return time.time()  # noqa: TID251 - the one clock


@contextlib.asynccontextmanager
async def ledger_at(
    data: DataFolder, limits: Limits, news: Callable[[State, list[Event]], None]
) -> AsyncIterator[tuple[Ledger, str]]:
    """
    Open the store, with the writer at work; yield the ledger and the daemon's own name.

    The caller holds the data folder's lock.
    """
    connection = await open_writer(data.database)
    try:
        with translated():
            state = await load.load_state(connection)
            await audit_rows.load_keys(connection, state, clock())
            instance = await load.setting(connection, "instance")
        writer = Writer(connection, state, news)
        task = asyncio.create_task(writer.run(), name="writer")
        try:
            yield Ledger(writer, state, limits, clock), instance
        finally:
            writer.stop()
            await task
    finally:
        await connection.close()


@contextlib.asynccontextmanager
async def daemon(
    config: Config,
    data: DataFolder,
    embedding: Embedding | None,
    stop: asyncio.Event,
    beat: Beat = UNHEARD,
) -> AsyncIterator[Daemon]:
    """Yield the daemon with everything but its sockets: rescued, and ready to claim jobs."""
    bus, news, logs = Bus(), _News(), JobLogs(data.logs, clock)
    async with contextlib.AsyncExitStack() as stack:
        ledger, own_id = await stack.enter_async_context(ledger_at(data, job_limits(config), news))
        reader = await open_reader(data.database)
        stack.push_async_callback(reader.close)
        shop = workshop.furnished(config, data, ledger, is_embedded=embedding is not None)
        news.listeners += [logs.notice, bus.publish, shop.metrics.notice]
        stack.push_async_callback(shop.searchers.close)
        await rescue.rescue(ledger, data, shop.phases.tips, lock_wait_s=shop.tools.lock_wait_s)
        runner = workshop.runner_of(config, ledger, shop, logs)
        scheduler = Scheduler(ledger, runner.run, clock)
        tuning = Tuning(config, ledger, runner, scheduler, shop)
        vitals = Vitals(ledger, data, beat, stop.is_set)
        news.listeners += [runner.notice, scheduler.notice, shop.upkeep.notice]
        shop.upkeep.want(workshop.indexed(ledger.state))
        services = Services(
            ledger=ledger,
            history=History(reader),
            bus=bus,
            herald=herald.appointed(news.listeners, ledger.state, logs, scheduler, clock),
            searchers=shop.searchers,
            identity=identity(config, embedding, ledger, own_id),
            remotes=Remotes(shop.tools, data),
            vault=shop.vault,
            data=data,
            logs=logs,
            metrics=shop.metrics,
            clock=clock,
            new_id=new_id,
            triggers=workshop.triggers(
                config, data, ledger, shop, listeners=news.listeners, clock=clock, new_id=new_id
            ),
            look_again=scheduler.look_again,
            vitals=vitals,
            shut_down=stop.set if embedding else None,
            is_local_allowed=config.remotes.allow_local or embedding is not None,
            access=config.access,
            search_limit_s=lambda: tuning.limits.search_seconds,
        )
        yield Daemon(services, Live(services), scheduler, runner, shop.upkeep, tuning)


async def serve(
    config: Config,
    *,
    embedding: Embedding | None,
    stop: asyncio.Event,
    hurry: asyncio.Event,
    hangup: asyncio.Event,
    reread: Callable[[], Config],
    on_ready: Callable[[str], None],
    on_stopping: Callable[[float], None],
    beat: Beat,
) -> None:
    """
    Run the daemon until *stop* is set.

    Args:
        config: Checked.
        embedding: For a private daemon.
        stop: Set when the daemon is to end: drain, then interrupt what still runs.
        hurry: Set when it is not to wait for running jobs any longer.
        hangup: Set when the configuration is to be read again.
        reread: Reads it.
        on_ready: Told the URL once requests are answered.
        on_stopping: Told before it stops to accept connections, with how many seconds it may take.
        beat: Told that the daemon lives.
    """
    data, activity = DataFolder(config.server.data), Activity()
    async with contextlib.AsyncExitStack() as stack:
        made = await stack.enter_async_context(daemon(config, data, embedding, stop, beat))
        services = made.services
        await stack.enter_async_context(
            admin_socket(data, services.ledger, services.identity, clock, Scrape(services).routes())
        )
        door = await stack.enter_async_context(
            listening(
                table.routes(services, made.live),
                services,
                config,
                activity,
                is_private=embedding is not None,
                inherited=inherited_sockets(),
                on_reload=made.tuning.followers,
            )
        )
        await stack.enter_async_context(services.vitals.watched())
        tasks = _chores(config, made, made.tuning.run(hangup, reread))
        if embedding is not None:
            idle = _stop_when_idle(made, activity, embedding.idle_s, stop)
            tasks.append(asyncio.create_task(idle, name="idle"))
        on_ready(door.url)
        _log.info("ready", url=door.url, data=str(data.root))
        await stop.wait()
        _log.info("stopping")
        on_stopping(made.tuning.limits.drain_seconds + INTERRUPT_S)
        if embedding is not None:  # its clients start another one, which cannot have this door
            await door.close()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await _finish_jobs(made, made.tuning.limits.drain_seconds, hurry)
        if embedding is None:
            await door.close()
        await made.live.close()
    _log.info("stopped")


def _chores(
    config: Config, made: Daemon, reloading: Coroutine[Any, Any, None]
) -> list[asyncio.Task[None]]:
    """Start what goes on for as long as the daemon serves."""
    services = made.services
    chores = {
        "scheduler": made.scheduler.run(),
        "upkeep": made.upkeep.run(),
        "tuning": reloading,
        "loop lag": services.metrics.watch_loop(),
        "searchers": _warm(services.searchers),
        **workshop.chores(config, services, clock),
    }
    return [asyncio.create_task(chore, name=name) for name, chore in chores.items()]


async def _warm(searchers: Searchers) -> None:
    """Have search children ready for the first question, and know which engine they have."""
    await searchers.start()
    await searchers.learn_kernel()


async def _stop_when_idle(
    made: Daemon, activity: Activity, idle_s: float, stop: asyncio.Event
) -> None:
    """Set *stop* once there was no job, stream, upkeep or request for a while."""

    def is_busy() -> bool:
        has_jobs = bool(made.services.state.jobs.active())
        return has_jobs or made.live.is_followed or made.upkeep.is_busy

    await activity.idle(idle_s, is_busy)
    stop.set()


async def _finish_jobs(made: Daemon, drain_s: float, hurry: asyncio.Event) -> None:
    """Let running jobs end for a while, then interrupt them; they go on after the next start."""
    draining = asyncio.create_task(made.scheduler.drain(drain_s))
    hurried = asyncio.create_task(hurry.wait())
    await asyncio.wait([draining, hurried], return_when=asyncio.FIRST_COMPLETED)
    for task in (draining, hurried):
        task.cancel()
    made.runner.stop_all()
    await made.scheduler.drain(INTERRUPT_S)


def identity(
    config: Config, embedding: Embedding | None, ledger: Ledger, instance: str
) -> Identity:
    """Return who makes and checks tokens here."""
    terms = Terms(
        instance="cidxd:" + instance[:16],
        access_s=60.0 * config.auth.access_minutes,
        refresh_days=config.auth.refresh_days,
        own_token=embedding.token if embedding else None,
        own_user=embedding.user if embedding else "",
        public_url=config.server.public_url,
        login_limits=workshop.login_limits(config),
    )
    return Identity(ledger, terms, clock)

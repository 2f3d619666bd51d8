"""What the daemon works with, made from its configuration: the hands of the composition root."""

from __future__ import annotations

import asyncio
import dataclasses
import random
import sys
from typing import Final

from cidxd import config as settings
from cidxd.config import Config
from cidxd.git import guard
from cidxd.store.ledger import Ledger
from cidxd.work.folders import DataFolder
from cidxd.work.joblog import JobLogs
from cidxd.work.metrics import Metrics
from cidxd.work.phases import Phases, Tools
from cidxd.work.runner import Runner
from cidxd.work.searchers import Searchers
from cidxd.work.upkeep import Upkeep

UPKEEP_PAUSE_S: Final = 2.0


@dataclasses.dataclass(frozen=True, slots=True)
class Workshop:
    """Everything that starts children, and what measures the daemon's work."""

    tools: Tools
    searchers: Searchers
    upkeep: Upkeep
    phases: Phases
    metrics: Metrics


def furnished(config: Config, data: DataFolder, ledger: Ledger, *, is_embedded: bool) -> Workshop:
    """Return the workshop of a daemon; no child runs yet."""
    tools = tools_of(config, is_embedded=is_embedded)
    searchers = searchers_of(config, tools)
    index_slots = asyncio.Semaphore(config.limits.index_children or settings.cores())
    upkeep = Upkeep(
        _child("upkeep"),
        env=tools.child_env,
        data=data,
        state=ledger.state,
        index_slots=index_slots,
        stall_s=tools.stall_s,
        pause_s=UPKEEP_PAUSE_S,
    )
    phases = Phases(
        tools,
        data,
        searchers,
        upkeep,
        repository_of=ledger.state.repositories.get,
        permit=lambda job_id, summary, commits: ledger.permit(
            job_id, summary=summary, commits=commits
        ),
        index_slots=index_slots,
    )
    metrics = Metrics(ledger.state, is_open=config.metrics.open)
    ledger.measured_by(metrics.committed)
    return Workshop(tools, searchers, upkeep, phases, metrics)


def runner_of(config: Config, ledger: Ledger, shop: Workshop, logs: JobLogs) -> Runner:
    """Return what runs the claimed jobs."""
    attempts = config.limits.attempts
    return Runner(ledger, shop.phases.sync, max_attempts=attempts, jitter=random.random, logs=logs)


def tools_of(config: Config, *, is_embedded: bool) -> Tools:
    """Return the commands and environments of child processes."""
    environ = settings.environment()
    git_env = (
        guard.user_env(environ)
        if is_embedded
        else guard.network_env(environ, allow_local=config.remotes.allow_local)
    )
    return Tools(
        build_argv=_child("build"),
        git_env=git_env,
        child_env=guard.local_env(environ),
        stall_s=config.limits.stall_seconds,
        lock_wait_s=30.0,
        max_file_bytes=config.limits.max_file_bytes,
        symbols=config.index.symbols,
    )


def searchers_of(config: Config, tools: Tools) -> Searchers:
    """Return the search children, not started yet."""
    return Searchers(
        _child("search"),
        env=tools.child_env,
        size=config.limits.search_children or settings.cores(),
    )


def _child(name: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "cidxd.indexer", name)

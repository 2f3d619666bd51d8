"""What the daemon works with, made from its configuration: the hands of the composition root."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import random
import sys
from collections.abc import Callable, Coroutine
from typing import Any, Final

from cidxd import config as settings
from cidxd.config import Config
from cidxd.git import guard
from cidxd.model import schedule
from cidxd.model.job import Event
from cidxd.model.login_limits import LoginLimits
from cidxd.model.polling import Terms
from cidxd.model.registry import State
from cidxd.model.repository import Repository
from cidxd.model.retention import Rules
from cidxd.sections import LimitsSection
from cidxd.store.database import StoreError
from cidxd.store.ledger import Ledger
from cidxd.web.services import Services
from cidxd.work import held
from cidxd.work.allowance import Allowance
from cidxd.work.folders import DataFolder
from cidxd.work.joblog import JobLogs
from cidxd.work.keyring import Keyring
from cidxd.work.metrics import Metrics
from cidxd.work.outreach import Outreach
from cidxd.work.phases import Phases, Tools
from cidxd.work.poller import Poller
from cidxd.work.removals import Removals
from cidxd.work.retention import Retention
from cidxd.work.runner import Runner
from cidxd.work.searchers import Searchers
from cidxd.work.triggers import Triggers
from cidxd.work.upkeep import Upkeep
from cidxd.work.vault import Vault

UPKEEP_PAUSE_S: Final = 2.0


@dataclasses.dataclass(frozen=True, slots=True)
class Workshop:
    """Everything that starts children, and what measures the daemon's work."""

    tools: Tools
    vault: Vault
    searchers: Searchers
    upkeep: Upkeep
    phases: Phases
    metrics: Metrics
    allowance: Allowance
    search_allowance: Allowance
    is_embedded: bool = False

    def allow(self, limits: LimitsSection) -> None:
        """Let children use what *limits* says from now on."""
        self.allowance.memory_mb = limits.child_memory_mb
        self.allowance.fetch_s = limits.fetch_seconds
        self.allowance.index_s = limits.index_seconds
        self.search_allowance.memory_mb = limits.search_memory_mb


def furnished(config: Config, data: DataFolder, ledger: Ledger, *, is_embedded: bool) -> Workshop:
    """Return the workshop of a daemon; no child runs yet."""
    tools = tools_of(config, is_embedded=is_embedded)
    vault = vault_of(data, ledger.state)
    tools.outreach.trust(vault, ledger.state.credentials.get)
    allowance, search_allowance = Allowance(), Allowance("limits.search_memory_mb")
    searchers = searchers_of(config, tools, search_allowance)
    index_slots = asyncio.Semaphore(config.limits.index_children or settings.cores())
    upkeep = Upkeep(
        _child("upkeep"),
        env=tools.child_env,
        data=data,
        state=ledger.state,
        index_slots=index_slots,
        stall_s=tools.stall_s,
        pause_s=UPKEEP_PAUSE_S,
        allowance=allowance,
    )
    phases = Phases(
        tools,
        data,
        searchers,
        upkeep,
        repository_of=ledger.state.repositories.get,
        permit=lambda job_id, summary, commits: held.recorded(
            lambda: ledger.permit(job_id, summary=summary, commits=commits), "permit", job_id
        ),
        moved=lambda row, address: _moved(ledger, row, address),
        index_slots=index_slots,
        allowance=allowance,
    )
    metrics = Metrics(ledger.state, is_open=config.metrics.open)
    ledger.measured_by(metrics.committed)
    shop = Workshop(
        tools, vault, searchers, upkeep, phases, metrics, allowance, search_allowance, is_embedded
    )
    shop.allow(config.limits)
    return shop


def runner_of(config: Config, ledger: Ledger, shop: Workshop, logs: JobLogs) -> Runner:
    """Return what runs the claimed jobs."""
    attempts = config.limits.attempts
    return Runner(ledger, shop.phases.sync, max_attempts=attempts, jitter=random.random, logs=logs)


def triggers(
    config: Config,
    data: DataFolder,
    ledger: Ledger,
    shop: Workshop,
    *,
    listeners: list[Callable[[list[Event]], None]],
    clock: Callable[[], float],
    new_id: Callable[[], str],
) -> Triggers:
    """Return what asks for syncs beside people, and what ends repositories; it listens from now."""
    ledger.polling = polling_terms(config, is_embedded=shop.is_embedded)
    made = Triggers(
        poller=Poller(ledger, clock, new_id),
        removals=Removals(ledger, data, shop.upkeep.give_way),
        public_url=config.server.public_url,
        max_body_bytes=config.webhooks.max_body_bytes,
    )
    listeners.append(made.notice)
    return made


def polling_terms(config: Config, *, is_embedded: bool) -> Terms:
    """Return when repositories without a schedule of their own are looked at."""
    wanted = config.polling
    mode = wanted.mode or ("off" if is_embedded else "adaptive")
    default = (
        schedule.adaptive(wanted.min_seconds, wanted.max_seconds)
        if mode == "adaptive"
        else schedule.OFF
    )
    return Terms(default=default, waiting=wanted.waiting)


def indexed(state: State) -> list[int]:
    """Return the repositories that have an index."""
    return [row.repository_id for row in state.repositories.values() if row.branches]


def chores(
    config: Config, services: Services, clock: Callable[[], float]
) -> dict[str, Coroutine[Any, Any, None]]:
    """Return what goes on beside the jobs for as long as the daemon serves, by name."""
    return {
        "credentials": services.vault.renew(services.ledger),
        "retention": retention(config, services, clock).run(),
        **services.triggers.chores(),
    }


def retention(config: Config, services: Services, clock: Callable[[], float]) -> Retention:
    """Return what removes the jobs that are too old to be kept."""
    kept = config.retention
    rules = Rules(
        completed_s=86_400 * kept.completed_days,
        failed_s=86_400 * kept.failed_days,
        kept_per_repository=kept.kept_per_repository,
        audit_s=86_400 * kept.audit_days,
    )
    return Retention(services.ledger, services.history, services.logs, rules, clock)


def login_limits(config: Config) -> LoginLimits:
    """Return how many logins may fail."""
    auth = config.auth
    return LoginLimits(
        per_account_and_address=auth.login_failures,
        per_address=auth.login_failures_per_address,
        per_account=auth.login_failures_per_account,
        window_s=60.0 * auth.login_window_minutes,
    )


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
        outreach=Outreach(git_env, policy=None if is_embedded else config.remotes.policy),
        child_env=guard.local_env(environ),
        stall_s=config.limits.stall_seconds,
        lock_wait_s=30.0,
        max_file_bytes=config.limits.max_file_bytes,
        symbols=config.index.symbols,
    )


def vault_of(data: DataFolder, state: State) -> Vault:
    """Return what opens the credentials of *state*, with the keys of this machine."""
    return Vault(
        Keyring(data, settings.credentials_folder()),
        lambda: [*state.credentials.values(), *state.hooks.values()],
    )


def searchers_of(config: Config, tools: Tools, allowance: Allowance | None = None) -> Searchers:
    """Return the search children, not started yet."""
    return Searchers(
        _child("search"),
        env=tools.child_env,
        size=config.limits.search_children or settings.cores(),
        allowance=allowance,
    )


def _child(name: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "cidxd.indexer", name)


async def _moved(ledger: Ledger, row: Repository, address: str) -> None:
    with contextlib.suppress(StoreError):  # the next sync finds it out again
        await ledger.moved(row, address)

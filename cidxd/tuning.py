"""
The limits that hold now: set at start, and again each time the configuration is read again.

Only what LIVE names changes in a running daemon; every other key is told to need a restart.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Final

import structlog

from cidxd import config as settings
from cidxd.config import Config
from cidxd.errors import ConfigError
from cidxd.model.audit import By
from cidxd.model.queue import Limits
from cidxd.store import asker
from cidxd.store.database import StoreError
from cidxd.store.ledger import Ledger
from cidxd.work.runner import Runner
from cidxd.work.scheduler import Scheduler
from cidxd.workshop import Workshop, polling_terms

_log = structlog.get_logger()

LIVE: Final = frozenset(
    {
        "limits.running",
        "limits.running_per_user",
        "limits.queued",
        "limits.queued_per_user",
        "limits.attempts",
        "limits.incident_repositories",
        "limits.hold_seconds",
        "limits.drain_seconds",
        "limits.search_seconds",
        "limits.fetch_seconds",
        "limits.index_seconds",
        "limits.child_memory_mb",
        "limits.search_memory_mb",
        "polling.mode",
        "polling.min_seconds",
        "polling.max_seconds",
        "polling.waiting",
    }
)


def job_limits(config: Config) -> Limits:
    """Return how many jobs may run and wait."""
    limits = config.limits
    return Limits(
        running=limits.running or 2 * settings.cores(),
        running_per_user=limits.running_per_user,
        queued=limits.queued,
        queued_per_user=limits.queued_per_user,
        incident_repositories=limits.incident_repositories,
        hold_s=limits.hold_seconds,
    )


class Tuning:
    """
    Brings new limits to those who keep them.

    Attributes:
        limits: The section as it was last read without a fault; of it the LIVE keys hold.
        followers: Called after each reading, for files that the configuration names.
    """

    def __init__(
        self,
        config: Config,
        ledger: Ledger,
        runner: Runner,
        scheduler: Scheduler,
        shop: Workshop,
    ) -> None:
        self._started_with = config
        self._config = config
        self._ledger = ledger
        self._runner = runner
        self._scheduler = scheduler
        self._shop = shop
        self.limits = config.limits
        self.followers: list[Callable[[], None]] = []

    async def run(self, hangup: asyncio.Event, reread: Callable[[], Config]) -> None:
        """Read the configuration again each time *hangup* is set, until cancelled."""
        while True:
            await hangup.wait()
            hangup.clear()
            try:
                config = await asyncio.to_thread(reread)
            except ConfigError as err:
                _log.warning("config_refused", error=err.message, faults=err.faults)
            else:
                changed = self.apply(config)
                await self._write_down(changed)

    async def _write_down(self, changed: list[str]) -> None:
        """Put the reload into the audit log, if that takes anything now."""
        with contextlib.suppress(StoreError):
            asker.bind(By("operator", "signal"))
            await self._ledger.note("config.reloaded", changed=changed)

    def apply(self, config: Config) -> list[str]:
        """
        Let the live keys of *config* hold from now on, and tell which others need a restart.

        Returns:
            The live keys that changed.
        """
        changed = sorted(_changes(self._config, config) & LIVE)
        stale = sorted(_changes(self._started_with, config) - LIVE)
        self._config = config
        self.limits = config.limits
        self._ledger.limits = job_limits(config)
        self._ledger.polling = polling_terms(config, is_embedded=self._shop.is_embedded)
        self._runner.max_attempts = config.limits.attempts
        self._shop.allow(config.limits)
        self._scheduler.look_again()
        for follow in self.followers:
            follow()
        _log.info("config_reloaded", changed=changed, needs_restart=stale)
        return changed


def _changes(one: Config, other: Config) -> set[str]:
    """Return the keys in which two configurations differ."""
    before, after = _flat(one), _flat(other)
    return {key for key, value in after.items() if value != before[key]}


def _flat(config: Config) -> dict[str, Any]:
    sections = config.model_dump().items()
    return {f"{name}.{key}": value for name, keys in sections for key, value in keys.items()}

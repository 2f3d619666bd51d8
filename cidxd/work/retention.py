"""Removes what is older than what is kept: jobs with their events and logs, keys of requests."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from cidxd.errors import CidxdError
from cidxd.model import retention, signing
from cidxd.model.intake import KEYS_KEPT_S
from cidxd.model.retention import Ended, Rules
from cidxd.store.history import History
from cidxd.store.ledger import Ledger
from cidxd.work.joblog import JobLogs

_log = structlog.get_logger()

EVERY_S: Final = 3600.0
KEYS: Final = 500  # idempotency keys in one commit
BATCH: Final = 20  # jobs in one commit: a sync that commits meanwhile waits for no more than these


class Retention:
    """
    Looks at all jobs that ended, now and then.

    Args:
        ledger: Where jobs are forgotten.
        history: Tells which there are.
        logs: Their logs.
        rules: How long they are kept.
        clock: Returns POSIX seconds.
    """

    def __init__(
        self,
        ledger: Ledger,
        history: History,
        logs: JobLogs,
        rules: Rules,
        clock: Callable[[], float],
    ) -> None:
        self._ledger = ledger
        self._history = history
        self._logs = logs
        self._rules = rules
        self._clock = clock

    async def run(self) -> None:
        """Prune at once, and then every hour, until cancelled."""
        while True:
            try:
                await self.prune()
                await self.forget_keys()
                await self.forget_entries()
                await self._ledger.decide(signing.drop_retired, now=self._clock())
            except CidxdError as err:
                _log.warning("prune_refused", error=err.message)
            await asyncio.sleep(EVERY_S)

    async def prune(self) -> Counter[str]:
        """
        Remove what is not kept any longer; return how many jobs of each status that were.

        Cancelled, or refused by the database, it has removed some and leaves the others as
        they were.
        """
        pruned: Counter[str] = Counter()
        try:
            for repository_id in range(1, self._ledger.state.last_repository_id + 1):
                await self._prune_repository(repository_id, pruned)
        finally:
            if pruned:
                _log.info("jobs_pruned", jobs=pruned.total(), **pruned)
        return pruned

    async def forget_keys(self) -> None:
        """Forget the idempotency keys that are good no longer."""
        before = self._clock() - KEYS_KEPT_S
        while keys := await self._history.keys_before(before, KEYS):
            await self._ledger.forget_keys(keys)

    async def forget_entries(self) -> None:
        """Forget what is too old of the audit log, a little in each commit."""
        before = self._clock() - self._rules.audit_s
        while await self._history.audits.has_before(before):
            await self._ledger.decide(retention.forget_entries, before)

    async def _prune_repository(self, repository_id: int, pruned: Counter[str]) -> None:
        """Remove old jobs of one repository, the oldest first, and count them in *pruned*."""
        now, last = self._clock(), None
        newest: list[str] | None = None
        while True:
            page = await self._history.ended(
                repository_id, before=self._rules.earliest(now=now), after=last, limit=BATCH
            )
            if not page:
                return
            if newest is None:
                kept = self._rules.kept_per_repository
                newest = await self._history.newest_ended(repository_id, kept)
            gone = retention.expired(page, newest, self._rules, now=now)
            await self._remove(gone)
            pruned.update(job.status for job in gone)
            last = page[-1]

    async def _remove(self, jobs: Sequence[Ended]) -> None:
        if not jobs:
            return
        job_ids = [job.job_id for job in jobs]
        # First, so that a crash leaves no file that no job names; nobody writes into it any more.
        await asyncio.to_thread(self._logs.forget, job_ids)
        await self._ledger.prune(job_ids)

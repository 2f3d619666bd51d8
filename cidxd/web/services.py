"""What the handlers work with, handed down once by the composition root."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from cidxd.model.account import Principal
from cidxd.model.registry import State
from cidxd.sections import AccessSection
from cidxd.store.history import History
from cidxd.store.ledger import Ledger
from cidxd.web.identity import Identity
from cidxd.web.remotes import Remotes
from cidxd.web.sight import Sight
from cidxd.work.bus import Bus
from cidxd.work.folders import DataFolder
from cidxd.work.herald import Herald
from cidxd.work.joblog import JobLogs
from cidxd.work.metrics import Metrics
from cidxd.work.searchers import Searchers
from cidxd.work.triggers import Triggers
from cidxd.work.vault import Vault
from cidxd.work.vitals import Vitals


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """
    Everything a handler may need.

    Attributes:
        triggers: What asks for syncs beside people, and ends repositories.
        look_again: Has the scheduler look at the queue, where no event tells it to.
        vault: Seals the credentials of remotes.
        vitals: Why the daemon is not ready.
        shut_down: Lets the daemon end; None where only the service manager may.
        is_local_allowed: A path on this machine may be a remote.
        access: Who may see what, where nothing else is said.
        search_limit_s: How long a query with a limit may take, as of now.
    """

    ledger: Ledger
    history: History
    bus: Bus
    herald: Herald
    searchers: Searchers
    identity: Identity
    data: DataFolder
    logs: JobLogs
    metrics: Metrics
    clock: Callable[[], float]
    new_id: Callable[[], str]
    triggers: Triggers
    look_again: Callable[[], None]
    remotes: Remotes
    vault: Vault
    vitals: Vitals
    shut_down: Callable[[], None] | None
    is_local_allowed: bool
    access: AccessSection
    search_limit_s: Callable[[], float]

    @property
    def state(self) -> State:
        """The committed state."""
        return self.ledger.state

    def sight(self, who: Principal) -> Sight:
        """Return what *who* sees of the state."""
        return Sight(self.state, who)

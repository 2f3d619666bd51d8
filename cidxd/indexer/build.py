"""
The build child: brings one repository's index in step with its mirror, and publishes on permit.

diff → index → validate → (ready, permit) → publish.  Content grows first and the pointer
moves last: whatever happens before the publish, the old generation goes on answering.
"""

from __future__ import annotations

import sys
from typing import Any, Final

from cidxd.errors import FaultError
from cidxd.indexer import children, git_pipe, order, parsing, protocol, validation
from cidxd.indexer import epoch as epochs
from cidxd.indexer.build_request import Request, read_request
from cidxd.indexer.catalog_counts import count_skipped
from cidxd.indexer.catalog_writer import NewEntry
from cidxd.indexer.changeset import BranchPlan, Plan, make_plan
from cidxd.indexer.content import Intake
from cidxd.indexer.conversation import Conversation, translate
from cidxd.indexer.target import Target, new_target, open_target


def main() -> int:
    """Hold one conversation on stdin and stdout; return the exit code."""
    talk = Conversation()
    try:
        run(read_request(talk.request()), talk)
    except Exception as err:  # noqa: BLE001 - the border of the process: every fault is said
        fault = translate(err)
        if fault.code == "index-failed":
            import traceback  # noqa: PLC0415 - not on the usual path

            traceback.print_exc(file=sys.stderr)
        talk.fail(fault)
        return protocol.EXIT_FAILED
    talk.say({"type": "done"})
    return 0


def run(request: Request, talk: Conversation) -> None:
    """Build and publish; on a fault nothing half done is left."""
    parsing.check_engine(request.symbols)
    target = open_target(request.index_folder, request.settings, full=request.full)
    talk.on_stop = target.discard
    build = _Build(request, talk, target)
    try:
        build.diff()
        talk.on_stop = build.target.discard
        build.index()
        build.validate()
        talk.wait_for_permit()
        build.publish()
    except BaseException as err:
        children.kill_all()
        build.target.close()
        if isinstance(err, FaultError) and err.code == "index-damaged":
            epochs.mark_damaged(build.target.epoch, err.detail)
        build.target.discard()
        raise
    build.target.close()


# To count a longer history takes longer than to index its tip.
_COUNTED_OBJECTS: Final = 200_000


class _Build:
    """The four phases, in order, and what one leaves for the next."""

    def __init__(self, request: Request, talk: Conversation, target: Target) -> None:
        self._request = request
        self._talk = talk
        self.target = target
        self._plan = Plan([], [], {}, 0, [], {})
        self._commits: git_pipe.CommitCount | None = None
        self._has_count = True
        self._intake = self._new_intake()
        self._entries = 0

    def diff(self) -> None:
        with self._talk.phase("diff") as counters:
            self._plan = self._make_plan()
            new = [b.wanted.commit for b in self._plan.branches]
            mirror, old = self._request.mirror, self._plan.old_commits
            is_quick = old or git_pipe.packed_objects(mirror) <= _COUNTED_OBJECTS
            if is_quick and set(new) - set(old):
                self._commits = git_pipe.CommitCount(mirror, new, old)
            self._has_count = bool(is_quick)
            counters.update(entries=self._files_total, **self._plan.tally._asdict())
            counters["new_blobs"] = len(self._plan.new_blobs)

    def _make_plan(self) -> Plan:
        wanted = self._request.branches
        try:
            return make_plan(self._request.mirror, self.target, wanted)
        except FaultError as fault:
            if fault.code != "index-damaged" or (self.target.is_new and not self.target.previous):
                raise
            damage = fault.detail
        # What the catalogue says makes no sense: build it anew, in this same run.
        self.target.close()
        epochs.mark_damaged(self.target.epoch, damage)
        folder = self._request.index_folder
        self.target = new_target(folder, self._request.settings, None, damage=damage)
        return make_plan(self._request.mirror, self.target, wanted)

    def index(self) -> None:
        plan, talk = self._plan, self._talk
        self._intake = self._new_intake()
        total = len(plan.new_blobs)
        with talk.phase("index") as counters:
            self._intake.take_all(
                self._request.mirror,
                plan.new_blobs,
                lambda done, size: talk.progress(done, total, "files", size),
            )
            for reason, oids in plan.unread.items():
                if oids:
                    self._intake.note(oids, reason)
            request, target = self._request, self.target
            parsing.parse_little(
                target.catalog, target.epoch, request.symbols, request.symbol_bytes
            )
            counters.update(
                symbols=self._intake.symbols.found,
                files_indexed=self._intake.indexed,
                files_skipped=self._intake.skipped,
                bytes_indexed=self._intake.indexed_bytes,
                segments=len(self._intake.segments),
            )

    def _new_intake(self) -> Intake:
        request, target = self._request, self.target
        symbols = parsing.SymbolIntake(
            target.catalog,
            target.epoch,
            request.symbols,
            self._plan.grammars,
            request.symbol_bytes,
        )
        folder = target.epoch / epochs.SEGMENTS
        return Intake(target.catalog, folder, request.max_file_bytes, symbols)

    def validate(self) -> None:
        written = self._intake.segments
        with self._talk.phase("validate") as counters:
            try:
                validation.check_segments(self.target, written)
                branches = self._stage()
                self._entries = validation.check_counts(self.target, branches)
                checked = validation.check_sample(self.target, written)
            except FaultError as fault:
                if fault.code == "index-invalid":
                    self._forget(fault.detail)
                raise
            counters.update(checked_blobs=checked, checked_entries=self._entries)
            summary = self._summary()
        self._talk.say(
            {
                "type": "ready",
                "summary": summary,
                "commits": [
                    {
                        "branch": b.wanted.name,
                        "before": b.before,
                        "indexed": b.wanted.commit,
                        "committed_at": b.tip.committed_at,
                    }
                    for b in self._plan.branches
                ],
            }
        )

    def publish(self) -> None:
        target = self.target
        with self._talk.phase("publish") as counters:
            target.catalog.publish()
            if target.is_new:
                target.close()
                epochs.switch_epoch(target.index, target.epoch)
                target.is_new = False
                epochs.sweep_index(target.index, target.epoch)
            counters.update(branches=len(self._plan.branches), entries=self._entries)

    @property
    def _files_total(self) -> int:
        return sum(branch.files for branch in self._plan.branches)

    def _stage(self) -> list[tuple[int, BranchPlan]]:
        catalog = self.target.catalog
        generation = catalog.stage()
        catalog.forget_branches([b.wanted.name for b in self._plan.branches])
        staged: dict[str, int] = {}
        for plan in self._plan.branches:
            base = staged[plan.base] if plan.base is not None else None
            staged[plan.wanted.name] = self._stage_branch(plan, generation, base)
        return [(staged[plan.wanted.name], plan) for plan in self._plan.branches]

    def _stage_branch(self, plan: BranchPlan, generation: int, base: int | None) -> int:
        catalog = self.target.catalog
        branch_id = catalog.put_branch(
            name=plan.wanted.name,
            commit=plan.wanted.commit,
            tree=plan.tip.tree,
            generation=generation,
            job_id=self._request.job_id,
            is_default=int(plan.wanted.is_default),
            committed_at=plan.tip.committed_at,
            files=plan.files,
        )
        if base is not None:
            catalog.copy_entries(base, branch_id)
        catalog.delete_entries(branch_id, [c.path for c in plan.changes if c.old is not None])
        here = [(c.path, c.new) for c in plan.changes if c.new is not None]
        rows = catalog.blob_rows(list({oid for _, (_, oid) in here}))
        if lost := next((oid for _, (_, oid) in here if oid not in rows), None):
            raise FaultError("index-invalid", f"blob {lost.hex()} was not registered")
        entries = (
            NewEntry(order.path_class(path), path, mode, rows[oid][0]) for path, (mode, oid) in here
        )
        catalog.put_entries(branch_id, sorted(entries))
        return branch_id

    def _forget(self, why: str) -> None:
        # What this run wrote is in doubt: it must not count as known next time.
        catalog = self.target.catalog
        if self.target.is_new:
            epochs.mark_damaged(self.target.epoch, why)
            return
        catalog.roll_back()
        catalog.forget_segments([segment.segment_id for segment in self._intake.segments])

    def _summary(self) -> dict[str, Any]:
        skipped = count_skipped(self.target.catalog)
        tally, intake = self._plan.tally, self._intake
        return {
            "files_total": self._files_total,
            "files_added": tally.added,
            "files_modified": tally.modified,
            "files_deleted": tally.deleted,
            "files_renamed": tally.renamed,
            "files_indexed": intake.indexed,
            "files_skipped": sum(skipped.values()),
            "skipped_by_reason": skipped,
            "blobs_new": intake.indexed + intake.skipped,
            "blobs_reused": self._plan.reused,
            "bytes_indexed": intake.indexed_bytes,
            "commits_received": self._commits_received(),
            **({"index_damage": self.target.damage[:500]} if self.target.damage else {}),
        }

    def _commits_received(self) -> int | None:
        if not self._has_count:
            return None
        return self._commits.number() if self._commits is not None else 0

"""
The build child: brings one repository's index in step with its mirror, and publishes on permit.

diff → index → validate → (ready, permit) → publish.  Content grows first and the pointer
moves last: whatever happens before the publish, the old generation goes on answering.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any, Final, NamedTuple

from cidxd.errors import FaultError
from cidxd.indexer import epoch as epochs
from cidxd.indexer import git_pipe, order, protocol, validation
from cidxd.indexer.catalog_counts import count_skipped
from cidxd.indexer.catalog_writer import NewEntry
from cidxd.indexer.changeset import BranchPlan, Plan, Wanted, make_plan
from cidxd.indexer.content import Intake
from cidxd.indexer.conversation import Conversation, expect, translate
from cidxd.indexer.schema import FORMAT
from cidxd.indexer.target import Target, new_target, open_target

_HEX: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class Request(NamedTuple):
    """What to build; see `protocol`."""

    job_id: str
    mirror: Path
    index_folder: Path
    branches: list[Wanted]
    full: bool
    max_file_bytes: int


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


def read_request(message: dict[str, Any]) -> Request:
    """
    Return the request that a message holds.

    Raises:
        FaultError: `child-protocol`.
    """
    expect(message, "build")
    try:
        branches = [
            Wanted(str(b["name"]), str(b["commit"]), bool(b["default"]))
            for b in message["branches"]
        ]
        request = Request(
            str(message["job_id"]),
            Path(message["mirror"]),
            Path(message["index"]),
            branches,
            bool(message["full"]),
            int(message["max_file_bytes"]),
        )
    except (KeyError, TypeError, ValueError) as err:
        raise FaultError("child-protocol", f"the build request lacks {err}") from err
    if not branches:
        raise FaultError("child-protocol", "the build request names no branch")
    # These ids go to git as they are.
    if wrong := [b.commit for b in branches if not _HEX.fullmatch(b.commit)]:
        raise FaultError("child-protocol", f"not a commit id: {wrong[0][:80]!r}")
    return request


def run(request: Request, talk: Conversation) -> None:
    """Build and publish; on a fault nothing half done is left."""
    target = open_target(
        request.index_folder, max_file_bytes=request.max_file_bytes, full=request.full
    )
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
        git_pipe.kill_all()
        build.target.close()
        if isinstance(err, FaultError) and err.code == "index-damaged":
            epochs.mark_damaged(build.target.epoch, err.detail)
        build.target.discard()
        raise
    build.target.close()


class _Build:
    """The four phases, in order, and what one leaves for the next."""

    def __init__(self, request: Request, talk: Conversation, target: Target) -> None:
        self._request = request
        self._talk = talk
        self.target = target
        self._plan = Plan([], [], {}, 0, [])
        self._commits: git_pipe.CommitCount | None = None
        self._intake = Intake(target.catalog, target.epoch, request.max_file_bytes)
        self._entries = 0

    def diff(self) -> None:
        with self._talk.phase("diff") as counters:
            self._plan = self._make_plan()
            new = [b.wanted.commit for b in self._plan.branches]
            if set(new) - set(self._plan.old_commits):
                old = self._plan.old_commits
                self._commits = git_pipe.CommitCount(self._request.mirror, new, old)
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
        settings = {"format": FORMAT, "max_file_bytes": self._request.max_file_bytes}
        self.target = new_target(self._request.index_folder, settings, None, damage=damage)
        return make_plan(self._request.mirror, self.target, wanted)

    def index(self) -> None:
        plan, talk = self._plan, self._talk
        folder = self.target.epoch / epochs.SEGMENTS
        self._intake = Intake(self.target.catalog, folder, self._request.max_file_bytes)
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
            counters.update(
                files_indexed=self._intake.indexed,
                files_skipped=self._intake.skipped,
                bytes_indexed=self._intake.indexed_bytes,
                segments=len(self._intake.segments),
            )

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
                    {"branch": b.wanted.name, "before": b.before, "indexed": b.wanted.commit}
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
            "commits_received": self._commits.number() if self._commits is not None else 0,
            **({"index_damage": self.target.damage} if self.target.damage else {}),
        }

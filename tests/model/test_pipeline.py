from __future__ import annotations

import pytest

from cidxd.errors import FAULTS, FaultError
from cidxd.model import moves, pipeline
from cidxd.model.job import ANYTHING, CancelRequest, Job, Options
from cidxd.model.pipeline import Defer, GiveUp, Rescue
from cidxd.model.report import Phase

REMOTE = {"main": "m2", "dev": "d2", "other": "o2"}


def test_the_default_branch_and_the_tracked_ones_are_wanted() -> None:
    aim = pipeline.targets("main", REMOTE, {}, ("dev",), ANYTHING)
    assert aim.fetched == {"main": "m2", "dev": "d2"}
    assert aim.wanted == aim.fetched


def test_a_renamed_default_branch_is_followed() -> None:
    aim = pipeline.targets("trunk", {"trunk": "m2"}, {"main": "m1"}, (), ANYTHING)
    assert aim.wanted == {"trunk": "m2"}
    assert not pipeline.is_unchanged(aim, {"main": "m2"}, ANYTHING)


def test_one_branch_asked_for_leaves_the_others_where_the_index_has_them() -> None:
    asked = Options(branches=("dev",))
    aim = pipeline.targets("main", REMOTE, {"main": "m1", "dev": "d1"}, ("dev",), asked)
    assert aim.fetched == {"dev": "d2"}
    assert aim.wanted == {"main": "m1", "dev": "d2"}


def test_a_tracked_branch_that_was_deleted_leaves_the_index() -> None:
    aim = pipeline.targets("main", {"main": "m1"}, {"main": "m1", "dev": "d1"}, ("dev",), ANYTHING)
    assert aim.wanted == {"main": "m1"}
    assert not pipeline.is_unchanged(aim, {"main": "m1", "dev": "d1"}, ANYTHING)


@pytest.mark.parametrize(
    ("default", "remote", "tracked", "asked", "code"),
    [
        (None, {}, (), (), "remote-empty"),
        ("main", REMOTE, ("gone",), (), "branch-not-found"),
        (None, REMOTE, (), (), "branch-not-found"),
        ("main", REMOTE, (), ("gone",), "branch-not-found"),
    ],
)
def test_what_is_not_on_the_remote_is_a_permanent_fault(
    default: str | None,
    remote: dict[str, str],
    tracked: tuple[str, ...],
    asked: tuple[str, ...],
    code: str,
) -> None:
    with pytest.raises(FaultError) as caught:
        pipeline.targets(default, remote, {}, tracked, Options(branches=asked))
    assert caught.value.code == code
    assert not caught.value.transient


def test_unchanged_means_the_very_commits_of_the_catalogue_and_not_full() -> None:
    aim = pipeline.targets("main", REMOTE, {"main": "m2"}, (), ANYTHING)
    assert pipeline.is_unchanged(aim, {"main": "m2"}, ANYTHING)
    assert not pipeline.is_unchanged(aim, {"main": "m1"}, ANYTHING)
    assert not pipeline.is_unchanged(aim, {"main": "m2"}, Options(full=True))


def test_a_permanent_fault_is_never_tried_again() -> None:
    for code, fault in FAULTS.items():
        following = pipeline.after_fault(FaultError(code), attempt=1, max_attempts=4, jitter=0.5)
        assert isinstance(following, Defer) == fault.transient, code


@pytest.mark.parametrize(
    ("code", "earlier", "is_final"),
    [
        ("child-crashed", [], False),
        ("child-crashed", ["git-failed", "stalled"], False),
        ("child-crashed", ["child-crashed"], True),
        ("child-crashed", ["child-crashed", "git-failed"], True),
        ("git-failed", ["child-crashed"], False),
        ("git-failed", ["git-failed", "git-failed"], False),
    ],
)
def test_a_crash_is_forgiven_once(code: str, earlier: list[str], *, is_final: bool) -> None:
    following = pipeline.after_fault(
        FaultError(code), attempt=len(earlier) + 1, max_attempts=4, jitter=0.5, earlier=earlier
    )
    assert isinstance(following, GiveUp) == is_final


def test_the_detail_of_a_stall_names_the_phase() -> None:
    stalled = FaultError("stalled", "silent")
    assert pipeline.job_error(stalled, Phase.INDEX).detail == "index phase: silent"
    assert pipeline.job_error(stalled, None).detail == "silent"
    assert pipeline.job_error(FaultError("git-failed", "so"), Phase.FETCH).detail == "so"


def test_back_off_doubles_with_jitter_up_to_a_minute_and_then_gives_up() -> None:
    fault = FaultError("remote-unreachable")
    delays = [
        pipeline.after_fault(fault, attempt=n, max_attempts=9, jitter=1.0) for n in range(1, 8)
    ]
    assert delays == [Defer(5), Defer(10), Defer(20), Defer(40), Defer(60), Defer(60), Defer(60)]
    low = pipeline.after_fault(fault, attempt=1, max_attempts=4, jitter=0.0)
    assert low == Defer(2.5)
    assert pipeline.after_fault(fault, attempt=4, max_attempts=4, jitter=0.0) == GiveUp()


def test_the_remotes_own_word_on_when_to_come_back_is_kept() -> None:
    fault = FaultError("remote-rate-limited", retry_after_s=77)
    assert pipeline.after_fault(fault, attempt=1, max_attempts=4, jitter=0.1) == Defer(77)


def test_a_restart_completes_what_was_published_cancels_what_was_to_be_and_requeues_the_rest() -> (
    None
):
    queued = Job(job_id="j", repository_id=1, repository="r", requested_by="a", created_at=0.0)
    running = moves.claim(queued, at=1.0, is_first=True).job
    permitted = moves.permit(running, summary={}, commits=(), at=2.0).job
    request = CancelRequest(requested_by="a", reason="", at=2.0)
    to_cancel = moves.request_cancel(running, request, at=2.0).job
    assert pipeline.rescue(permitted, frozenset({"j"})) is Rescue.COMPLETE
    assert pipeline.rescue(permitted, frozenset({"other"})) is Rescue.REQUEUE
    assert pipeline.rescue(to_cancel, frozenset()) is Rescue.CANCEL
    assert pipeline.rescue(running, frozenset({"j"})) is Rescue.REQUEUE

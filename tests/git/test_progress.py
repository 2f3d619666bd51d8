from __future__ import annotations

from cidxd.git.progress import FetchProgress, is_progress
from cidxd.model import wording
from cidxd.model.report import Phase, PhaseProgressed

# One fetch as git 2.39 tells it, split at CR and LF.
RECORDS = [
    "remote: Enumerating objects: 1000, done.        ",
    "remote: Counting objects:  50% (500/1000)        ",
    "remote: Counting objects: 100% (1000/1000), done.        ",
    "remote: Compressing objects: 100% (400/400), done.        ",
    "Receiving objects:   0% (1/1000)",
    "Receiving objects:  45% (450/1000), 12.30 MiB | 4.10 MiB/s",
    "remote: Total 1000 (delta 300), reused 990 (delta 295), pack-reused 0        ",
    "Receiving objects: 100% (1000/1000), 20.00 MiB | 4.10 MiB/s",
    "Receiving objects: 100% (1000/1000), 20.00 MiB | 4.10 MiB/s, done.",
    "Resolving deltas:   0% (0/300)",
    "Resolving deltas: 100% (300/300), done.",
    "From http://127.0.0.1:8000/repo",
]


def _story(records: list[str]) -> list[PhaseProgressed]:
    progress = FetchProgress()
    return [report for record in records if (report := progress.read(record)) is not None]


def test_receiving_tells_counts_and_bytes() -> None:
    assert (
        PhaseProgressed(Phase.FETCH, 450, 1000, "objects", 12_897_484, "receiving objects")
    ) in _story(RECORDS)


def test_people_read_each_step_in_plain_words() -> None:
    told = [wording.message(report, 3.0) for report in _story(RECORDS)]

    assert told[0] == "counting objects: 500 of 1,000 objects, 170 objects/s"
    assert "receiving objects: 450 of 1,000 objects, 12.9 MB, 4.3 MB/s" in told
    assert told[-1] == "resolving deltas: 300 of 300 deltas, 100 deltas/s"


def test_the_story_never_goes_back_to_an_earlier_step() -> None:
    told = _story([*RECORDS, "remote: Counting objects:  10% (1/10)"])
    steps = list(dict.fromkeys(report.step for report in told))
    assert steps == [
        "counting objects",
        "compressing objects",
        "receiving objects",
        "resolving deltas",
    ]
    for step in steps:
        done = [report.done for report in told if report.step == step]
        assert done == sorted(done)


def test_final_figures_are_what_was_received() -> None:
    progress = FetchProgress()
    for record in RECORDS:
        progress.read(record)

    assert (progress.objects_received, progress.bytes_received) == (1000, 20 << 20)


def test_a_small_fetch_that_shows_no_receiving_is_still_counted() -> None:
    progress = FetchProgress()
    progress.read("remote: Total 2 (delta 0), reused 0 (delta 0), pack-reused 0        ")

    assert progress.objects_received == 2


def test_few_objects_are_unpacked_and_bytes_told_exactly() -> None:
    (report,) = _story(["Unpacking objects: 100% (3/3), 240 bytes | 240.00 KiB/s, done."])

    assert (report.done, report.total, report.bytes) == (3, 3, 240)


def test_what_a_remote_makes_up_is_no_progress() -> None:
    assert not _story(["remote: Mining coins:  50% (1/2)", "remote: Welcome to the forge!"])


def test_counts_are_told_apart_from_words() -> None:
    assert is_progress(RECORDS[5])
    assert not is_progress("fatal: early EOF")

from __future__ import annotations

from pathlib import Path

import pytest

from cidxd.model import moves
from cidxd.model.job import Job
from cidxd.work import joblog
from cidxd.work.joblog import JobLogs

JOB_ID = "01a20bec-daaf-73da-8899-7e73525dec48"
QUEUED = Job(job_id=JOB_ID, repository_id=1, repository="demo", requested_by="a", created_at=1.0)
CLAIMED = moves.claim(QUEUED, at=2.0, is_first=True)
STARTED = b"1970-01-01T00:00:02.000Z attempt 1 started\n"


@pytest.fixture
def logs(tmp_path: Path) -> JobLogs:
    return JobLogs(tmp_path / "logs", lambda: 3.0)


def whole(logs: JobLogs) -> bytes:
    return logs.read(JOB_ID, 0).content


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def file_of(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "7e" / f"{JOB_ID}.log"


def test_events_and_words_stand_in_one_file_in_their_order(logs: JobLogs, tmp_path: Path) -> None:
    logs.notice([CLAIMED.event])
    with logs.pen(JOB_ID) as say:
        say("git: From example")
        logs.notice([moves.interrupt(CLAIMED.job, at=4.0).event])
        say("git: \x1b[31mfatal\x1b[0m: Authorization: Basic YWRhOnMzY3JldA==")

    assert whole(logs).decode().splitlines() == [
        "1970-01-01T00:00:02.000Z attempt 1 started",
        "1970-01-01T00:00:03.000Z git: From example",
        "1970-01-01T00:00:04.000Z interrupted by the daemon's end: the attempt is given back",
        "1970-01-01T00:00:03.000Z git: �[31mfatal�[0m: Authorization: Basic [redacted]",
    ]
    file = file_of(tmp_path)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_a_later_daemon_goes_on_where_the_last_one_stopped(logs: JobLogs, tmp_path: Path) -> None:
    logs.notice([CLAIMED.event])
    size = logs.read(JOB_ID, 0).size
    JobLogs(tmp_path / "logs", lambda: 9.0).notice([CLAIMED.event])

    assert logs.read(JOB_ID, size).content == STARTED
    assert whole(logs) == 2 * STARTED


def test_a_job_of_which_nothing_was_told_has_an_empty_log(logs: JobLogs, tmp_path: Path) -> None:
    logs.notice([moves.enqueue(QUEUED, at=1.0).event])
    with logs.pen(JOB_ID):
        pass

    assert logs.read(JOB_ID, 0) == joblog.Piece(b"", 0)
    assert not (tmp_path / "logs").exists()


def test_a_flood_of_words_is_cut_and_the_end_of_the_job_is_told_all_the_same(
    logs: JobLogs,
) -> None:
    with logs.pen(JOB_ID) as say:
        for _ in range(400):
            say("git: " + "x" * 9000)
    logs.notice([CLAIMED.event])
    with logs.pen(JOB_ID) as say:
        say("git: more")

    size = logs.read(JOB_ID, 0).size
    assert joblog.WORDS_LIMIT < size < joblog.WORDS_LIMIT + 3 * joblog.LINE_LIMIT
    first = whole(logs)
    lines = (first + logs.read(JOB_ID, len(first)).content).splitlines()
    assert [line[25:] for line in lines[-2:]] == [
        b"the log is full: not everything is told from here on",
        b"attempt 1 started",
    ]
    assert max(len(line.decode()) for line in lines) == joblog.LINE_LIMIT + 25


def test_it_does_not_grow_without_end_by_its_own_lines_either(logs: JobLogs) -> None:
    for _ in range(30_000):
        logs.notice([CLAIMED.event])

    assert logs.read(JOB_ID, 0).size < joblog.OWN_LIMIT + 200
    told = whole(logs) + logs.read(JOB_ID, joblog.PIECE_LIMIT).content
    assert told.count(b"the log is full") == 2


def test_a_reader_gets_whole_lines_only(logs: JobLogs, tmp_path: Path) -> None:
    logs.notice([CLAIMED.event])
    with file_of(tmp_path).open("ab") as file:
        file.write("half a line, cut in the middle of ü"[:-1].encode() + b"\xc3")

    assert whole(logs) == STARTED
    assert logs.read(JOB_ID, len(STARTED)).content == b""
    logs.notice([CLAIMED.event])
    assert whole(logs).splitlines()[2] + b"\n" == STARTED


def test_a_folder_that_cannot_be_written_stops_nobody(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "logs"
    folder.write_text("not a folder")
    logs = JobLogs(folder, lambda: 3.0)
    logs.notice([CLAIMED.event])
    with logs.pen(JOB_ID) as say:
        say("git: lost")
        folder.unlink()
        say("git: kept")

    assert whole(logs).splitlines()[0].endswith(b"git: kept")
    out, err = capsys.readouterr()
    assert (out + err).count("job_log_lost") == 1


def test_a_pen_leaves_no_file_open(logs: JobLogs) -> None:
    before = descriptors()
    with logs.pen(JOB_ID) as say:
        say("git: one")
        say("git: two")
    logs.notice([CLAIMED.event])
    assert descriptors() == before

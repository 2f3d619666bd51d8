"""The search of a real daemon, used the way a hostile or clumsy user would."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from house import Home, Process, Server, curl, descendants, hosted
from sandbox import Checkout

FILES = 120
LIMITS = "[limits]\nsearch_seconds = 0.006\nsearch_children = 2\n"
ODD_NAMES = [b"same\xff.txt", b"same\xfe.txt"]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A daemon in a hurry, with a repository `many`, and one named `never` that is not synced."""
    with hosted(tmp_path_factory.mktemp("hostile"), more=LIMITS) as (home, server):
        origin = Checkout(server.folder / "many")
        origin.commit(
            {
                **{
                    f"src/f{n}.py": f"def needle_{n}():\n    needle = {n}\n\n" * 9
                    for n in range(FILES)
                },
                **dict.fromkeys(ODD_NAMES, "needle\n"),
            }
        )
        home.cidx("repo", "add", str(origin.folder), "--name", "many")
        home.cidx("sync", "many", "--timeout", "60")
        other = Checkout(server.folder / "never")
        other.commit({"a.txt": "needle\n"})
        home.cidx("repo", "add", str(other.folder), "--name", "never")
        yield server


@pytest.fixture
def user(daemon: Server) -> Home:
    return daemon.home


def ask(daemon: Server, **body: Any) -> tuple[int, Any]:
    sent = ("-H", "Content-Type: application/json", "-d", json.dumps(body))
    return curl(f"{daemon.url}/api/search", daemon.token, *sent)


def pages(daemon: Server, **body: Any) -> tuple[list[Any], list[str]]:
    """Return all matches and the reasons of pages that are not complete."""
    matches: list[Any] = []
    reasons = []
    cursor = None
    while True:
        status, page = ask(daemon, **body, **({"cursor": cursor} if cursor else {}))
        assert status == 200, page
        matches += page["matches"]
        if not page["complete"]:
            reasons.append(page["reason"])
            assert page["next_cursor"], "what was not covered can be asked for"
        cursor = page["next_cursor"]
        if cursor is None:
            return matches, reasons


def searchers(daemon: Server) -> list[Process]:
    assert daemon.process is not None
    return [
        child
        for child in descendants(daemon.process.pid)
        if b"search" in Path(f"/proc/{child.pid}/cmdline").read_bytes().split(b"\0")
    ]


@pytest.mark.parametrize("mode", ["literal", "regex", "symbol"])
@pytest.mark.parametrize("case", ["sensitive", "insensitive"])
def test_options_in_every_combination_agree_or_are_refused(
    daemon: Server, mode: str, case: str
) -> None:
    base = {"q": "needle", "mode": mode, "case": case, "repository": ["many"], "limit": 10_000}
    found: dict[tuple[bool, int, str], Counter[str]] = {}
    for word, context, show in product([False, True], [0, 3], ["lines", "files", "count"]):
        asked = {**base, "word": word, "context": context, "show": show}
        if (word and mode != "literal") or (show != "lines" and mode == "symbol"):
            status, body = ask(daemon, **asked)
            assert (status, body["code"]) in {(422, "pattern-invalid"), (422, "show-invalid")}
            assert body["hint"]
            continue
        matches, _ = pages(daemon, **asked)
        keys = [match.get("path_base64") or match["path"] for match in matches]
        assert all(("context_before" in m) == (context > 0 and show == "lines") for m in matches)
        counts = Counter(keys)
        if show == "count":
            counts = Counter({k: m["count"] for k, m in zip(keys, matches, strict=True)})
        found[word, context, show] = counts
    for (word, _, show), counts in found.items():
        lines = found[word, 0, "lines"]
        assert counts == (lines if show != "files" else Counter(dict.fromkeys(lines, 1)))
    assert len(found[False, 0, "lines"]) == FILES + (0 if mode == "symbol" else len(ODD_NAMES))


@pytest.mark.parametrize("show", ["lines", "files", "count"])
@pytest.mark.parametrize("q", ["needle", "ne", "le = 7"])
def test_a_search_out_of_time_is_continued_without_gap_or_repeat(
    daemon: Server, q: str, show: str
) -> None:
    asked = {"q": q, "show": show, "repository": ["many"]}
    whole, reasons = pages(daemon, **asked, limit=0)  # which has a longer time
    assert not reasons
    parts, _ = pages(daemon, **asked, limit=10_000)
    assert parts == whole


def test_a_search_without_a_trigram_says_what_it_covered(daemon: Server) -> None:
    asked = {"q": "(a|b|n.*e)+[^x]*$", "mode": "regex", "repository": ["many"], "limit": 10_000}
    parts, reasons = pages(daemon, **asked)
    assert reasons
    covered = [int(reason.split()[1]) for reason in reasons]
    assert covered == sorted(covered)
    told = re.compile(rf"searched \d+ of {FILES + 2} files in \d+\.\d s")
    assert all(told.fullmatch(reason) for reason in reasons), reasons
    assert parts == pages(daemon, **{**asked, "limit": 0})[0]


def test_a_cursor_of_another_query_is_refused(daemon: Server) -> None:
    asked = {"q": "needle", "limit": 1, "repository": ["many"]}
    cursor = ask(daemon, **asked)[1]["next_cursor"]
    for other in (
        {"q": "needl"}, {"mode": "regex"}, {"case": "insensitive"}, {"word": True},
        {"show": "files"}, {"path": ["*.py"]}, {"lang": ["python"]}, {"branch": "main"},
    ):  # fmt: skip
        status, body = ask(daemon, **{**asked, **other, "cursor": cursor})
        assert (status, body["code"]) == (400, "cursor-invalid"), other
    for harmless in ({"limit": 7}, {"context": 2}, {"repository": ["many", "many"]}):
        assert ask(daemon, **{**asked, **harmless, "cursor": cursor})[0] == 200, harmless


def test_what_cannot_be_searched_is_said(daemon: Server, user: Home) -> None:
    assert "not indexed yet: never" in user.error("query", "needle", "--repo", "never", code=1)
    said = user.error("query", "x", "--repo", "many", "--branch", "nope", code=1)
    assert "error: not indexed: branch nope of many" in said
    assert user.error("query", "x", "--repo", "many", "--path", "/", code=1).count("\n") == 2
    both = user.cidx("query", "needle", "--files", "--all", "--path", "f7.py")
    assert both == "many:src/f7.py\n"  # nobody synced the other
    twice = user.cidx("query", "needle_7(", "--repo", "many", "--repo", "many", "--files")
    assert len(twice.splitlines()) == 1
    assert ask(daemon, q="a\ud800")[0] == 400


def test_files_whose_names_look_the_same_are_listed_each(user: Home) -> None:
    argv = ("query", "needle", "--repo", "many", "--path", "same*")
    assert user.cidx(*argv, "--files").splitlines() == ["same\ufffd.txt"] * 2
    assert user.cidx(*argv, "--count").splitlines() == ["same\ufffd.txt:1"] * 2
    listed = [json.loads(line) for line in user.cidx(*argv, "--files", "--json").splitlines()]
    assert len({file["path_base64"] for file in listed}) == 2


def test_a_search_child_that_is_killed_is_replaced(daemon: Server) -> None:
    asked = {"q": "needle", "repository": ["many"], "limit": 0}
    truth = pages(daemon, **asked)[0]
    for child in searchers(daemon):
        os.kill(child.pid, signal.SIGKILL)
    assert pages(daemon, **asked)[0] == truth


def test_searches_whose_children_are_killed_answer_rightly_or_say_that_they_broke(
    daemon: Server,
) -> None:
    asked = {"q": "ne", "repository": ["many"], "limit": 0}
    truth = pages(daemon, **asked)[0]
    answers: list[tuple[int, Any]] = []

    def search() -> None:
        answers.extend(ask(daemon, **asked) for _ in range(12))

    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        for child in searchers(daemon):
            os.kill(child.pid, signal.SIGKILL)
        threads[0].join(0.05)
    for thread in threads:
        thread.join()
    assert len(answers) == 36
    for status, body in answers:
        right = status == 200 and body["matches"] == truth
        assert right or (status, body["code"]) == (503, "search-failed"), (status, body)
    assert ask(daemon, **asked)[1]["matches"] == truth


def test_a_cursor_is_gone_once_a_sync_has_published(
    daemon: Server, user: Home, tmp_path: Path
) -> None:
    origin = Checkout(tmp_path / "moving")
    origin.commit({"a.txt": "needle\n" * 9})
    user.cidx("repo", "add", str(origin.folder), "--name", "moving")
    user.cidx("sync", "moving", "--timeout", "60")
    asked = {"q": "needle", "limit": 2, "repository": ["moving"]}
    cursor = ask(daemon, **asked)[1]["next_cursor"]
    assert ask(daemon, **asked, cursor=cursor)[0] == 200
    origin.commit({"b.txt": "needle\n"})
    user.cidx("sync", "moving", "--timeout", "60")
    status, body = ask(daemon, **asked, cursor=cursor)
    assert (status, body["code"]) == (410, "results-moved")
    assert len(pages(daemon, **asked)[0]) == 10

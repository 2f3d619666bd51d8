from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from sandbox import Checkout

from cidx import __main__ as program
from cidx import terminal

if TYPE_CHECKING:
    from pathlib import Path

Told = pytest.CaptureFixture[str]


def match(number: int, path: str = "a.py") -> dict[str, Any]:
    where = {"repository": "work", "branch": "main", "commit": "1" * 40, "path": path}
    return {**where, "line": number, "column": 1, "text": f"hit {number}", "ranges": [[0, 3]]}


class Server:
    """A server with one repository and so many matches, two on each page."""

    def __init__(self) -> None:
        self.found = [match(1), match(2), match(7, "b.py")]
        self.asked: list[dict[str, Any]] = []
        self.indexed = "1" * 40
        self.remote = ""
        self.more: dict[str, Any] = {}
        self.late_pages = 0
        self.problem: dict[str, Any] = {}

    async def discover(self, request: web.Request) -> web.Response:
        if request.query["url"] != self.remote:
            return web.json_response({"code": "not-found", "detail": "no"}, status=404)
        branches = [{"name": "main", "commit": self.indexed}]
        return web.json_response({"name": "work", "default_branch": "main", "branches": branches})

    async def search(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.asked.append(body)
        if self.problem:
            return web.json_response(self.problem, status=422)
        if len(self.asked) <= self.late_pages:
            late = {"next_cursor": "0", "complete": False, "reason": "1 of 9 files"}
            return web.json_response({"matches": [], "searched": [], **late})
        start = int(body.get("cursor", 0))
        end = start + min(2, body["limit"] or 2)
        return web.json_response(
            {
                "matches": self.found[start:end],
                "next_cursor": str(end) if end < len(self.found) else None,
                "searched": [{"repository": "work", "branch": "main", "commit": self.indexed}],
                "complete": True,
                "reason": None,
                **self.more,
            }
        )


@pytest.fixture
async def server(aiohttp_server: Any, monkeypatch: pytest.MonkeyPatch) -> Server:
    made = Server()
    app = web.Application()
    app.router.add_get("/api/repositories/discover", made.discover)
    app.router.add_post("/api/search", made.search)
    started = await aiohttp_server(app)
    monkeypatch.setenv("CIDX_SERVER", str(started.make_url("")))
    monkeypatch.setenv("CIDX_TOKEN", "t")
    return made


async def query(*arguments: str) -> int:
    return await asyncio.to_thread(program.main, ["query", *arguments])


async def test_matches_go_to_a_pipe_as_path_line_text(server: Server, capsys: Told) -> None:
    assert await query("hit", "--repo", "work") == 0
    assert capsys.readouterr().out == "a.py:1:hit 1\na.py:2:hit 2\nb.py:7:hit 7\n"
    assert server.asked[0] == {
        "q": "hit",
        "mode": "literal",
        "case": "sensitive",
        "word": False,
        "path": [],
        "lang": [],
        "repository": ["work"],
        "limit": 50,
        "context": 0,
        "show": "lines",
    }


async def test_every_option_is_sent(server: Server) -> None:
    given = ("-i", "-w", "--path", "*.py", "--path", "src/**", "--lang", "go", "--all")
    await query("hit", *given, "--branch", "dev", "--limit", "1", "-C", "3", "--regex")
    assert server.asked[0] == {
        "q": "hit",
        "mode": "regex",
        "case": "insensitive",
        "word": True,
        "path": ["*.py", "src/**"],
        "lang": ["go"],
        "repository": [],
        "branch": "dev",
        "limit": 1,
        "context": 3,
        "show": "lines",
    }


async def test_a_limit_ends_the_list_and_says_that_there_is_more(
    server: Server, capsys: Told
) -> None:
    await query("hit", "--all", "--limit", "2")
    shown = capsys.readouterr()
    assert shown.out.count("\n") == 2
    assert shown.err == "note: the first 2 matches; --limit 0 shows all\n"
    assert len(server.asked) == 1


async def test_json_is_one_match_a_line(server: Server, capsys: Told) -> None:
    await query("hit", "--all", "--json", "--limit", "0")
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == server.found
    assert [body.get("cursor") for body in server.asked] == [None, "2"]


@pytest.mark.parametrize(
    ("option", "out"),
    [("--files", "work:a.py\nwork:b.py\n"), ("--count", "work:a.py:2\nwork:b.py:1\n")],
)
@pytest.mark.parametrize("mode", ["--regex", "--symbol"])
async def test_files_and_counts_look_at_every_page(
    server: Server, capsys: Told, option: str, out: str, mode: str
) -> None:
    if mode != "--symbol":  # the server counts, but definitions it lists one by one
        server.found = [{**match(0), "count": 2}, {**match(0, "b.py"), "count": 1}]
    await query("hit", "--all", option, mode)
    assert capsys.readouterr().out == out
    assert {body["limit"] for body in server.asked} == {0}
    shown = "lines" if mode == "--symbol" else option.removeprefix("--")
    assert {body["show"] for body in server.asked} == {shown}


@pytest.mark.usefixtures("server")
async def test_a_limit_counts_files_where_files_are_listed(capsys: Told) -> None:
    await query("hit", "--all", "--files", "--limit", "1")
    assert capsys.readouterr() == (
        "work:a.py\n",
        "note: the first match; --limit 0 shows all\n",
    )


async def test_unfinished_symbols_are_told(server: Server, capsys: Told) -> None:
    server.more = {"searched": [{"repository": "work", "symbols": "3 of 9 files"}]}
    await query("hit", "--all", "--symbol")
    assert capsys.readouterr().err == "note: work: symbols are there for 3 of 9 files so far\n"


async def test_no_match_is_exit_0_and_a_line_on_stderr(server: Server, capsys: Told) -> None:
    server.found = []
    assert await query("hit", "--all") == 0
    assert capsys.readouterr() == ("", "no match\n")


async def test_an_unfinished_search_says_what_it_did_not_cover(
    server: Server, capsys: Told
) -> None:
    server.more = {"complete": False, "reason": "5 s were over after 300 files"}
    await query("hit", "--all")
    assert capsys.readouterr().err == (
        "note: not everything was searched: 5 s were over after 300 files; --limit 0 goes on\n"
    )
    assert len(server.asked) == 1


async def test_all_matches_are_searched_for_until_the_search_is_complete(
    server: Server, capsys: Told
) -> None:
    server.late_pages = 2
    await query("hit", "--all", "--limit", "0")
    assert capsys.readouterr().err == ""
    assert len(server.asked) == 4


async def test_nothing_found_in_an_unfinished_search_is_no_match_so_far(
    server: Server, capsys: Told
) -> None:
    server.found = []
    server.late_pages = 1
    await query("hit", "--all")
    assert capsys.readouterr().err.endswith("; --limit 0 goes on\nno match so far\n")


@pytest.mark.parametrize("given", [("caf\udce9",), ("hit", "--path", "\udcff*")])
async def test_what_is_not_utf8_is_refused_in_our_words(
    server: Server, capsys: Told, given: tuple[str, ...]
) -> None:
    assert await query(*given, "--all") == 1
    assert capsys.readouterr().err.startswith("error: not UTF-8: ")
    assert server.asked == []


@pytest.mark.usefixtures("server")
async def test_an_expression_is_no_name(capsys: Told) -> None:
    assert await query("hit", "--all", "--regex", "--symbol") == 2
    assert capsys.readouterr().err.startswith("error: --regex and --symbol exclude each other\n")


@pytest.mark.parametrize("is_terminal", [True, False])
async def test_a_terminal_is_shown_where_a_pattern_is_wrong(
    server: Server, capsys: Told, monkeypatch: pytest.MonkeyPatch, *, is_terminal: bool
) -> None:
    monkeypatch.setattr(terminal, "is_told", lambda: is_terminal)
    detail = "missing ): at character 3 of the pattern"
    server.problem = {"code": "pattern-invalid", "detail": detail, "hint": "close the group"}
    assert await query("hi(", "--all", "--regex") == 1
    caret = "  hi(\n    ^\n" if is_terminal else ""
    assert capsys.readouterr().err == f"error: {detail}\n{caret}hint: close the group\n"


@pytest.mark.usefixtures("server")
async def test_outside_a_checkout_one_says_where_to_search(capsys: Told) -> None:
    assert await query("hit") == 1
    assert "hint: say where to search: --repo NAME, or --all" in capsys.readouterr().err


async def test_a_checkout_ahead_of_its_index_is_told_by_how_much(
    server: Server, capsys: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = Checkout(tmp_path / "work")
    server.indexed, server.remote = checkout.commit({"a": "1"}), str(checkout.folder)
    checkout.commit({"b": "2"})
    checkout.commit({"c": "3"})
    monkeypatch.chdir(checkout.folder)
    assert await query("hit") == 0
    assert server.asked[0]["repository"] == ["work"]
    assert server.asked[0]["branch"] == "main"
    assert capsys.readouterr().err == (
        f"note: HEAD is 2 commits ahead of what is indexed of main ({server.indexed[:10]}); "
        "push, then cidx sync\n"
    )


@pytest.mark.usefixtures("server")
async def test_a_checkout_that_was_never_synced_hints_at_sync(
    capsys: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Checkout(tmp_path / "work").folder)
    assert await query("hit") == 1
    assert capsys.readouterr().err.endswith("hint: cidx sync --follow\n")


async def test_a_sync_between_two_pages_is_told_without_the_word_cursor(
    server: Server, capsys: Told
) -> None:
    server.problem = {"code": "results-moved", "detail": "…cursor…", "hint": "…cursor…"}
    assert await query("hit", "--all", "--limit", "0") == 1
    assert capsys.readouterr().err == (
        "error: a sync published while the matches were listed\nhint: repeat the search\n"
    )

"""`cidx query`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import click

from cidx import checkout as checkouts
from cidx import matches, repositories, terminal
from cidx.access import choose
from cidx.amounts import count, short_commit
from cidx.client import Client
from cidx.errors import ClientError, NoCheckoutError
from cidx.options import json_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cidx.checkout import Checkout
    from cidx.wire import Json


_MOST_CONTEXT = 20  # lines, as the server has it
_MOST_AT_ONCE = 10_000
_LIMIT = 50  # matches that are shown where nothing else is said


class _Scope(NamedTuple):
    """Where to search, and the checkout that this is about, if it is."""

    repositories: list[str]
    branch: str | None
    checkout: Checkout | None


@click.command()
@click.argument("pattern")
@click.option("-i", "--ignore-case", is_flag=True, help="Upper and lower case are the same.")
@click.option("-w", "--word", is_flag=True, help="Whole words only.")
@click.option("-p", "--path", "paths", multiple=True, metavar="GLOB", help="Only such paths.")
@click.option("-l", "--lang", "languages", multiple=True, metavar="NAME", help="Only such files.")
@click.option("--repo", "names", multiple=True, metavar="NAME", help="Search this repository.")
@click.option("--all", "is_everywhere", is_flag=True, help="Search every repository.")
@click.option("--branch", metavar="BRANCH", help="Default: the upstream branch, or the default.")
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    help="At most so many matches (default: 50; all with --files or --count); 0 for all.",
)
@click.option(
    "-C", "--context", type=click.IntRange(0, _MOST_CONTEXT), default=0, help="Lines around."
)
@click.option("--files", "is_files", is_flag=True, help="Print the paths of matching files only.")
@click.option("--count", "is_count", is_flag=True, help="Print how many lines match in each file.")
@click.option("--regex", "mode", flag_value="regex", help="PATTERN is an RE2 expression.")
@click.option(
    "--symbol", "mode", flag_value="symbol", help="PATTERN is a definition's name, or a part of it."
)
@json_option
def query(
    *,
    pattern: str,
    names: tuple[str, ...],
    is_everywhere: bool,
    branch: str | None,
    is_json: bool,
    **options: Any,  # noqa: ANN401 - as click parsed them
) -> None:
    """
    Search what the last sync indexed.

    PATTERN is looked for as it stands, upper and lower case told apart, in the repository
    of the checkout around you.  To a pipe, matches are printed as path:line:text.
    """
    if names and is_everywhere:
        raise click.UsageError("--repo and --all exclude each other")
    if options["is_files"] and options["is_count"]:
        raise click.UsageError("--files and --count exclude each other")
    checkout = repositories.here()
    with Client(choose(checkout)) as client:
        scope = _scope(client, checkout, list(names), branch, is_everywhere=is_everywhere)
        search = _Search(client, _request(pattern, scope, options))
        if options["is_files"] or options["is_count"]:
            _print_files(search, options, is_json=is_json, scope=scope)
        else:
            _print_matches(search, options, is_json=is_json, scope=scope)
    _remark(search, scope, is_symbol=options["mode"] == "symbol")


def _request(pattern: str, scope: _Scope, options: Json) -> Json:
    """Return the body of `POST /api/search` without its limit and cursor."""
    body: Json = {
        "q": pattern,
        "mode": options["mode"] or "literal",
        "case": "insensitive" if options["ignore_case"] else "sensitive",
        "word": options["word"],
        "path": list(options["paths"]),
        "lang": list(options["languages"]),
        "repository": scope.repositories,
        "context": options["context"],
        "show": _show(options),
    }
    return {**body, "branch": scope.branch} if scope.branch else body


def _show(options: Json) -> str:
    if options["mode"] == "symbol":  # which the server lists one by one
        return "lines"
    return "files" if options["is_files"] else "count" if options["is_count"] else "lines"


def _scope(
    client: Client,
    checkout: Checkout | None,
    names: list[str],
    branch: str | None,
    *,
    is_everywhere: bool,
) -> _Scope:
    if names or is_everywhere:
        return _Scope(names, branch, None)
    if checkout is None:
        raise NoCheckoutError(
            "not in a git checkout", hint="say where to search: --repo NAME, or --all"
        )
    found = repositories.of_checkout(client, checkout)
    if found is None:
        raise ClientError(
            f"this checkout has no index yet: {checkout.root}", hint="cidx sync --follow"
        )
    is_tracked = checkout.branch in repositories.indexed(found)
    return _Scope(
        [str(found["name"])], branch or (checkout.branch if is_tracked else None), checkout
    )


class _Search:
    """One search, page by page; what the pages said of it as a whole is kept."""

    def __init__(self, client: Client, body: Json) -> None:
        self._client = client
        self._body = body
        self.searched: list[Json] = []
        self.reason: str | None = None
        self.found = 0
        self.has_more = False

    def matches(self, limit: int) -> Iterator[Json]:
        """Yield at most *limit* matches (0: all) in the server's order."""
        cursor: str | None = None
        while True:
            wanted = min(_MOST_AT_ONCE, limit - self.found) if limit else 0
            asked = {**self._body, "limit": wanted, **({"cursor": cursor} if cursor else {})}
            page = self._client.post("/api/search", asked)
            self.searched = page.get("searched") or self.searched
            if page.get("complete") is False:
                self.reason = str(page.get("reason") or "the search took too long")
            for match in page.get("matches") or ():
                self.found += 1
                yield match
            cursor = page.get("next_cursor")
            if not cursor or (limit and self.found >= limit):
                self.has_more = bool(cursor)
                return


def _print_matches(search: _Search, options: Json, *, is_json: bool, scope: _Scope) -> None:
    listing = matches.Listing(
        is_grouped=terminal.is_interactive(),
        is_colored=terminal.is_colored(),
        has_many=len(scope.repositories) != 1,
        has_context=options["context"] > 0,
    )
    limit = _LIMIT if options["limit"] is None else options["limit"]
    for match in search.matches(limit):
        if is_json:
            terminal.out_json(match)
        else:
            terminal.out("\n".join(listing.lines(match)))
    _say_more(search)


def _say_more(search: _Search) -> None:
    if search.has_more:
        count = "the first match" if search.found == 1 else f"the first {search.found} matches"
        terminal.say(f"note: {count}; --limit 0 shows all")


def _print_files(search: _Search, options: Json, *, is_json: bool, scope: _Scope) -> None:
    is_counted = options["is_count"]
    for (repository, path), number in matches.files(search.matches(options["limit"] or 0)).items():
        if is_json:
            fact: Json = {"repository": repository, "path": path}
            terminal.out_json({**fact, "count": number} if is_counted else fact)
            continue
        file = matches.file_of(
            {"repository": repository, "path": path}, has_many=len(scope.repositories) != 1
        )
        terminal.out(f"{file}:{number}" if is_counted else file)
    _say_more(search)


def _remark(search: _Search, scope: _Scope, *, is_symbol: bool) -> None:
    """Say on stderr what the results alone do not tell."""
    if search.reason:
        terminal.say(f"note: not everything was searched: {search.reason}")
    if not search.found:
        terminal.say("no match")
    for one in search.searched:
        if scope.checkout:
            _remark_lag(scope.checkout, one)
        if is_symbol and one.get("symbols") not in {None, "complete"}:
            told = {"off": "the server keeps no symbols"}
            known = told.get(str(one["symbols"]), f"symbols are there for {one['symbols']} so far")
            terminal.say(f"note: {one.get('repository')}: {known}")


def _remark_lag(checkout: Checkout | None, searched: Json) -> None:
    indexed = str(searched.get("commit") or "")
    ahead = checkouts.commits_ahead(checkout.root, indexed) if checkout and indexed else 0
    if ahead:
        terminal.say(
            f"note: HEAD is {count(ahead, 'commit')} ahead of what is indexed "
            f"of {searched.get('branch')} ({short_commit(indexed)}); push, then cidx sync"
        )

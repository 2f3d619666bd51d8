"""`cidx query`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import click

from cidx import checkout as checkouts
from cidx import matches, repositories, terminal
from cidx.access import choose
from cidx.amounts import count, short_commit
from cidx.client import Client
from cidx.errors import ClientError, NoCheckoutError, ProblemError
from cidx.options import complete_repositories, json_option
from cidx.pointer import pointed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cidx.checkout import Checkout
    from cidx.wire import Json


_MOST_CONTEXT = 20  # lines, as the server has it
_MOST_AT_ONCE = 10_000
_SEARCH_S = 60.0  # that a server may match for before it answers
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
@click.option(
    "--repo",
    "names",
    multiple=True,
    metavar="NAME",
    shell_complete=complete_repositories,
    help="Search this repository.",
)
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
@click.option("--regex", "is_regex", is_flag=True, help="PATTERN is an RE2 expression.")
@click.option(
    "--symbol", "is_symbol", is_flag=True, help="PATTERN is a definition's name, or a part of it."
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
    if options["is_regex"] and options["is_symbol"]:
        raise click.UsageError("--regex and --symbol exclude each other")
    _check_spelling(pattern, *options["paths"])
    checkout = repositories.here()
    with Client(choose(checkout)) as client:
        scope = _scope(client, checkout, list(names), branch, is_everywhere=is_everywhere)
        search = _Search(client, _request(pattern, scope, options))
        is_listed = options["is_files"] or options["is_count"]
        try:
            (_print_files if is_listed else _print_matches)(
                search, options, is_json=is_json, scope=scope
            )
        except ProblemError as err:
            raise _told_of(pattern, err) from err
    _remark(search, scope, is_symbol=options["is_symbol"])


def _request(pattern: str, scope: _Scope, options: Json) -> Json:
    """Return the body of `POST /api/search` without its limit and cursor."""
    body: Json = {
        "q": pattern,
        "mode": _mode(options),
        "case": "insensitive" if options["ignore_case"] else "sensitive",
        "word": options["word"],
        "path": list(options["paths"]),
        "lang": list(options["languages"]),
        "repository": scope.repositories,
        "context": options["context"],
        "show": _show(options),
    }
    return {**body, "branch": scope.branch} if scope.branch else body


def _mode(options: Json) -> str:
    return "regex" if options["is_regex"] else "symbol" if options["is_symbol"] else "literal"


def _check_spelling(*words: str) -> None:
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError:
            raise ClientError(
                f"not UTF-8: {matches.printable(word)}",
                hint="search for the part around such bytes; in a --path each of them is a ?",
            ) from None


def _told_of(pattern: str, err: ProblemError) -> ProblemError:
    """Return the error in the words of who searched, on a terminal with the place it is about."""
    lines = pointed(err.message, pattern, terminal.width()) if terminal.is_told() else ""
    if err.code == "results-moved":
        message = "a sync published while the matches were listed"
        return ProblemError(message, status=err.status, code=err.code, hint="repeat the search")
    if not lines or err.code != "pattern-invalid":
        return err
    message = f"{err.message}\n{lines}"
    return ProblemError(message, status=err.status, code=err.code, hint=err.hint)


def _show(options: Json) -> str:
    if options["is_symbol"]:  # which the server lists one by one
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
            page = self._client.post("/api/search", asked, wait_s=_SEARCH_S)
            self.searched = page.get("searched") or self.searched
            is_late = page.get("complete") is False
            self.reason = str(page.get("reason") or "it took too long") if is_late else None
            for match in page.get("matches") or ():
                self.found += 1
                yield match
            cursor = page.get("next_cursor")
            # To have all, a search goes on where its time was over; others have said how far.
            if not cursor or (limit and (is_late or self.found >= limit)):
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
    for line in listing.rest():
        terminal.out(line)
    _say_more(search)


def _say_more(search: _Search) -> None:
    if search.has_more and not search.reason:
        count = "the first match" if search.found == 1 else f"the first {search.found} matches"
        terminal.say(f"note: {count}; --limit 0 shows all")


def _print_files(search: _Search, options: Json, *, is_json: bool, scope: _Scope) -> None:
    is_counted = options["is_count"]
    for file in matches.files(search.matches(options["limit"] or 0)):
        number = file["count"] if is_counted else file.pop("count")
        if is_json:
            terminal.out_json(file)
            continue
        name = matches.file_of(file, has_many=len(scope.repositories) != 1)
        terminal.out(f"{name}:{number}" if is_counted else name)
    _say_more(search)


def _remark(search: _Search, scope: _Scope, *, is_symbol: bool) -> None:
    """Say on stderr what the results alone do not tell."""
    if search.reason:
        terminal.say(f"note: not everything was searched: {search.reason}; --limit 0 goes on")
    if not search.found:
        terminal.say("no match so far" if search.reason else "no match")
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

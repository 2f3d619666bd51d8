"""Client and daemon share the wire only: what the one says, the other has."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from cidxd.web.documents import JobDocument

ROOT = Path(__file__).parent.parent
CLIENT = sorted((ROOT / "cidx").glob("*.py"))


def routes() -> set[str]:
    """Return the shape of every route of the daemon's table, its parts as `{}`."""
    source = (ROOT / "cidxd" / "web").rglob("*.py")
    found = {
        path for file in source for path in re.findall(r'"(/api/[^"]*)"', file.read_text("utf-8"))
    }
    found |= {f"/api/jobs/{{job_id}}/{word}" for word in ("events", "log", "cancel", "retry")}
    found |= {f"/api/repositories/{{name}}/{word}" for word in ("reach", "skipped")}
    return {re.sub(r"\{\w+\}", "{}", path) for path in found}


def literal(node: ast.expr) -> str | None:
    """Return the path that an expression of the client makes, its parts as `{}`."""
    match node:
        case ast.Constant(str(text)):
            return text
        case ast.JoinedStr(values):
            return "".join((literal(value) or "") for value in values)
        case ast.FormattedValue(ast.Call(ast.Name("repository_path"))):
            return "/api/repositories/{}"
        case ast.FormattedValue():
            return "{}"
        case ast.Call(ast.Name("job_path"), [_, *more]):
            return "/".join(["/api/jobs/{}", *(str(literal(part)) for part in more)])
        case _:
            return None


def asked() -> Iterator[tuple[str, str]]:
    """Yield (file, path) of everything that the client asks for."""
    for file in CLIENT:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            path = literal(node) if isinstance(node, ast.expr) else None
            at = path.find("/api/") if path else -1
            if path and at >= 0 and " " not in path and not path.endswith("/"):
                yield file.name, path[at:]


def test_the_client_asks_for_no_route_that_does_not_exist() -> None:
    known = routes()
    paths = dict.fromkeys(asked())
    assert len(paths) > 12
    assert [(file, path) for file, path in paths if path not in known] == []


def test_client_and_daemon_agree_on_the_names_of_a_jobs_fields() -> None:
    named = re.compile(r"""\bjob(?:\.get\(|\[)"(\w+)\"""")
    read = {name for file in CLIENT for name in named.findall(file.read_text("utf-8"))}
    assert len(read) > 15
    assert read - set(JobDocument.__annotations__) == set()

"""What keeps the house in shape: import contracts run in `make lint`, budgets here."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted(path for name in ("cidx", "cidxd") for path in (ROOT / name).rglob("*.py"))
MODULE_LINES = 300
FUNCTION_LINES = 40


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text())
    return [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_and_functions_stay_within_their_budgets(path: Path) -> None:
    assert path.read_text().count("\n") <= MODULE_LINES
    too_long = {f.name: body_lines(f) for f in functions(path) if body_lines(f) > FUNCTION_LINES}
    assert not too_long


def test_most_functions_are_short() -> None:
    lengths = sorted(body_lines(function) for path in SOURCES for function in functions(path))
    assert lengths[len(lengths) // 2] <= 10
    assert lengths[len(lengths) * 9 // 10] <= 20


def test_every_package_says_what_it_is_and_holds_nothing_else() -> None:
    for path in (path for path in SOURCES if path.name == "__init__.py"):
        tree = ast.parse(path.read_text())
        assert ast.get_docstring(tree), path
        assert len(tree.body) == 1, path


def test_no_module_is_a_drawer_for_anything() -> None:
    names = {path.stem for path in SOURCES}
    assert not names & {"utils", "helpers", "common", "base", "misc", "manager"}

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sandbox import Checkout

from cidxd.indexer import catalog_definitions, children, epoch, parsing
from cidxd.indexer.catalog_writer import CatalogWriter
from cidxd.indexer.contents import Contents
from cidxd.indexer.definition import Definition
from cidxd.indexer.symbol_pool import SymbolPool
from cidxd.indexer.symbol_worker import Task

_MANY = b"".join(b"def f%d(): pass\n" % n for n in range(20_000))  # more than a few


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "work")


def rows(index: Path, sql: str) -> list[Any]:
    current = epoch.current_epoch(index)
    assert current is not None
    with closing(sqlite3.connect(current / "catalog.db")) as db:
        return db.execute(sql).fetchall()


def symbols(index: Path) -> list[Any]:
    """Every definition by path, in order."""
    return rows(
        index,
        "SELECT CAST(path AS TEXT), line, kind, name, scope FROM entry JOIN symbol USING (blob_id)"
        " ORDER BY path, number",
    )


def waiting(index: Path) -> int:
    return int(rows(index, "SELECT count(*) FROM unparsed")[0][0])


def mirrored(checkout: Checkout, tmp_path: Path) -> Path:
    checkout.mirror(tmp_path / "mirror.git")
    return tmp_path / "mirror.git"


def test_a_sync_brings_the_symbols_with_the_text(
    build: Callable[..., Any], checkout: Checkout, tmp_path: Path
) -> None:
    checkout.commit(
        {"a.py": "class A:\n    def m(self): pass\n", "b.go": "package b\nfunc B() {}\n"}
    )
    checkout.commit({"notes.txt": "def no(): pass\n"})
    build(mirrored(checkout, tmp_path))
    assert symbols(tmp_path / "index") == [
        ("a.py", 1, "class", "A", None),
        ("a.py", 2, "method", "m", "A"),
        ("b.go", 2, "function", "B", None),
    ]
    assert waiting(tmp_path / "index") == 0


def test_a_change_adds_its_own_and_content_that_comes_back_is_not_parsed_again(
    start: Callable[..., Any], checkout: Checkout, tmp_path: Path
) -> None:
    found = []
    for text in ("def a(): pass\n", "def b(): pass\n", "def a(): pass\n"):
        checkout.commit({"a.py": text})
        child = start(mirrored(checkout, tmp_path))
        child.until("ready")
        child.publish()
        [done] = [m for m in child.messages if m.get("name") == "index" and "counters" in m]
        found.append((done["counters"]["symbols"], symbols(tmp_path / "index")[0][3]))
    assert found == [(1, "a"), (1, "b"), (0, "a")]


def test_a_blob_is_of_the_first_path_that_has_a_language(
    build: Callable[..., Any], checkout: Checkout, tmp_path: Path
) -> None:
    checkout.commit({"a.txt": "def a(): pass\n", "b.py": "def a(): pass\n"})
    build(mirrored(checkout, tmp_path))
    assert [row[0] for row in symbols(tmp_path / "index")] == ["a.txt", "b.py"]


def test_much_content_is_parsed_by_workers_within_the_build(
    build: Callable[..., Any], checkout: Checkout, tmp_path: Path
) -> None:
    checkout.commit({f"{n}.py": _MANY.decode() + f"\nx = {n}\n" for n in range(3)})
    build(mirrored(checkout, tmp_path))
    assert len(symbols(tmp_path / "index")) == 3 * 20_000
    assert waiting(tmp_path / "index") == 0


def test_a_build_over_the_limit_leaves_symbols_waiting_and_they_are_made_later(
    start: Callable[..., Any], checkout: Checkout, tmp_path: Path
) -> None:
    index = tmp_path / "index"
    checkout.commit({f"{n}.py": f"def f{n}(): pass\n" for n in range(20)})
    child = start(mirrored(checkout, tmp_path), symbol_bytes=100)
    child.until("ready")
    child.publish()
    assert (symbols(index), waiting(index)) == ([], 20)

    current = epoch.current_epoch(index)
    assert current is not None
    with closing(CatalogWriter(current)) as catalog, Contents(current, catalog) as contents:
        left = parsing.parse_some(catalog, current, contents.read, "tree-sitter", budget_s=60)
        assert left == catalog_definitions.count_unparsed(catalog) == 0
    assert len(symbols(index)) == 20


def test_what_waits_is_made_by_the_next_build_if_it_is_little(
    start: Callable[..., Any], build: Callable[..., Any], checkout: Checkout, tmp_path: Path
) -> None:
    checkout.commit({"a.py": "def a(): pass\n"})
    child = start(mirrored(checkout, tmp_path), symbol_bytes=1)
    child.until("ready")
    child.publish()
    assert waiting(tmp_path / "index") == 1
    checkout.commit({"b.py": "def b(): pass\n"})
    build(mirrored(checkout, tmp_path))
    assert [row[3] for row in symbols(tmp_path / "index")] == ["a", "b"]
    assert waiting(tmp_path / "index") == 0


def test_without_symbols_none_are_made_and_turning_them_on_builds_anew(
    start: Callable[..., Any], build: Callable[..., Any], checkout: Checkout, tmp_path: Path
) -> None:
    checkout.commit({"a.py": "def a(): pass\n"})
    child = start(mirrored(checkout, tmp_path), symbols="off")
    child.until("ready")
    child.publish()
    before = epoch.current_epoch(tmp_path / "index")
    assert (symbols(tmp_path / "index"), waiting(tmp_path / "index")) == ([], 0)
    build(mirrored(checkout, tmp_path))
    assert epoch.current_epoch(tmp_path / "index") != before
    assert len(symbols(tmp_path / "index")) == 1


def test_content_that_once_killed_its_build_is_left_to_a_worker(tmp_path: Path) -> None:
    (tmp_path / "PARSING").touch()
    finder = parsing.Finder("tree-sitter", tmp_path)
    finder.put(Task(b"1", "python", b"def a(): pass"))
    finder.finish()
    assert finder._pool is not None
    assert finder.take() == {b"1": [Definition("a", "function", 1, None)]}
    assert not (tmp_path / "PARSING").exists()


@pytest.fixture
def pool() -> Iterator[SymbolPool]:
    pool = SymbolPool("tree-sitter", 1)
    yield pool
    pool.abandon()
    assert children.are_gone()


def test_a_pool_finds_what_is_in_every_content(pool: SymbolPool) -> None:
    for n in range(300):
        pool.put(Task(b"%d" % n, "python", b"def f%d(): pass\n" % n + b"#" * 2000))
    pool.finish()
    found = pool.take()
    assert {oid: rows[0].name for oid, rows in found.items()} == {
        b"%d" % n: f"f{n}" for n in range(300)
    }


def test_a_pool_tells_of_its_parts_while_it_is_waited_for(pool: SymbolPool) -> None:
    told: list[int] = []
    for number in range(8):
        pool.put(Task(bytes([number]), "python", b"def f(): pass\n" * 10_000))
    pool.finish(lambda: told.append(1))
    assert told


def test_a_worker_that_is_killed_costs_at_most_its_content(pool: SymbolPool) -> None:
    pool.put(Task(b"1", "python", _MANY))
    while not children._running:  # a thread is starting it
        os.sched_yield()
    os.kill(next(iter(children._running)).pid, signal.SIGKILL)
    for n in range(2, 60):
        pool.put(Task(b"%d" % n, "python", b"def f(): pass\n" * 200))
    pool.finish()
    found = pool.take()
    assert len(found) == 59
    assert all(found[b"%d" % n] for n in range(2, 60))


def test_a_silent_worker_is_ended_and_its_content_has_no_definitions() -> None:
    pool = SymbolPool("tree-sitter", 1, silent_s=0.0)
    pool.put(Task(b"1", "python", b"def f(): pass\n"))
    pool.finish()
    assert pool.take() == {b"1": []}
    assert children.are_gone()


def test_an_abandoned_pool_leaves_no_process(pool: SymbolPool) -> None:
    for n in range(40):
        pool.put(Task(b"%d" % n, "python", _MANY))
    pool.abandon()
    assert children.are_gone()


def test_what_an_abandoned_pool_was_at_is_not_taken_for_content_without_definitions(
    pool: SymbolPool,
) -> None:
    for n in range(4):
        pool.put(Task(b"%d" % n, "python", _MANY))
    while not children._running:  # a thread is starting it
        os.sched_yield()
    pool.abandon()
    assert [oid for oid, found in pool.take().items() if not found] == []


def test_a_build_that_gives_its_symbols_up_leaves_every_content_waiting(
    start: Callable[..., Any], checkout: Checkout, tmp_path: Path
) -> None:
    checkout.commit({f"{n}.py": _MANY.decode() + f"\nx = {n}\n" for n in range(6)})
    child = start(mirrored(checkout, tmp_path), symbol_bytes=5 * len(_MANY))
    child.until("ready")
    child.publish()
    with_symbols = len({row[0] for row in symbols(tmp_path / "index")})
    assert with_symbols + waiting(tmp_path / "index") == 6


def test_a_process_that_is_closing_down_does_not_go_on_without_its_workers() -> None:
    program = """if True:
        import threading
        from cidxd.indexer import children
        from cidxd.indexer.symbol_pool import SymbolPool
        from cidxd.indexer.symbol_worker import Task

        pool = SymbolPool("tree-sitter", 1)
        pool.put(Task(b"1", "python", b"def f(): pass\\n" * 20_000))
        while not children._running:
            pass
        children.close_down()
        finishing = threading.Thread(target=pool.finish, daemon=True)
        finishing.start()
        finishing.join(1.0)
        print(finishing.is_alive(), pool.take())
    """
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert ended.stdout == b"True {}\n"


def test_content_of_a_language_without_a_grammar_has_no_definitions(pool: SymbolPool) -> None:
    pool.put(Task(b"1", "cobol", b"x"))
    pool.finish()
    assert pool.take() == {b"1": []}

"""Definitions are found by name, best first, and come before other lines that have the name."""

from __future__ import annotations

import time
from typing import Any

import pytest

House = Any  # the fixture's class lives in conftest, which cannot be imported

SHAPES = """class Shape:
    def area(self):
        return 0

    def area_of_base(self):
        return area()


class Square(Shape):
    def area(self):
        return self.side ** 2
"""
USES = """import shapes

total_area = shapes.Square().area()


def area():
    return total_area
"""


@pytest.fixture
def filled(house: House) -> Any:
    house.checkout.commit(
        {"lib/shapes.py": SHAPES, "a_uses.py": USES, "tests/test_area.py": "def area(): pass\n"}
    )
    house.sync()
    return house


def defined(house: House, q: str, **more: Any) -> list[tuple[Any, ...]]:
    found = house.found(q, mode="symbol", **more)
    return [
        (m["path"], m["line"], m["symbol"]["kind"], m["symbol"]["scope"], m["symbol"]["name"])
        for m in found
    ]


def test_exact_names_come_first_then_beginnings_then_parts(filled: House) -> None:
    assert defined(filled, "area") == [
        ("a_uses.py", 6, "function", None, "area"),
        ("lib/shapes.py", 2, "method", "Shape", "area"),
        ("lib/shapes.py", 10, "method", "Square", "area"),
        ("tests/test_area.py", 1, "function", None, "area"),
        ("lib/shapes.py", 5, "method", "Shape", "area_of_base"),
        ("a_uses.py", 3, "variable", None, "total_area"),
    ]
    assert defined(filled, "quar") == [("lib/shapes.py", 9, "class", None, "Square")]
    assert defined(filled, "AREA") == []
    assert len(defined(filled, "AREA", case="insensitive")) == 6
    assert [row[4] for row in defined(filled, "SQ", case="insensitive")] == ["Square"]


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
@pytest.mark.parametrize("q", ["area", "a", "are"])
def test_pages_of_definitions_are_the_whole_answer_in_order(
    filled: House, q: str, limit: int
) -> None:
    assert defined(filled, q, limit=limit) == defined(filled, q)


def test_a_definition_shows_its_line_with_the_name_marked(filled: House) -> None:
    match = filled.found("Square", mode="symbol", context=1)[0]
    assert match["text"] == "class Square(Shape):"
    assert match["ranges"] == [[6, 12]]
    assert (match["column"], match["context_after"]) == (7, ["    def area(self):"])


def test_filters_count_for_definitions_too(filled: House) -> None:
    assert {row[0] for row in defined(filled, "area", path=["tests/"])} == {"tests/test_area.py"}
    assert defined(filled, "area", lang=["go"]) == []


@pytest.mark.parametrize("limit", [1, 4, 0])
def test_lines_that_define_the_pattern_come_before_other_lines(filled: House, limit: int) -> None:
    found = [(m["path"], m["line"]) for m in filled.found("area", limit=limit)]
    assert found[:4] == [
        ("a_uses.py", 6),
        ("lib/shapes.py", 2),
        ("lib/shapes.py", 10),
        ("tests/test_area.py", 1),
    ]
    assert len(found) == len(set(found))
    assert set(found) == filled.grep("area")
    rest = found[4:]
    assert rest == sorted(rest, key=lambda place: (place[0].startswith("tests/"), *place))


def test_a_pattern_that_no_definition_is_named_like_has_its_usual_order(filled: House) -> None:
    found = [(m["path"], m["line"]) for m in filled.found("area_of")]
    assert found == [("lib/shapes.py", 5)]


def test_many_definitions_are_walked_in_the_same_order_as_few(house: House) -> None:
    files = {f"d{n % 5}/f{n}.py": "def same(): pass\n\n\ndef other(): pass\n" for n in range(2100)}
    files |= {
        f"{path[:-3]}_more.py": f"def same_{path[4:-3]}(): pass\n" for path in list(files)[:30]
    }
    house.checkout.commit(files)
    house.sync()
    exact = [row[:2] for row in defined(house, "same", limit=700)]
    assert exact[:2100] == sorted((path, 1) for path in files if "more" not in path)
    assert len(exact) == 2130


def test_a_file_view_has_its_definitions(filled: House) -> None:
    _, body = filled.file("tests/test_area.py")
    assert body["symbols"] == [{"name": "area", "kind": "function", "scope": None, "line": 1}]


def test_symbols_left_by_a_large_build_are_made_by_upkeep(house: House, keep_up: Any) -> None:
    house.checkout.commit({f"f{n}.py": f"def name_{n}(): pass\n" for n in range(9)})
    house.sync(symbol_bytes=10)
    status, body = house.ask("name_3", mode="symbol")
    assert (status, body["searched"][0]["symbols"]) == (200, "0 of 9 files")
    counters = keep_up(house.index)
    assert counters["parsed_blobs"] == 9
    status, body = house.ask("name_3", mode="symbol")
    assert body["searched"][0]["symbols"] == "complete"
    assert [match["path"] for match in body["matches"]] == ["f3.py"]


def test_a_cursor_is_gone_once_upkeep_has_found_lines_that_come_first(
    house: House, keep_up: Any
) -> None:
    house.checkout.commit({"a.py": "name = 1\n" * 3, "b.txt": "def name(): pass\n"})
    house.checkout.commit({"c.py": "def name(): pass\n"})
    house.sync(symbol_bytes=0)
    _, body = house.ask("name", limit=2)
    status, again = house.ask("name", limit=2, cursor=body["next_cursor"])
    assert status == 200
    assert len(again["matches"]) == 2
    keep_up(house.index)
    status, again = house.ask("name", limit=2, cursor=body["next_cursor"])
    assert (status, again.get("code")) == (410, "results-moved")
    assert {(m["path"], m["line"]) for m in house.found("name", limit=2)} == house.grep("name")


def test_an_index_without_symbols_says_so(house: House) -> None:
    house.checkout.commit({"f.py": "def name(): pass\n"})
    house.sync(symbols="off")
    _, body = house.ask("name", mode="symbol")
    assert (body["matches"], body["searched"][0]["symbols"]) == ([], "off")
    assert house.lines("name") == {("f.py", 1)}


@pytest.mark.parametrize(
    ("q", "names"),
    [
        ("\u00e9COLE", ["\u00c9cole", "\u00c9coleNormale", "Grande\u00c9cole"]),
        ("\u03c3\u03b9\u03b3\u03bc\u03b1", ["\u03a3\u0399\u0393\u039c\u0391"]),
        ("stra\u1e9ee", ["Stra\u00dfe"]),
        ("STRASSE", []),
        ("\u212aelvin", ["kelvin"]),
    ],
)
def test_names_beyond_ascii_lose_their_case_as_lines_do(
    house: House, q: str, names: list[str]
) -> None:
    told = ["\u00c9cole", "\u00c9coleNormale", "Grande\u00c9cole", "Stra\u00dfe", "kelvin"]
    told.append("\u03a3\u0399\u0393\u039c\u0391")
    house.checkout.commit({"a.py": "".join(f"class {name}: pass\n" for name in told)})
    house.sync()
    found = house.found(q, mode="symbol", case="insensitive")
    assert [match["symbol"]["name"] for match in found] == names
    assert all(start < end for match in found for start, end in match["ranges"])


@pytest.mark.parametrize("count", [4000, 12_000])
def test_thousands_of_definitions_of_one_name_in_one_file_take_no_square_of_time(
    house: House, count: int
) -> None:
    house.checkout.commit({"many.py": "def same(): pass\n" * count})
    house.sync()
    started = time.monotonic()
    for mode in ("symbol", "literal"):
        assert [m["line"] for m in house.found("same", mode=mode)] == [*range(1, count + 1)]
    assert time.monotonic() - started < 10  # it was minutes

from __future__ import annotations

from typing import Any

from cidx.matches import Listing, files, marked, printable


def match(path: str, line: int, text: str, **more: Any) -> dict[str, Any]:
    return {"repository": "r", "path": path, "line": line, "text": text, "ranges": [[0, 2]], **more}


FOUND = [match("a.py", 3, "de f"), match("a.py", 9, "def"), match("b/c.py", 1, "deff")]


def lines(matches: list[dict[str, Any]], **how: bool) -> list[str]:
    settled = {"is_grouped": False, "is_colored": False, "has_many": False, "has_context": False}
    listing = Listing(**{**settled, **how})
    return [*(line for one in matches for line in listing.lines(one)), *listing.rest()]


def test_a_pipe_gets_path_line_and_text() -> None:
    assert lines(FOUND) == ["a.py:3:de f", "a.py:9:def", "b/c.py:1:deff"]


def test_a_terminal_gets_each_path_once_as_a_heading() -> None:
    assert lines(FOUND, is_grouped=True) == [
        *("a.py", "3: de f", "9: def"),
        *("", "b/c.py", "1: deff"),
    ]


def test_with_several_repositories_the_path_says_which() -> None:
    assert lines(FOUND[:1], has_many=True) == ["r:a.py:3:de f"]


def test_context_lines_are_marked_with_a_dash_and_shared_ones_printed_once() -> None:
    near = [
        match("a.py", 2, "de", context_before=["one"], context_after=["three"]),
        match("a.py", 4, "de", context_before=["three"], context_after=["five"]),
        match("a.py", 9, "de", context_before=["eight"], context_after=[]),
        match("b.py", 1, "de", context_before=[], context_after=["two"]),
    ]
    assert lines(near, has_context=True) == [
        *("a.py-1-one", "a.py:2:de", "a.py-3-three", "a.py:4:de", "a.py-5-five"),
        *("--", "a.py-8-eight", "a.py:9:de"),
        *("--", "b.py:1:de", "b.py-2-two"),
    ]


def test_hits_are_bold_red_by_code_points() -> None:
    assert marked("äbc def", [[0, 1], [4, 7]]) == "\x1b[1;31mä\x1b[0mbc \x1b[1;31mdef\x1b[0m"
    assert marked("short", [[3, 99]]) == "short"


def test_file_content_cannot_drive_the_terminal() -> None:
    assert printable("a\tb\x1b[2J\rc") == "a\tb�[2J�c"
    assert lines([match("x\x1b]0;y", 1, "z")]) == ["x�]0;y:1:z"]


def test_a_match_by_path_alone_has_no_line() -> None:
    assert lines([match("logo.png", 0, "")]) == ["logo.png"]


def test_files_are_counted_in_the_servers_order() -> None:
    assert files(FOUND) == [
        {"repository": "r", "path": "a.py", "count": 2},
        {"repository": "r", "path": "b/c.py", "count": 1},
    ]


def test_files_whose_names_look_the_same_are_told_apart() -> None:
    one = match("x\ufffd", 1, "de", path_base64="eP8=")
    other = match("x\ufffd", 1, "de", path_base64="eP4=")
    assert [file["path_base64"] for file in files([one, other, other])] == ["eP8=", "eP4="]
    assert lines([one, other], is_grouped=True) == ["x\ufffd", "1: de", "", "x\ufffd", "1: de"]


def test_matches_within_the_context_of_others_are_printed_once_and_as_matches() -> None:
    text = ["def a", "def b", "no", "def c", "no", "no", "def d"]
    at = [1, 2, 4, 7]
    near = [
        match(
            "a.py",
            number,
            text[number - 1],
            context_before=text[max(0, number - 3) : number - 1],
            context_after=text[number : number + 2],
        )
        for number in at
    ]
    assert lines(near, has_context=True, is_grouped=True) == [
        "a.py",
        *(f"{n}{':' if n in at else '-'} {line}" for n, line in enumerate(text, 1)),
    ]


def test_a_definition_says_what_it_is_and_within_what() -> None:
    symbol = {"name": "de", "kind": "method", "scope": "Foo"}
    inside = match("a.py", 3, "de f", symbol=symbol)
    outside = match("a.py", 9, "de g", symbol={**symbol, "scope": None})
    assert lines([inside, outside]) == [
        "a.py:3:de f\tmethod Foo.de",
        "a.py:9:de g\tmethod de",
    ]
    assert lines([inside, outside], is_grouped=True) == [
        *("a.py", "3: de f  [method of Foo]", "9: de g  [method]"),
    ]


def test_a_file_whose_definition_came_first_is_shown_from_its_beginning_again() -> None:
    found = [
        match("a.py", 9, "de", context_before=["eight"], context_after=["ten"]),
        match("a.py", 2, "de", context_before=["one"], context_after=["three"]),
    ]
    assert lines(found, has_context=True) == [
        *("a.py-8-eight", "a.py:9:de", "a.py-10-ten"),
        *("--", "a.py-1-one", "a.py:2:de", "a.py-3-three"),
    ]


def test_counts_of_the_server_are_taken() -> None:
    counted = [{"repository": "r", "path": "a.py", "count": 7, "commit": "1"}]
    assert files(counted) == [{"repository": "r", "path": "a.py", "count": 7}]

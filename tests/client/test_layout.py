from __future__ import annotations

import pytest

from cidx import layout
from cidx.layout import Column

COLUMNS = (Column("ID"), Column("NAME", least=6), Column("WHERE", least=6, keeps_end=True))
ROWS = (("1", "the-first-name", "https://example.org/app.git"), ("2", "two", "-"))


def test_what_is_cut_says_so_at_either_end() -> None:
    assert layout.cut("needle", 6) == "needle"
    assert layout.cut("needle", 5) == "need…"
    assert layout.cut("needle", 5, keeps_end=True) == "…edle"
    assert [layout.cut("needle", width) for width in (1, 0)] == ["…", ""]


def test_a_line_that_fits_or_goes_to_no_terminal_stays_as_it_is() -> None:
    line = "  files     166 files: 166 added, 0 modified"
    assert layout.wrapped([line, ""], len(line)) == [line, ""]
    assert layout.wrapped([line], None) == [line]


def test_a_long_line_is_broken_after_a_comma_and_goes_on_below_its_words() -> None:
    line = "  files     166 files: 166 added, 0 modified, 0 deleted, 0 renamed"
    assert layout.wrapped([line], 50) == [
        "  files     166 files: 166 added, 0 modified,",
        "            0 deleted, 0 renamed",
    ]


def test_a_phase_goes_on_below_its_counts_or_its_time_where_there_is_no_room() -> None:
    line = "index          0.55 s  4,632 symbols, 206 files indexed"
    assert layout.wrapped([line], 50) == [
        "index          0.55 s  4,632 symbols,",
        "                       206 files indexed",
    ]
    assert layout.wrapped([line], 38) == [
        "index          0.55 s  4,632 symbols,",
        "            206 files indexed",
    ]


def test_words_are_never_broken() -> None:
    word = "https://example.org/a/very/long/address.git"
    lines = layout.wrapped([f"  error     it failed: {word} is not there"], 30)
    assert [line.strip() for line in lines] == ["error     it failed:", word, "is not there"]


def test_a_table_for_a_pipe_has_everything() -> None:
    assert layout.table(COLUMNS, ROWS, None) == [
        "ID  NAME            WHERE",
        "1   the-first-name  https://example.org/app.git",
        "2   two             -",
    ]


def test_a_narrow_table_cuts_addresses_first_and_then_what_is_widest() -> None:
    assert layout.table(COLUMNS, ROWS, 30)[1] == "1   the-first-name  …g/app.git"
    assert layout.table(COLUMNS, ROWS, 20)[1] == "1   the-fir…  …p.git"


def test_where_columns_do_not_fit_each_row_is_a_heading_with_the_rest_below() -> None:
    assert layout.table(COLUMNS, ROWS, 16, heads=2) == [
        "1  the-first-na…",
        "  https://example.org/app.git",
        "2  two",
    ]


@pytest.mark.parametrize("width", range(20, 60))
def test_no_row_is_wider_than_the_terminal(width: int) -> None:
    assert all(len(line) <= width for line in layout.table(COLUMNS, ROWS, width))

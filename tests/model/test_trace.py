from __future__ import annotations

import pytest

from cidxd.model import trace

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{PARENT}-01"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (GOOD, GOOD),
        (f" {GOOD} ", GOOD),
        (f"cc-{TRACE}-{PARENT}-01-what-comes-later", f"cc-{TRACE}-{PARENT}-01-what-comes-later"),
        (None, None),
        ("", None),
        (GOOD.upper(), None),
        (f"ff-{TRACE}-{PARENT}-01", None),
        (f"00-{'0' * 32}-{PARENT}-01", None),
        (f"00-{TRACE}-{'0' * 16}-01", None),
        (f"{GOOD}-more", None),
        (f"00-{TRACE[1:]}-{PARENT}-01", None),
        (f"{GOOD}\nX-Other: 1", None),
        (f"cc-{TRACE}-{PARENT}-01-{'x' * 300}", None),
    ],
)
def test_a_traceparent_is_kept_as_it_is_or_passed_over(sent: str | None, kept: str | None) -> None:
    assert trace.checked(sent) == kept


def test_a_trace_has_an_id() -> None:
    assert trace.id_of(GOOD) == TRACE

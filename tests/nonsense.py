"""What hypothesis says to a daemon or its children: anything, and words that are nearly right."""

from __future__ import annotations

import json
import os
from typing import Any, Final

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from cidxd.indexer.protocol import LINE_LIMIT

IS_LONG: Final = "FUZZ_ROUNDS" in os.environ  # and each time another one
NASTY: Final = {
    "an empty line": b"",
    "zeros": b"\0" * 40,
    "bytes that are no text": b"\xff\xfe{}",
    "lists without an end": b"[" * 100_000,
    "objects without an end": b'{"a":' * 50_000 + b"1",
    "a line over the limit": b"x" * (LINE_LIMIT + 1),
    "a key that comes twice": b'{"type": "done", "type": "hello"}',
    "a number of 5000 digits": b'{"type": "progress", "done": ' + b"9" * 5000 + b"}",
    "a fault whose code is a list": b'{"type": "failed", "code": ["x"], "detail": {}}',
    "half a surrogate pair": b'{"type": "failed", "code": "\\ud800", "detail": "\\udfff"}',
    "an op in place of a type": b'{"op": "hello"}',
    "no number": b'{"type": "progress", "done": NaN, "total": Infinity, "unit": "files"}',
    "a type that is a list": b'{"type": [], "op": "x"}',
    "no object": b"7",
}


def often(rounds: int) -> settings:
    """Return how often to try: *rounds* times, or as `make fuzz` says."""
    return settings(
        max_examples=int(os.environ.get("FUZZ_ROUNDS", rounds)),
        deadline=None,
        derandomize=not IS_LONG,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


numbers = st.one_of(
    st.integers(), st.floats(), st.sampled_from([-1, 1 << 53, 1 << 63, 1 << 70, 10**400])
)
anything = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, st.text(max_size=20)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)
raw_lines = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(sorted(NASTY.values())),
    anything.map(lambda value: json.dumps(value).encode()),
)


@st.composite
def spoiled(draw: st.DrawFn, message: Any) -> Any:
    """Return *message* with something else in one of its fields, of those within fields too."""
    whole = place = json.loads(json.dumps(message))
    while isinstance(place, dict) and place:
        name = draw(st.sampled_from(sorted(place)))
        inner = place[name]
        if isinstance(inner, list) and inner and draw(st.booleans()):
            inner = inner[0]
        if isinstance(inner, dict) and inner and draw(st.booleans()):
            place = inner
            continue
        place[name] = draw(anything)
        break
    return whole

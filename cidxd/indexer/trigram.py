"""
The trigram kernel: distinct trigrams of contents, their posting lists, and set operations on them.

A trigram is three bytes as a number, `b0 << 16 | b1 << 8 | b2`; one that contains a
newline is never indexed, since a match never spans lines.  A posting list is the
ascending numbers of the documents that have the trigram, as shortest varints: the
first number, then each distance to the one before, less one.  The form is canonical:
the pure Python path (little content, no import to pay for) and the numpy path write
the same bytes.  A compiled kernel would replace this module and nothing else.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from cidxd.indexer.condition import Condition, Every, Some

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

# Below this many bytes the pure path is faster than importing numpy (about 100 ms).
ENGINE: Final = "numpy"
PURE_BYTES: Final = 512 * 1024
_PURE_LIST_BYTES: Final = 2048
_NEWLINE: Final = 10
_CHUNK: Final = 1 << 20  # postings encoded at a time: bounds the temporaries
_VARINT_BITS: Final = 7


class Postings(NamedTuple):
    """
    The index of some documents, as the bytes that a segment stores.

    Attributes:
        keys: Ascending trigrams, u32 little-endian.
        ends: For each key, where its list ends in *lists*, u64 little-endian.
        lists: The posting lists, one after the other.
    """

    keys: bytes
    ends: bytes
    lists: bytes


class Collector:
    """Takes the documents of one segment in order and gives their postings."""

    def __init__(self, *, pure_bytes: int = PURE_BYTES) -> None:
        self._pure_bytes = pure_bytes
        self._total_bytes = 0
        self._sets: list[set[int]] = []
        self._arrays: list[Array] = []

    def add(self, content: bytes) -> None:
        """Take the next document."""
        self._total_bytes += len(content)
        if self._total_bytes <= self._pure_bytes:
            self._sets.append(_distinct_pure(content))
            return
        self._arrays.append(_distinct_array(content))

    def finish(self) -> Postings:
        """Return the postings of all documents taken; the collector is spent."""
        if not self._arrays:
            return _postings_pure(self._sets)
        import numpy as np  # noqa: PLC0415 - 100 ms that a small sync does not pay

        first = [np.fromiter(s, dtype=np.uint32, count=len(s)) for s in self._sets]
        arrays = first + self._arrays
        self._arrays = []
        return _postings_array(arrays)


def decode(data: bytes | memoryview) -> list[int]:
    """Return the document numbers of one posting list, ascending."""
    if len(data) <= _PURE_LIST_BYTES:
        return _decode_pure(data)
    return [int(number) for number in _decode_array(data)]


def candidates(
    condition: Condition, list_of: Callable[[int], bytes | memoryview]
) -> list[int] | None:
    """
    Return the documents, ascending, that satisfy *condition*; None if that is every document.

    Args:
        condition: See `condition`.
        list_of: Gives the posting list of a trigram, empty for one that does not occur.
    """
    found = _satisfying(condition, list_of)
    return None if found is None else sorted(found)


def _satisfying(
    condition: Condition, list_of: Callable[[int], bytes | memoryview]
) -> set[int] | None:
    match condition:
        case int():
            return set(decode(list_of(condition)))
        case Every(parts):
            kept: set[int] | None = None
            for found in (_satisfying(part, list_of) for part in parts):
                kept = found if kept is None else kept if found is None else kept & found
                if kept is not None and not kept:
                    break
            return kept
        case Some(parts):
            each = [_satisfying(part, list_of) for part in parts]
            known = [found for found in each if found is not None]
            return set().union(*known) if len(known) == len(each) else None


def _distinct_pure(content: bytes) -> set[int]:
    triples = set(zip(content, content[1:], content[2:], strict=False))
    return {a << 16 | b << 8 | c for a, b, c in triples if _NEWLINE not in (a, b, c)}


def _distinct_array(content: bytes) -> Array:
    import numpy as np  # noqa: PLC0415 - see Collector.finish

    if len(content) < 3:  # noqa: PLR2004 - a trigram has three bytes
        return np.empty(0, dtype=np.uint32)
    data = np.frombuffer(content, dtype=np.uint8)
    wide = data.astype(np.uint32)
    trigrams: Array = wide[:-2] << np.uint32(16)
    trigrams |= wide[1:-1] << np.uint32(8)
    trigrams |= wide[2:]
    line_end = data == _NEWLINE
    trigrams = trigrams[~(line_end[:-2] | line_end[1:-1] | line_end[2:])]
    trigrams.sort()
    if not len(trigrams):
        return trigrams
    first = np.empty(len(trigrams), dtype=bool)
    first[0] = True
    np.not_equal(trigrams[1:], trigrams[:-1], out=first[1:])
    distinct: Array = trigrams[first]
    return distinct


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 1 << _VARINT_BITS:
        out.append(value & 0x7F | 0x80)
        value >>= _VARINT_BITS
    out.append(value)
    return bytes(out)


def _postings_pure(sets: Sequence[set[int]]) -> Postings:
    lists: dict[int, bytearray] = {}
    previous: dict[int, int] = {}
    for document, trigrams in enumerate(sets):
        for trigram in trigrams:
            delta = document - previous.get(trigram, -1) - 1
            previous[trigram] = document
            lists.setdefault(trigram, bytearray()).extend(
                _varint(delta) if delta >= 1 << _VARINT_BITS else (delta,)
            )
    keys = sorted(lists)
    ends, end = [], 0
    for key in keys:
        end += len(lists[key])
        ends.append(end)
    return Postings(
        struct.pack(f"<{len(keys)}I", *keys),
        struct.pack(f"<{len(ends)}Q", *ends),
        b"".join(lists[key] for key in keys),
    )


def _sorted_pairs(arrays: list[Array]) -> Array:
    # One sort of 64-bit keys (trigram above, document below) is vectorised by
    # numpy; a stable sort by trigram alone is not, and takes three times as long.
    import numpy as np  # noqa: PLC0415 - see Collector.finish

    pairs = np.empty(sum(map(len, arrays)), dtype=np.uint64)
    at = 0
    for document, trigrams in enumerate(arrays):
        part = pairs[at : at + len(trigrams)]
        part[:] = trigrams
        part <<= np.uint64(32)
        part |= np.uint64(document)
        at += len(trigrams)
    arrays.clear()
    pairs.sort()
    return pairs


def _postings_array(arrays: list[Array]) -> Postings:
    import numpy as np  # noqa: PLC0415 - see Collector.finish

    pairs = _sorted_pairs(arrays)
    keys: list[Array] = []
    ends: list[Array] = []
    lists: list[bytes] = []
    written, previous = 0, None
    for start in range(0, len(pairs), _CHUNK):
        chunk = pairs[start : start + _CHUNK]
        trigrams = (chunk >> np.uint64(32)).astype(np.uint32)
        numbers = chunk.astype(np.uint32)
        first, deltas = _deltas(trigrams, numbers, previous)
        data, upto = _encode(deltas)
        # A list ends where the next one starts; its end is known only then.
        starts = np.flatnonzero(first)
        keys.append(trigrams[starts])
        ends.append(written + np.concatenate(([0], upto))[starts])
        lists.append(data)
        written += len(data)
        previous = (trigrams[-1], numbers[-1])
    begins = np.concatenate(ends) if ends else np.empty(0, dtype=np.uint64)
    all_ends = np.append(begins[1:], written) if len(begins) else begins
    all_keys = np.concatenate(keys) if keys else np.empty(0, dtype=np.uint32)
    return Postings(
        all_keys.astype("<u4").tobytes(), all_ends.astype("<u8").tobytes(), b"".join(lists)
    )


def _deltas(
    trigrams: Array, numbers: Array, previous: tuple[Any, Any] | None
) -> tuple[Array, Array]:
    """Return where a new list starts, and the value to write for each pair."""
    import numpy as np  # noqa: PLC0415 - see Collector.finish

    first = np.empty(len(trigrams), dtype=bool)
    np.not_equal(trigrams[1:], trigrams[:-1], out=first[1:])
    first[0] = previous is None or trigrams[0] != previous[0]
    deltas = numbers.copy()
    deltas[1:] -= numbers[:-1]
    if previous is not None and not first[0]:
        deltas[0] -= previous[1]
    deltas -= np.uint32(1)
    deltas[first] = numbers[first]
    return first, deltas


def _encode(values: Array) -> tuple[bytes, Array]:
    """Return the varints of *values*, and where each one ends."""
    import numpy as np  # noqa: PLC0415 - see Collector.finish

    lengths = np.ones(len(values), dtype=np.int64)
    for bits in (7, 14, 21, 28):
        lengths += values >= np.uint32(1 << bits)
    ends = np.cumsum(lengths)
    out = np.empty(int(ends[-1]), dtype=np.uint8)
    starts = ends - lengths
    for position in range(int(lengths.max())):
        here = np.flatnonzero(lengths > position) if position else slice(None)
        part = values[here] >> np.uint32(_VARINT_BITS * position)
        more = (lengths[here] > position + 1).astype(np.uint8) << np.uint8(_VARINT_BITS)
        out[starts[here] + position] = (part & np.uint32(0x7F)).astype(np.uint8) | more
    return out.tobytes(), ends


def _decode_pure(data: bytes | memoryview) -> list[int]:
    numbers, value, shift, current = [], 0, 0, -1
    for byte in data:
        value |= (byte & 0x7F) << shift
        if byte >= 1 << _VARINT_BITS:
            shift += _VARINT_BITS
            continue
        current += value + 1
        numbers.append(current)
        value = shift = 0
    return numbers


def _decode_array(data: bytes | memoryview) -> Array:
    import numpy as np  # noqa: PLC0415 - see Collector.finish

    raw = np.frombuffer(data, dtype=np.uint8)
    last = raw < (1 << _VARINT_BITS)
    if last.all():
        steps = raw.astype(np.intp)
        steps += 1
        numbers: Array = np.cumsum(steps, out=steps)
        numbers -= 1
        return numbers
    starts = np.concatenate(([0], np.flatnonzero(last)[:-1] + 1))
    owner: Array = np.cumsum(last) - last
    shifts = (np.arange(len(raw)) - starts[owner]) * _VARINT_BITS
    values = np.add.reduceat((raw & 0x7F).astype(np.int64) << shifts, starts)
    return np.cumsum(values + 1) - 1

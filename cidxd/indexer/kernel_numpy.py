"""The trigram kernel's twin: the same functions and the same bytes, for want of a compiler."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np

from cidxd.indexer.condition import Condition, Every, Some
from cidxd.indexer.postings import BLOCK_KEYS, MAX_DOCUMENTS, Postings

Array = np.ndarray[Any, Any]

ENGINE: Final = "numpy"
_NEWLINE: Final = 10
_CHUNK: Final = 1 << 20  # postings encoded at a time: bounds the temporaries
_VARINT_BITS: Final = 7
_VARINT_BYTES: Final = 5
_TRIGRAM_BYTES: Final = 3


class Collector:
    """Takes the documents of one segment in order and gives their postings."""

    def __init__(self) -> None:
        self._arrays: list[Array] = []

    def add(self, contents: Iterable[bytes]) -> None:
        """
        Take the next documents.

        Raises:
            OverflowError: A segment cannot hold so many.
        """
        for content in contents:
            if len(self._arrays) == MAX_DOCUMENTS:
                raise OverflowError("more than one segment may hold")
            self._arrays.append(_distinct(content))

    def finish(self) -> Postings:
        """Return the postings of all documents taken; the collector is spent."""
        documents = len(self._arrays)
        pairs = _sorted_pairs(self._arrays)
        if not len(pairs):
            return Postings(b"", b"", b"")
        first: list[Array] = []
        data: list[Array] = []
        ends: list[Array] = []
        written, previous = 0, np.uint64(0)
        for start in range(0, len(pairs), _CHUNK):
            chunk = pairs[start : start + _CHUNK]
            here, distances = _distances(chunk, previous if start else None)
            encoded, bounds = _encode(distances)
            first.append(here)
            data.append(encoded)
            ends.append(bounds[1:] + written)
            written += len(encoded)
            previous = chunk[-1]
        starts = np.flatnonzero(np.concatenate(first))
        bounds = np.append(np.concatenate(([0], *ends))[starts], written)
        numbers = pairs.astype(np.uint32)
        lists, bounds = _with_bitmaps(np.concatenate(data), bounds, numbers, starts, documents)
        keys = (pairs[starts] >> np.uint64(32)).astype(np.uint32)
        return Postings(*_directory(keys, bounds), lists.tobytes())


def candidates(condition: Condition, postings: Postings, documents: int) -> list[int]:
    """
    Return which of the *documents* satisfy *condition*, ascending.

    Raises:
        ValueError: The postings make no sense.
    """
    return [int(n) for n in np.flatnonzero(_satisfying(condition, postings, documents))]


def _distinct(content: bytes) -> Array:
    if len(content) < _TRIGRAM_BYTES:
        return np.empty(0, dtype=np.uint32)
    data = np.frombuffer(content, dtype=np.uint8)
    wide = data.astype(np.uint32)
    trigrams: Array = wide[:-2] << np.uint32(16)
    trigrams |= wide[1:-1] << np.uint32(8)
    trigrams |= wide[2:]
    line_end = data == _NEWLINE
    trigrams = trigrams[~(line_end[:-2] | line_end[1:-1] | line_end[2:])]
    trigrams.sort()
    distinct: Array = trigrams[_starts(trigrams)]
    return distinct


def _starts(values: Array) -> Array:
    """Return where a new value begins in an ascending array."""
    first = np.ones(len(values), dtype=bool)
    np.not_equal(values[1:], values[:-1], out=first[1:])
    return first


def _sorted_pairs(arrays: list[Array]) -> Array:
    # One sort of 64-bit keys (trigram above, document below) is vectorised by
    # numpy; a stable sort by trigram alone is not, and takes three times as long.
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


def _distances(pairs: Array, previous: Any) -> tuple[Array, Array]:  # noqa: ANN401 - a scalar
    """Return where a new list starts, and the value to write for each pair."""
    trigrams, numbers = pairs >> np.uint64(32), pairs.astype(np.uint32)
    first = _starts(trigrams)
    first[0] = previous is None or trigrams[0] != previous >> np.uint64(32)
    distances = numbers.copy()
    distances[1:] -= numbers[:-1]
    if not first[0]:
        distances[0] -= previous.astype(np.uint32)
    distances -= np.uint32(1)
    distances[first] = numbers[first]
    return first, distances


def _with_bitmaps(
    data: Array, bounds: Array, numbers: Array, starts: Array, documents: int
) -> tuple[Array, Array]:
    """Replace the lists that are no shorter than a bitmap by one; return lists and bounds."""
    sizes, size = np.diff(bounds), (documents + 7) // 8
    is_dense = sizes >= size
    rows = np.cumsum(is_dense) - 1
    counts = np.diff(np.append(starts, len(numbers)))
    chosen = numbers[np.repeat(is_dense, counts)]
    places = np.repeat(rows[is_dense], counts[is_dense]) * size + (chosen >> np.uint32(3))
    bitmaps = np.zeros(int(is_dense.sum()) * size, dtype=np.uint8)
    if len(places):
        bits = np.left_shift(1, chosen & np.uint32(7)).astype(np.uint8)
        first = np.flatnonzero(_starts(places))
        bitmaps[places[first]] = np.bitwise_or.reduceat(bits, first)
    new_sizes = np.where(is_dense, size, sizes)
    lists = np.empty(int(new_sizes.sum()), dtype=np.uint8)
    is_bitmap = np.repeat(is_dense, new_sizes)
    lists[is_bitmap] = bitmaps
    lists[~is_bitmap] = data[np.repeat(~is_dense, sizes)]
    return lists, np.concatenate(([0], np.cumsum(new_sizes)))


def _directory(keys: Array, bounds: Array) -> tuple[bytes, bytes]:
    """Return `blocks` and `keys`; the list of key i lies between bounds i and i + 1."""
    values = np.empty((len(keys), 2), dtype=np.uint32)
    values[1:, 0] = np.diff(keys) - 1
    values[:, 1] = np.diff(bounds) - 1
    is_written = np.ones(values.shape, dtype=bool)
    is_written[::BLOCK_KEYS, 0] = False
    data, places = _encode(values[is_written])
    # Up to block b there are two values for each key, less one for each block.
    blocks = np.arange(0, len(keys), BLOCK_KEYS)
    here = places[2 * blocks - blocks // BLOCK_KEYS]
    table = np.stack((keys[blocks], here, bounds[blocks]), axis=1)
    return table.astype("<u4").tobytes(), data.tobytes()


def _encode(values: Array) -> tuple[Array, Array]:
    """Return the varints of *values*, and where each one starts and the last one ends."""
    lengths = np.ones(len(values), dtype=np.int64)
    for bits in range(_VARINT_BITS, 32, _VARINT_BITS):
        lengths += values >= np.uint32(1 << bits)
    bounds = np.concatenate(([0], np.cumsum(lengths)))
    out = np.empty(int(bounds[-1]), dtype=np.uint8)
    for position in range(int(lengths.max())):
        here = np.flatnonzero(lengths > position) if position else slice(None)
        part = values[here] >> np.uint32(_VARINT_BITS * position)
        more = (lengths[here] > position + 1).astype(np.uint8) << np.uint8(_VARINT_BITS)
        out[bounds[:-1][here] + position] = (part & np.uint32(0x7F)).astype(np.uint8) | more
    return out, bounds


def _satisfying(condition: Condition, postings: Postings, documents: int) -> Array:
    match condition:
        case int():
            found = np.zeros(documents, dtype=bool)
            found[_decode(_find(condition, postings), documents)] = True
            return found
        case Every(parts):
            kept = np.ones(documents, dtype=bool)
            for part in parts:
                kept &= _satisfying(part, postings, documents)
                if not kept.any():
                    break
            return kept
        case Some(parts):
            kept = np.zeros(documents, dtype=bool)
            for part in parts:
                kept |= _satisfying(part, postings, documents)
            return kept


def _find(trigram: int, postings: Postings) -> bytes | memoryview:
    """Return the posting list of a trigram, empty if it does not occur."""
    blocks = np.frombuffer(postings.blocks, dtype="<u4").reshape(-1, 3)
    number = bisect_right(blocks[:, 0], trigram) - 1
    if number < 0:
        return b""
    key, place, start = map(int, blocks[number])
    end = int(blocks[number + 1][1]) if number + 1 < len(blocks) else len(postings.keys)
    if end > len(postings.keys):
        raise ValueError("a block lies outside of the keys")
    values = _varints(bytes(postings.keys[place:end]))
    for length in values:
        if key == trigram:
            found = postings.lists[start : start + length + 1]
            if len(found) != length + 1:
                raise ValueError("a posting list is cut short")
            return found
        start += length + 1
        key += next(values, trigram) + 1
        if key > trigram:
            return b""
    raise ValueError("a key has no length")


def _varints(data: bytes) -> Iterator[int]:
    value = shift = 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        shift += _VARINT_BITS
        if byte < 1 << _VARINT_BITS:
            yield value
            value = shift = 0
    if shift:
        raise ValueError("a key is cut short")


def _decode(data: bytes | memoryview, documents: int) -> Array:
    """Return the document numbers of one posting list, ascending."""
    raw = np.frombuffer(data, dtype=np.uint8)
    if not len(raw):
        return np.empty(0, dtype=np.int64)
    if len(raw) == (documents + 7) // 8:
        numbers = np.flatnonzero(np.unpackbits(raw, bitorder="little"))
    else:
        numbers = np.cumsum(_decoded_varints(raw) + 1) - 1
    if len(numbers) and numbers[-1] >= documents:
        raise ValueError("a posting list names a document that is not there")
    return numbers


def _decoded_varints(raw: Array) -> Array:
    last = raw < (1 << _VARINT_BITS)
    if not last[-1]:
        raise ValueError("a posting list is cut short")
    starts = np.concatenate(([0], np.flatnonzero(last)[:-1] + 1))
    positions = np.arange(len(raw)) - np.repeat(starts, np.diff(np.append(starts, len(raw))))
    if positions.max() >= _VARINT_BYTES:
        raise ValueError("a posting list holds a number that is too long")
    values: Array = np.add.reduceat(
        (raw & 0x7F).astype(np.int64) << (positions * _VARINT_BITS), starts
    )
    return values

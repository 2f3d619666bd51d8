from __future__ import annotations

import struct

import pytest
from conditions import holds
from hypothesis import given, settings
from hypothesis import strategies as st

from cidxd.indexer import trigram
from cidxd.indexer.condition import Condition, every, some
from cidxd.indexer.trigram import Collector, Postings

_TEXTS = st.lists(
    st.one_of(st.binary(max_size=60), st.text("ab\n\r c", max_size=60).map(str.encode)), max_size=40
)


def _postings(texts: list[bytes], *, pure_bytes: int) -> Postings:
    collector = Collector(pure_bytes=pure_bytes)
    for text in texts:
        collector.add(text)
    return collector.finish()


def _lists(postings: Postings) -> dict[int, list[int]]:
    count = len(postings.keys) // 4
    keys = struct.unpack(f"<{count}I", postings.keys)
    ends = struct.unpack(f"<{count}Q", postings.ends)
    starts = (0, *ends[:-1]) if ends else ()
    return {
        key: trigram.decode(postings.lists[start:end])
        for key, start, end in zip(keys, starts, ends, strict=True)
    }


@given(_TEXTS, st.sampled_from([0, 50, 200]))
@settings(deadline=None, max_examples=50)
def test_the_numpy_path_and_the_pure_path_write_the_same_bytes(
    texts: list[bytes], pure_bytes: int
) -> None:
    assert _postings(texts, pure_bytes=pure_bytes) == _postings(texts, pure_bytes=1 << 30)


@given(_TEXTS)
@settings(deadline=None, max_examples=50)
def test_a_posting_list_names_the_documents_that_have_the_trigram(texts: list[bytes]) -> None:
    expected: dict[int, list[int]] = {}
    for number, text in enumerate(texts):
        triples = {text[i : i + 3] for i in range(len(text) - 2)}
        for triple in sorted(triples):
            if b"\n" not in triple:
                expected.setdefault(int.from_bytes(triple, "big"), []).append(number)

    assert _lists(_postings(texts, pure_bytes=1 << 30)) == expected


def test_lists_that_span_two_encoding_steps_are_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [b"abcdef" if number % 3 else b"xabcx" for number in range(500)]
    whole = _postings(texts, pure_bytes=1 << 30)

    monkeypatch.setattr(trigram, "_CHUNK", 7)

    assert _postings(texts, pure_bytes=0) == whole


@given(st.sets(st.integers(0, 3_000_000), max_size=50))
@settings(deadline=None, max_examples=50)
def test_long_distances_survive_both_decoders(numbers: set[int]) -> None:
    data, previous = bytearray(), -1
    for number in sorted(numbers):
        data += trigram._varint(number - previous - 1)
        previous = number

    assert trigram._decode_pure(bytes(data)) == sorted(numbers)
    if numbers:
        assert trigram._decode_array(bytes(data)).tolist() == sorted(numbers)


_CONDITIONS: st.SearchStrategy[Condition] = st.recursive(
    st.integers(0, 5),
    lambda parts: st.one_of(
        st.lists(parts, max_size=3).map(lambda chosen: every(*chosen)),
        st.lists(parts, max_size=3).map(lambda chosen: some(*chosen)),
    ),
    max_leaves=12,
)


@given(_CONDITIONS, st.lists(st.sets(st.integers(0, 5)), max_size=90))
@settings(deadline=None)
def test_candidates_are_the_documents_that_satisfy_the_condition(
    condition: Condition, documents: list[set[int]]
) -> None:
    def list_of(key: int) -> bytes:
        data, previous = bytearray(), -1
        for number in (n for n, trigrams in enumerate(documents) if key in trigrams):
            data += trigram._varint(number - previous - 1)
            previous = number
        return bytes(data)

    expected = [n for n, trigrams in enumerate(documents) if holds(condition, trigrams)]
    found = trigram.candidates(condition, list_of)
    assert (list(range(len(documents))) if found is None else found) == expected

"""Both trigram kernels: what they answer, and that they write the same bytes."""

from __future__ import annotations

import importlib
import itertools
import random
import struct
from collections.abc import Iterable
from types import ModuleType

import pytest
from conditions import holds
from hypothesis import given, settings
from hypothesis import strategies as st

from cidxd.indexer import kernel_numpy, trigram
from cidxd.indexer.condition import ANYTHING, NOTHING, Condition, Every, Some, every, some
from cidxd.indexer.postings import BLOCK_KEYS, MAX_DOCUMENTS, Postings


def _kernels() -> list[ModuleType]:
    if trigram.ENGINE == kernel_numpy.ENGINE:
        return [kernel_numpy]
    return [importlib.import_module("cidxd.indexer.kernel_native"), kernel_numpy]


KERNELS = _kernels()
each_kernel = pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.ENGINE)
both = pytest.mark.skipif(len(KERNELS) == 1, reason="the package was built without a compiler")

_TEXTS = st.lists(
    st.one_of(
        st.binary(max_size=60),
        st.text("ab\n\r c", max_size=60).map(str.encode),
        st.lists(st.sampled_from([b"\xff", b"\n", b"\0", b"\x0a\xff"]), max_size=30).map(b"".join),
    ),
    max_size=40,
)


def _postings(kernel: ModuleType, texts: Iterable[bytes]) -> Postings:
    collector = kernel.Collector()
    collector.add(texts)
    postings: Postings = collector.finish()
    return postings


def _trigrams(text: bytes) -> set[int]:
    triples = {text[at : at + 3] for at in range(len(text) - 2)}
    return {int.from_bytes(triple, "big") for triple in triples if b"\n" not in triple}


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _some_text(size: int, seed: int) -> bytes:
    words = random.Random(seed)  # noqa: S311 - any text that is the same every time
    return bytes(words.choices(b"abcdefghijklmno \n\xc3\xa4", k=size))


@both
@given(_TEXTS)
@settings(deadline=None)
def test_both_kernels_write_the_same_bytes(texts: list[bytes]) -> None:
    assert _postings(KERNELS[0], texts) == _postings(KERNELS[1], texts)


@both
@pytest.mark.parametrize(
    "texts",
    [
        [],
        [b""],
        [b"", b"ab", b"\n\n\n\n", b"a\nbc\nd"],
        [bytes(range(256)) * 3, b"\xff" * 1000, b"\n" * 1000, bytes(100)],
        [_some_text(300_000, 1), _some_text(5, 2)],
        [_some_text(400, seed) for seed in range(700)],
        [number.to_bytes(3, "big") for number in range(1 << 12)],
        [b"abc" if number % 300 else b"abcxyz" for number in range((1 << 16) + 300)],
        [random.Random(3).randbytes(1 << 20)],  # noqa: S311 - any bytes
    ],
    ids=["nothing", "empty", "tiny", "patterns", "large", "many", "keys", "documents", "random"],
)
def test_both_kernels_write_the_same_bytes_of_unusual_documents(texts: list[bytes]) -> None:
    postings = _postings(KERNELS[0], texts)

    assert postings == _postings(KERNELS[1], texts)
    wanted = some(*sorted(_trigrams(texts[-1]))[:50]) if texts else NOTHING
    found = [kernel.candidates(wanted, postings, len(texts)) for kernel in KERNELS]
    assert found[0] == found[1]


@both
def test_lists_that_span_two_encoding_steps_are_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [b"abcdef" if number % 3 else b"xabcx" for number in range(500)]

    monkeypatch.setattr(kernel_numpy, "_CHUNK", 7)

    assert _postings(kernel_numpy, texts) == _postings(KERNELS[0], texts)


@each_kernel
@given(texts=_TEXTS)
@settings(deadline=None, max_examples=50)
def test_every_trigram_leads_to_the_documents_that_have_it(
    kernel: ModuleType, texts: list[bytes]
) -> None:
    postings = _postings(kernel, texts)
    present = [_trigrams(text) for text in texts]

    for key in set[int]().union(*present, [0x616263, 0x0A0A0A, 0xFFFFFF]):
        expected = [number for number, trigrams in enumerate(present) if key in trigrams]
        assert kernel.candidates(key, postings, len(texts)) == expected


@each_kernel
def test_documents_taken_in_portions_are_one_index(kernel: ModuleType) -> None:
    texts = [_some_text(200, seed) for seed in range(30)]
    collector = kernel.Collector()
    for start in range(0, 30, 7):
        collector.add(texts[start : start + 7])

    assert collector.finish() == _postings(kernel, texts)


@each_kernel
def test_more_documents_than_a_segment_holds_are_refused(kernel: ModuleType) -> None:
    collector = kernel.Collector()
    collector.add([b""] * MAX_DOCUMENTS)

    with pytest.raises(OverflowError):
        collector.add([b""])


@each_kernel
def test_the_form_is_the_documented_one(kernel: ModuleType) -> None:
    keys = [b"%c%c%c" % (97 + number // 26, 97 + number % 26, 120) for number in range(100)]
    texts = [keys[0], *[b""] * 198, b"\n".join(keys)]

    blocks, data, lists = _postings(kernel, texts)

    numbers = [int.from_bytes(key, "big") for key in keys]
    assert lists == b"\x00" + _varint(198) + _varint(199) * 99
    steps = [_varint(b - a - 1) for a, b in itertools.pairwise(numbers)]
    lengths = [b"\x02", *[b"\x01"] * 99]
    entries = [step + length for step, length in zip(steps, lengths[1:], strict=True)]
    entries[BLOCK_KEYS - 1] = b"\x01"  # the second block's first: its key stands in blocks
    assert data == lengths[0] + b"".join(entries)
    start = len(lengths[0] + b"".join(entries[: BLOCK_KEYS - 1]))
    assert struct.unpack("<6I", blocks) == (numbers[0], 0, 0, numbers[64], start, 3 + 63 * 2)


@each_kernel
def test_a_list_that_is_no_shorter_than_a_bitmap_is_one(kernel: ModuleType) -> None:
    texts = [b"abc" if number in {0, 3, 9} else b"" for number in range(17)]
    assert _postings(kernel, texts).lists == bytes([0b1001, 0b10, 0])

    assert _postings(kernel, [*texts, *[b""] * 8]).lists == bytes([0, 2, 5])


_CONDITIONS: st.SearchStrategy[Condition] = st.recursive(
    st.sampled_from([int.from_bytes(b"a%cz" % number, "big") for number in b"abcdef"]),
    lambda parts: st.one_of(
        st.lists(parts, max_size=3).map(lambda chosen: every(*chosen)),
        st.lists(parts, max_size=3).map(lambda chosen: some(*chosen)),
        st.lists(parts, max_size=3).map(lambda chosen: Every(tuple(chosen))),
        st.lists(parts, max_size=3).map(lambda chosen: Some(tuple(chosen))),
    ),
    max_leaves=12,
)


@each_kernel
@given(condition=_CONDITIONS, documents=st.lists(st.text("abcdef", max_size=6), max_size=90))
@settings(deadline=None)
def test_candidates_are_the_documents_that_satisfy_the_condition(
    kernel: ModuleType, condition: Condition, documents: list[str]
) -> None:
    texts = [b"\n".join(b"a%cz" % ord(c) for c in letters) for letters in documents]
    postings = _postings(kernel, texts)

    expected = [n for n, text in enumerate(texts) if holds(condition, _trigrams(text))]
    assert kernel.candidates(condition, postings, len(texts)) == expected


@each_kernel
def test_a_deep_condition_is_no_trouble(kernel: ModuleType) -> None:
    texts = [b"abc", b"xyz", b"abcxyz"]
    condition: Condition = int.from_bytes(b"abc", "big")
    for number in range(100):
        condition = (Every if number % 2 else Some)((condition, condition))
        condition = Some((NOTHING, Every((ANYTHING, condition.parts[0]))))

    assert kernel.candidates(condition, _postings(kernel, texts), 3) == [0, 2]


_ABC = int.from_bytes(b"abc", "big")
_BLOCK = struct.pack("<3I", _ABC, 0, 0)


@each_kernel
@pytest.mark.parametrize(
    ("postings", "documents"),
    [
        (Postings(_BLOCK, b"\x05", b"\x00"), 100),  # the list ends behind the lists
        (Postings(_BLOCK, b"\x80", b"\x00"), 100),  # a length that is cut short
        (Postings(_BLOCK, b"", b"\x00"), 100),  # no length
        (Postings(_BLOCK, b"\x00", b"\x80"), 100),  # a distance that is cut short
        (Postings(_BLOCK, b"\x00", b"\x64"), 100),  # a document that is not there
        (Postings(_BLOCK, b"\x01", b"\x63\x00"), 100),  # the second one is not there
        (Postings(_BLOCK, b"\x05", b"\xff\xff\xff\xff\xff\x00"), 100),  # a number too long
        (Postings(_BLOCK, b"\x01", b"\x00\x08"), 11),  # a bitmap with a bit too many
        (Postings(struct.pack("<3I", _ABC, 9, 0), b"\x00", b"\x00"), 100),  # keys from nowhere
        (Postings(struct.pack("<3I", _ABC, 0, 9), b"\x00", b"\x00"), 100),  # list from nowhere
        (Postings(_BLOCK[:-1], b"\x00", b"\x00"), 100),  # half a block
        (Postings(_BLOCK + struct.pack("<3I", 1 << 24, 99, 0), b"\0", b"\0"), 100),
    ],
)
def test_parts_that_make_no_sense_are_refused(
    kernel: ModuleType, postings: Postings, documents: int
) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the words differ
        kernel.candidates(_ABC, postings, documents)


@each_kernel
@given(
    texts=st.lists(st.text("ab", max_size=9).map(str.encode), min_size=1, max_size=30),
    places=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 500), st.integers(0, 255))),
    documents=st.integers(0, 64),
)
@settings(deadline=None)
def test_damage_is_refused_or_gives_documents_that_exist(
    kernel: ModuleType, texts: list[bytes], places: list[tuple[int, int, int]], documents: int
) -> None:
    parts = [bytearray(part) for part in _postings(kernel_numpy, texts)]
    for part, at, value in places:
        if parts[part]:
            parts[part][at % len(parts[part])] = value
    damaged = Postings(*map(bytes, parts))

    for key in _trigrams(b"aaababbbabaab"):
        try:
            found = kernel.candidates(key, damaged, documents)
        except ValueError:
            continue
        assert found == sorted(set(found))
        assert not found or (found[0] >= 0 and found[-1] < documents)


@both
def test_the_native_collector_refuses_what_it_cannot_take() -> None:
    collector = KERNELS[0].Collector()
    with pytest.raises(TypeError):
        collector.add([b"fine", "text"])
    with pytest.raises(TypeError):
        collector.add(None)
    collector.add([memoryview(b"xabcx")[1:4], bytearray(b"xyz")])

    assert KERNELS[0].candidates(_ABC, collector.finish(), 3) == [0]


@both
@pytest.mark.parametrize(
    "program",
    [
        [], [1 << 25], [5, 5], [1 << 24, (1 << 24) + 2], [(1 << 24) + 4], [(1 << 24) + 4, 0],
        [1 << 24, (1 << 24) + 4, 1], [1 << 24, (1 << 24) + 4],
    ],
)  # fmt: skip
def test_a_program_that_makes_no_sense_is_refused(program: list[int]) -> None:
    native = importlib.import_module("cidxd.indexer._kernel")
    code = struct.pack(f"={len(program)}I", *program)

    with pytest.raises(ValueError, match="program"):
        native.candidates(*_postings(kernel_numpy, [b"abc"]), 1, code)
    with pytest.raises(ValueError, match="program"):
        native.candidates(*_postings(kernel_numpy, [b"abc"]), 1, code + b"\0")


@both
def test_both_kernels_know_the_same_limits() -> None:
    native = importlib.import_module("cidxd.indexer._kernel")
    assert native.MAX_DOCUMENTS == MAX_DOCUMENTS

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cidxd.indexer.casing import fold, variants


@given(st.text(max_size=5))
def test_texts_fold_to_one_exactly_if_they_are_equal_but_for_case(text: str) -> None:
    assert len(fold(text)) == len(text)
    assert fold(fold(text)) == fold(text)
    for at, character in enumerate(text):
        for other in variants(character):
            assert fold(text[:at] + other + text[at + 1 :]) == fold(text)


def test_what_folds_to_one_is_a_variant() -> None:
    letters = [chr(code) for code in range(0x2200) if not 0xD800 <= code < 0xE000]
    folded: dict[str, set[str]] = {}
    for letter in letters:
        folded.setdefault(fold(letter), set()).add(letter)
    for group in folded.values():
        assert all(group <= set(variants(letter)) for letter in group)

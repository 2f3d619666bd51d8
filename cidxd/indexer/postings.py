"""
The trigram index of a segment, as it is stored.

Three parts: `lists`, the posting lists one after the other in the order of their trigrams;
`keys`, the trigrams and the lengths of their lists, as varints; and `blocks`, which leads to
every 64th key.  docs/index-format.md has the particulars.  Both kernels write the same bytes.
"""

from __future__ import annotations

from typing import Final, NamedTuple

MAX_DOCUMENTS: Final = 1 << 20  # of one segment
BLOCK_KEYS: Final = 64


class Postings(NamedTuple):
    """
    Which documents have a trigram.

    Attributes:
        blocks: For every 64th key three u32: its trigram, where it starts in *keys*, where
            its list starts in *lists*.
        keys: For each key, two varints: how far it is from the key before, less one (not
            for the first of a block), and the bytes of its list, less one.
        lists: For each key the ascending numbers of the documents, as varints: the first
            number, then how far each is from the one before, less one.  A list that would
            not be shorter than a bitmap of all documents is that bitmap, lowest bit first.
    """

    blocks: bytes | memoryview
    keys: bytes | memoryview
    lists: bytes | memoryview

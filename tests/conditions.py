from __future__ import annotations

from cidxd.indexer.condition import Condition, Every


def holds(condition: Condition, trigrams: set[int]) -> bool:
    """Whether a document with these trigrams satisfies *condition*, by the words' own meaning."""
    if isinstance(condition, int):
        return condition in trigrams
    parts = [holds(part, trigrams) for part in condition.parts]
    return all(parts) if isinstance(condition, Every) else any(parts)

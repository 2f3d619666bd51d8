"""
The keys that sign access tokens: the newest signs, the ones before it verify for a while.

A key's id is random and looked up as it is; it never names a file.
"""

from __future__ import annotations

import dataclasses

from cidxd.model.registry import State
from cidxd.model.signing_key import SigningKey


def current(state: State) -> SigningKey:
    """Return the key that signs; there always is one."""
    return next(key for key in state.signing_keys.values() if key.good_until is None)


def verifying(state: State, key_id: str, *, now: float) -> SigningKey | None:
    """Return the key of that id, if it still verifies."""
    key = state.signing_keys.get(key_id)
    is_good = key is not None and (key.good_until is None or now < key.good_until)
    return key if is_good else None


def rotate(state: State, fresh: SigningKey, *, kept_s: float, now: float) -> SigningKey:
    """Sign with *fresh* from now on; no key before it verifies for more than *kept_s* seconds."""
    for key in list(state.signing_keys.values()):
        until = now + kept_s if key.good_until is None else min(key.good_until, now + kept_s)
        state.signing_keys.put(key.key_id, dataclasses.replace(key, good_until=until))
    state.signing_keys.put(fresh.key_id, fresh)
    drop_retired(state, now=now)
    state.note("keys.rotated", fresh.key_id, kept_seconds=int(kept_s))
    return fresh


def drop_retired(state: State, *, now: float) -> int:
    """Forget the keys that verify nothing any more; return how many there were."""
    ends = {key.key_id: key.good_until for key in state.signing_keys.values()}
    retired = [key_id for key_id, end in ends.items() if end is not None and end <= now]
    for key_id in retired:
        state.signing_keys.drop(key_id)
    return len(retired)

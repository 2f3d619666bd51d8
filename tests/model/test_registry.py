"""The tables of the committed state, and drafts over them."""

from __future__ import annotations

import dataclasses

import stored

from cidxd.model.registry import State


def test_a_repository_is_found_by_the_name_that_it_has_now() -> None:
    state = State()
    one = stored.repository(1)
    state.repositories.put(1, one)
    draft = State(state)
    draft.repositories.put(1, dataclasses.replace(one, name="renamed"))
    assert draft.repository_named("r1") is None
    assert draft.repository_named("renamed") is not None
    assert state.repository_named("r1") is one
    draft.repositories.put(2, dataclasses.replace(one, repository_id=2))
    state.absorb(draft)
    found = state.repository_named("r1"), state.repository_named("renamed")
    assert [row.repository_id for row in found if row is not None] == [2, 1]
    gone = State(state)
    gone.repositories.drop(2)
    assert gone.repository_named("r1") is None

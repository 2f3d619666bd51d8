from __future__ import annotations

import threading
from functools import partial

import pytest

from cidxd.indexer.lane import Lane


def _give(lane: Lane, done: list[int]) -> None:
    for number in range(50):
        lane.put(partial(done.append, number))


def test_work_is_done_in_order_beside_the_giver() -> None:
    done: list[int] = []
    threads: set[int] = set()
    lane = Lane("test")
    _give(lane, done)
    lane.put(lambda: threads.add(threading.get_ident()))

    lane.finish()

    assert done == list(range(50))
    assert len(threads) == 1
    assert threads != {threading.get_ident()}


def test_a_failure_is_raised_to_the_giver_and_ends_the_work() -> None:
    done: list[int] = []
    lane = Lane("test")
    lane.put(lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        _give(lane, done)

    assert done == []
    with pytest.raises(ZeroDivisionError):
        lane.finish()


def test_what_waits_is_not_done_after_a_drop() -> None:
    done: list[int] = []
    may_go_on = threading.Event()
    lane = Lane("test")
    lane.put(may_go_on.wait)
    lane.put(lambda: done.append(1))
    lane._is_dropped = True
    may_go_on.set()

    lane.drop()

    assert done == []

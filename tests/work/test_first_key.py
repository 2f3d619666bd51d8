from __future__ import annotations

import concurrent.futures
import threading
from pathlib import Path

from cidxd.work.folders import DataFolder
from cidxd.work.keyring import Key, Keyring

AT_ONCE = 16


def test_requests_that_are_the_first_to_need_a_key_at_once_get_the_same(tmp_path: Path) -> None:
    keyring = Keyring(DataFolder(tmp_path), None)
    ready = threading.Barrier(AT_ONCE)

    def made(_number: int) -> list[Key]:
        ready.wait()
        return keyring.made()

    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(made, range(AT_ONCE)))
    assert found == [keyring.keys()] * AT_ONCE
    assert [path.name for path in tmp_path.iterdir()] == ["cidxd-key"]

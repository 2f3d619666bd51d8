"""`cidxd doctor` names what is wrong with an installation, and what mends it."""

from __future__ import annotations

import json
from typing import Any

from house import Home, Server
from sandbox import Checkout


def findings(home: Home, server: Server, *, code: int) -> dict[str, dict[str, Any]]:
    done = home.run("cidxd", "doctor", "--config", str(server.config), "--json", code=code)
    return {found["what"]: found for found in map(json.loads, done.stdout.splitlines())}


def test_a_damaged_index_is_named_with_its_fix_and_the_next_sync_mends_it(
    home: Home, server: Server, origin: Checkout
) -> None:
    server.log_in(home)
    home.cidx("repo", "add", str(origin.folder), "--name", "work")
    assert findings(home, server, code=0)["index of work"]["told"] == "none yet"
    home.cidx("sync", "work", "--follow")
    sound = findings(home, server, code=0)
    assert "1 segments" in sound["index of work"]["told"]
    (path,) = server.folder.glob("data/repositories/*/index/*/segments/*.seg")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    damaged = findings(home, server, code=1)["index of work"]
    assert path.name in damaged["told"]
    assert damaged["fix"] == "cidx sync work rebuilds it"
    assert "rebuilt " in home.cidx("sync", "work", "--follow")
    server.stop()
    assert findings(home, server, code=0)["index of work"]["is_sound"]

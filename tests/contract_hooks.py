"""
What the contract's fuzz does beside its requests; Schemathesis loads it in its own process.

Half of the requests name things that exist.  After each that changed something it is made
sure that the fuzz is still who it was.  What was asked and answered is counted.
"""

from __future__ import annotations

import atexit
import json
import os
import random
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import schemathesis
from contract_keeper import Keeper

_SEED = int(os.environ["FUZZ_SEED"])
_NAME = os.environ["FUZZ_USER"]
_ROLE = os.environ["FUZZ_ROLE"]
_WORDS: dict[str, Any] = json.loads(os.environ["FUZZ_WORDS"])
_LOOK_EVERY = 100  # requests
_ADDRESS_LIMIT = 7000  # bytes
_ENCODED = 12  # bytes of a character of four

_keeper = Keeper(os.environ["FUZZ_URL"], Path(os.environ["FUZZ_ADMIN_SOCKET"]), _SEED)
_chance = random.Random(_SEED)  # noqa: S311 - the run can be had again
_answers: Counter[str] = Counter()
_token = _keeper.let_in(_NAME, _ROLE)


@schemathesis.auth(refresh_interval=None)
class Login:
    """Whoever the fuzz speaks for."""

    def get(self, _case: Any, _context: Any) -> str:
        return _token

    def set(self, case: Any, _data: str, _context: Any) -> None:
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {_token}"}


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
    """Name things that exist, in half of the requests that are well formed."""
    mode = case.meta.generation.mode if case.meta else None
    if _is_shortened(case.query) and mode is not None and mode.is_negative:
        case.query["unknown"] = "1"  # a value that was too long may be right now
    if mode is None or mode.is_negative or _chance.random() < 0.5:
        return
    for part in list(case.path_parameters or {}):
        known = _keeper.known(case.operation.path, part, _token)
        if known is not None:
            case.path_parameters[part] = known
    for sent in (case.query, case.body):
        if isinstance(sent, dict):
            sent.update({name: _WORDS[name] for name in sent if name in _WORDS})


def _is_shortened(query: Any) -> bool:
    """
    Make a query fit into an address, and return whether that took a part of it away.

    A longer one is refused before there is a route, or anybody who asks.
    """
    if not isinstance(query, dict) or len(urlencode(query, doseq=True)) <= _ADDRESS_LIMIT:
        return False
    longest = _ADDRESS_LIMIT // _ENCODED // len(query)
    for name, value in query.items():
        words = value if isinstance(value, list) else [value]
        short = [str(word)[:longest] for word in words[:1]]
        query[name] = short if isinstance(value, list) else "".join(short)
    return True


@schemathesis.hook
def after_call(_context: Any, case: Any, response: Any) -> None:
    """Count the answer, and mend what it has broken."""
    global _token  # noqa: PLW0603 - hooks are functions of a module
    operation = f"{case.method.upper()} {case.operation.path}"
    _answers[f"{operation} {response.status_code}"] += 1
    if _answers.total() % _LOOK_EVERY == 0:
        _keeper.forget()
    changes = case.method.upper() not in {"GET", "HEAD", "OPTIONS"}
    if changes and response.status_code < 300 and not _keeper.is_in(_token, _ROLE):
        _token = _keeper.let_in(_NAME, _ROLE)


@atexit.register
def tell() -> None:
    """Leave what was counted to the test."""
    Path(os.environ["FUZZ_TALLY"]).write_text(json.dumps(_answers), "utf-8")

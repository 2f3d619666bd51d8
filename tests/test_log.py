from __future__ import annotations

import json
import subprocess
import sys

import pytest

from cidxd import log


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("https://ada:s3cr@t@h.example/r.git", "https://h.example/r.git"),
        (
            "http.extraHeader=Authorization: Basic YWRhOnMzY3JldA==",
            "http.extraHeader=Authorization: Basic [redacted]",
        ),
        ("Authorization: Bearer short", "Authorization: Bearer [redacted]"),
        ("?private_token=tok123&x=1", "?private_token=[redacted]&x=1"),
        ("token eyJhbGci.eyJzdWIi.c2ln", "token [redacted]"),
        ("fatal: early EOF", "fatal: early EOF"),
    ],
)
def test_credentials_are_taken_out(text: str, clean: str) -> None:
    assert log.redacted(text) == clean
    assert log.redact(None, "info", {"said": text, "count": 3}) == {"said": clean, "count": 3}


_A_LIBRARY_LOGS = """
import logging
from cidxd import log
log.configure("info", "auto")
logging.getLogger("asyncio").info("too little to tell")
logging.getLogger("asyncio").warning("took %s", "Authorization: Bearer secret")
logging.getLogger("asyncio").warning("took %d", "long")
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("aiohttp.server").exception("unhandled")
"""


def test_what_libraries_log_is_a_line_of_json_like_the_rest_and_redacted() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _A_LIBRARY_LOGS], capture_output=True, text=True, check=True
    )
    took, misfit, unhandled = (json.loads(line) for line in done.stderr.splitlines())
    assert took["event"] == "took Authorization: Bearer [redacted]"
    assert (took["logger"], took["level"]) == ("asyncio", "warning")
    assert misfit["event"] == "took %d"
    assert (unhandled["event"], unhandled["logger"]) == ("unhandled", "aiohttp.server")
    assert "ZeroDivisionError" in unhandled["exception"]

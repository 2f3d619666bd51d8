from __future__ import annotations

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

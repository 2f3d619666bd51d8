"""`make audit` is honest: what was not looked at is not passed."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType
from typing import Any

import pytest
from house import ROOT


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit", ROOT / ".ci" / "audit.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


FINE: dict[str, Any] = {"name": "aiohttp", "version": "3.14", "vulns": []}
SKIPPED: dict[str, Any] = {"name": "yarl", "skip_reason": "not found on PyPI"}
BAD: dict[str, Any] = {"name": "pyjwt", "version": "1.0", "vulns": [{"id": "PYSEC-1"}]}


@pytest.mark.parametrize(
    ("found", "code", "word"),
    [
        ([FINE], 0, "no known vulnerability in 1 packages"),
        ([], 3, "NOT AUDITED"),
        ([SKIPPED], 3, "NOT AUDITED"),
        ([FINE, SKIPPED], 3, "1 packages"),
        ([FINE, SKIPPED, BAD], 1, "pyjwt 1.0: PYSEC-1"),
    ],
)
def test_what_was_not_audited_is_not_passed(
    audit: ModuleType, found: list[Any], code: int, word: str
) -> None:
    told, words = audit.verdict(found)
    assert told == code
    assert word in words


def test_an_audit_that_could_not_be_made_fails_unless_a_warning_is_enough(
    audit: ModuleType, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(audit, "audited", list)
    assert audit.main([]) == 3
    assert audit.main(["--unaudited=warn"]) == 0
    assert "NOT AUDITED" in capfd.readouterr().out


def test_every_package_we_run_with_has_a_licence_that_we_may_depend_on(audit: ModuleType) -> None:
    names = audit.closure("cidx")
    assert {"aiohttp", "yarl", "pydantic-core"} <= names, sys.path
    assert {name: audit.licence(name) for name in names if not audit.is_allowed(name)} == {}

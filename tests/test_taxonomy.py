"""One table of faults, and its words wherever a fault is told of."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest

from cidx import render
from cidxd.errors import FAULTS, FaultError
from cidxd.model import chronicle, pipeline
from cidxd.model.documents import error_document
from cidxd.model.job import Event, Kind, Status
from cidxd.model.report import Phase
from cidxd.web import page

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("code", FAULTS)
def test_a_fault_has_the_words_of_the_table_wherever_it_is_told_of(code: str) -> None:
    fault = FAULTS[code]
    error = error_document(pipeline.job_error(FaultError(code, "its own word"), Phase.FETCH))
    assert (error["code"], error["title"], error["hint"]) == (code, fault.title, fault.hint)
    assert (error["retryable"], error["phase"]) == (fault.transient, "fetch")

    event = Event(
        cursor=1, job_id="j", repository_id=1, repository="r", seq=1, at=0.0,
        kind=Kind.FAILED, data={"error": error},
    )  # fmt: skip
    logged = "\n".join(chronicle.lines(event))
    shown = "\n".join(render.detail_lines({"status": Status.FAILED, "error": error}, 0.0))
    for text in (logged, shown):
        for words in (code, fault.title, "its own word", fault.hint):
            assert words in text
    assert f"{code} ({'transient' if fault.transient else 'permanent'})" in shown


@pytest.mark.parametrize("code", FAULTS)
def test_what_the_error_says_to_read_is_a_row_of_the_page_and_of_the_documentation(
    code: str,
) -> None:
    error = error_document(pipeline.job_error(FaultError(code), None))
    path, _, anchor = error["docs"].partition("#")
    assert f'<a id="{anchor}"></a>`{code}`' in (ROOT / path).read_text("utf-8")
    [route] = [route for route in page.routes() if route.path == f"/{path}"]
    assert route.is_open
    row = re.search(f'<tr id="{anchor}">.*</tr>', page.faults_page())
    assert row is not None
    kind = "transient" if FAULTS[code].transient else "permanent"
    for words in (code, kind, FAULTS[code].title, FAULTS[code].hint):
        assert f">{html.escape(words)}</" in row[0]


def test_every_fault_that_the_program_raises_is_in_the_table() -> None:
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "cidxd").rglob("*.py"))
    raised = set(re.findall(r'FaultError\(\s*"([a-z-]+)"', sources))
    assert len(raised) > 15
    assert raised <= set(FAULTS)

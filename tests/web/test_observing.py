"""The example dashboard and the example alerts ask for what a daemon really tells."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from api_client import Api
from prometheus_client.parser import text_string_to_metric_families as parsed
from sandbox import Checkout

DOCS = Path(__file__).parents[2] / "docs"
BOARD = json.loads((DOCS / "grafana.json").read_text("utf-8"))
RULES = [
    rule
    for group in yaml.safe_load((DOCS / "alerts.yml").read_text("utf-8"))["groups"]
    for rule in group["rules"]
]
PANELS = [panel for panel in BOARD["panels"] if panel["type"] != "row"]

# What Prometheus adds to every series that it scrapes.
ITS_OWN = {"job", "instance"}


class Asked(NamedTuple):
    """A metric with what is demanded of its labels."""

    name: str
    matchers: tuple[tuple[str, str, str], ...]


class Row(NamedTuple):
    """What operations.md tells of a metric."""

    kind: str
    labels: frozenset[str]


def documented() -> dict[str, Row]:
    """Return every name that can be asked for; test_docs.py holds the page against the code."""
    found = {}
    page = (DOCS / "operations.md").read_text("utf-8")
    for line in re.findall(r"^\| (`cidxd_.*)$", page, re.MULTILINE):
        names, kind, labels = line.split(" | ")[:3]
        row = Row(kind, frozenset(re.findall(r"`(\w+)`", labels)))
        for name in re.findall(r"`(cidxd_\w+)`", names):
            for suffix in ("_bucket", "_sum", "_count") if kind == "histogram" else ("",):
                extra = {"le"} if suffix == "_bucket" else set()
                found[name + suffix] = row._replace(labels=row.labels | extra)
    assert len(found) > 30
    return found


def expressions() -> list[str]:
    panels = [target["expr"] for panel in PANELS for target in panel["targets"]]
    marks = [mark["expr"] for mark in BOARD["annotations"]["list"]]
    return [*panels, *marks, *(rule["expr"] for rule in RULES)]


def selectors(expression: str) -> Iterator[Asked]:
    for name, inside in re.findall(r"\b(cidxd_\w+|up\b)(?:\{([^}]*)\})?", expression):
        yield Asked(name, tuple(re.findall(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"', inside or "")))


def grouped_by(expression: str) -> set[str]:
    lists = re.findall(r"\b(?:by|on|ignoring|without)\s*\(([^)]*)\)", expression)
    return {label.strip() for one in lists for label in one.split(",")}


def legends() -> list[tuple[str, set[str]]]:
    return [
        (target["expr"], set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])))
        for panel in PANELS
        for target in panel["targets"]
    ]


@pytest.mark.parametrize("expression", expressions())
def test_only_metrics_and_labels_that_exist_are_asked_for(expression: str) -> None:
    known = documented()
    asked = list(selectors(expression))
    assert asked
    labels = set(ITS_OWN)
    for one in asked:
        if one.name == "up":  # Prometheus' own
            continue
        assert one.name in known
        labels |= known[one.name].labels
        assert {label for label, _, _ in one.matchers} <= known[one.name].labels | ITS_OWN
    assert grouped_by(expression) <= labels
    for function in re.findall(r"(?:rate|increase)\(\s*(cidxd_\w+)", expression):
        assert known[function].kind in {"counter", "histogram"}


@pytest.mark.parametrize(("expression", "labels"), legends())
def test_a_legend_names_labels_that_are_left(expression: str, labels: set[str]) -> None:
    asked = [one for one in selectors(expression) if not labels <= ITS_OWN]
    assert all(labels <= documented()[one.name].labels for one in asked)
    if " by (" in expression:
        assert labels <= grouped_by(expression)


async def test_a_daemon_at_work_has_a_series_for_everything_asked_for(
    api: Api, demo: str, origin: Checkout, tmp_path: Path
) -> None:
    await api.synced(demo)
    assert (await api.ask("GET", "/api/search?q=NEEDLE"))[0] == 200
    origin.folder.rename(tmp_path / "gone")
    headers = {"Prefer": "wait=60"}
    assert (await api.ask("POST", "/api/sync", {"repository": demo}, headers=headers))[0] == 202
    headers = {"Authorization": f"Bearer {await api.log_in('root')}"}
    async with api.client.get("/metrics", headers=headers) as response:
        families = list(parsed(await response.text()))
    series = [(sample.name, sample.labels) for family in families for sample in family.samples]
    for expression in expressions():
        for asked in selectors(expression):
            assert asked.name == "up" or any(answers(asked, *one) for one in series), asked


def answers(asked: Asked, name: str, labels: dict[str, str]) -> bool:
    return name == asked.name and all(
        (re.fullmatch(value, labels.get(label, "")) is not None) == (operator in {"=", "=~"})
        for label, operator, value in asked.matchers
        if label not in ITS_OWN
    )


def test_panels_have_ids_titles_and_words_of_their_own_and_do_not_overlap() -> None:
    ids = [panel["id"] for panel in BOARD["panels"]]
    titles = [panel["title"] for panel in BOARD["panels"]]
    assert len(set(ids)) == len(ids)
    assert len(set(titles)) == len(titles)
    assert all(panel["description"] for panel in PANELS)
    places = [place for panel in BOARD["panels"] for place in cells(panel["gridPos"])]
    assert len(set(places)) == len(places)
    assert max(x for x, _ in places) < 24


def cells(place: dict[str, int]) -> list[tuple[int, int]]:
    return [(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])]


def test_the_dashboard_asks_the_data_source_and_the_daemons_that_are_chosen() -> None:
    variables = {variable["name"]: variable["type"] for variable in BOARD["templating"]["list"]}
    assert variables == {"datasource": "datasource", "instance": "query", "window": "interval"}
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    for panel in PANELS:
        for part in (panel, *panel["targets"]):
            assert part["datasource"] == chosen
        for target in panel["targets"]:
            for asked in selectors(target["expr"]):
                assert ("instance", "=~", "$instance") in asked.matchers


def test_every_alert_has_a_summary_and_a_section_that_says_what_to_do() -> None:
    page = (DOCS / "operations.md").read_text("utf-8")
    headings = re.findall(r"^### (Cidxd\w+)$", page, re.MULTILINE)
    assert [rule["alert"] for rule in RULES] == headings
    for rule in RULES:
        notes: dict[str, Any] = rule["annotations"]
        assert notes["summary"]
        assert notes["description"]
        assert notes["runbook"] == f"docs/operations.md#{rule['alert'].lower()}"
        assert rule["labels"]["severity"] in {"warning", "critical"}


@pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool on this machine")
def test_prometheus_takes_the_alerts() -> None:
    checked = ["promtool", "check", "rules", str(DOCS / "alerts.yml")]
    done = subprocess.run(checked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

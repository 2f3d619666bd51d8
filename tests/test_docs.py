"""The documentation has every setting, route, event, fault and command, or a test fails."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from prometheus_client.metrics import MetricWrapperBase

from cidx.cli import cli as cidx
from cidxd.__main__ import main as cidxd
from cidxd.config import Config
from cidxd.errors import FAULTS
from cidxd.model.job import Kind
from cidxd.model.registry import State
from cidxd.work.metrics import Metrics

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


def text(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


def test_every_setting_is_documented() -> None:
    page = text("operations.md")
    for section, field in Config.model_fields.items():
        for key in field.annotation.model_fields:  # type: ignore[union-attr]
            assert f"`{section}.{key}`" in page


def test_every_fault_is_documented_with_its_class_and_hint() -> None:
    page = text("faults.md")
    for code, fault in FAULTS.items():
        kind = "transient" if fault.transient else "permanent"
        assert f'| <a id="{code}"></a>`{code}` | {kind} | {fault.title} | {fault.hint} |' in page


def test_every_fault_has_one_row_and_there_is_no_row_without_a_fault() -> None:
    rows = re.findall(r'^\| <a id="([^"]+)"></a>', text("faults.md"), re.MULTILINE)
    assert sorted(rows) == sorted(FAULTS)


def test_every_code_of_a_refusal_is_documented() -> None:
    page = text("faults.md")
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "cidxd").rglob("*.py"))
    codes = set(re.findall(r'\bcode="([a-z-]+)"', sources))
    assert len(codes) > 40
    assert [code for code in sorted(codes) if f"| `{code}` |" not in page] == []


def test_every_action_of_the_audit_log_is_documented_and_no_other() -> None:
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "cidxd").rglob("*.py"))
    actions = set(re.findall(r'(?:\.note\(|\.entry\(by,)\s*"([a-z.-]+)"', sources))
    assert len(actions) > 12
    table = text("tokens.md").partition("## The audit log")[2]
    assert set(re.findall(r"^\| `([a-z.-]+)` \|", table, re.MULTILINE)) == actions


def test_every_event_is_documented() -> None:
    page = text("jobs.md")
    for kind in Kind:
        assert f"`{kind}`" in page


def test_every_route_is_documented() -> None:
    page = text("api.md")
    table = (ROOT / "cidxd" / "web").rglob("*.py")
    routes = {
        found
        for path in table
        for found in re.findall(r'Route\(\s*"([A-Z]+)", ([^,]+),', path.read_text())
    }
    assert len(routes) > 20
    names = {
        "one": {"/api/repositories/{name}", "/api/jobs/{job_id}"},
    }
    for method, expression in routes:
        if expression.startswith(
            ('"/users', '"/snapshot', '"/version', '"/keys')
        ):  # the admin socket's
            continue
        if expression.startswith("one"):
            suffix = expression.removeprefix("one").strip(' +"')
            assert any(f"`{method} {base}{suffix}`" in page for base in names["one"]), expression
        else:
            assert f"`{method} {expression.strip(chr(34))}`" in page, expression


def commands(group: click.Command, prefix: str) -> list[tuple[str, click.Command]]:
    found = [(prefix, group)]
    if isinstance(group, click.Group):
        for name in group.list_commands(click.Context(group)):
            child = group.get_command(click.Context(group), name)
            assert child is not None
            found += commands(child, f"{prefix} {name}")
    return found


@pytest.mark.parametrize(("group", "name"), [(cidx, "cidx"), (cidxd, "cidxd")])
def test_every_command_and_option_is_documented(group: click.Command, name: str) -> None:
    page = text("cli.md")
    for path, command in commands(group, name):
        assert f"`{path}" in page, path
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.hidden:
                longest = max(parameter.opts, key=len)
                assert longest in page, (path, longest)


def test_links_between_pages_lead_somewhere() -> None:
    for page in [*DOCS.glob("*.md"), ROOT / "README.md"]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), (page.name, target)


@pytest.mark.parametrize("page", ["promises.md", "security.md"])
def test_every_test_named_by_a_page_exists(page: str) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(test_\w+))?`", text(page))
    assert len(named) > 50
    for file, function in named:
        source = (ROOT / file).read_text("utf-8")
        assert not function or f"def {function}(" in source, (file, function)


def test_every_guard_stands_where_the_security_page_says() -> None:
    rows = [line.split(" | ") for line in text("security.md").splitlines() if "tests/" in line]
    places = {place for row in rows for place in re.findall(r"`([\w/]+\.py)`", row[2])}
    assert len(places) > 40
    for place in places:
        assert (ROOT / "cidxd" / place).exists() or (ROOT / place).exists(), place


def test_every_metric_is_documented_and_no_other() -> None:
    rows = re.findall(r"^\| (`cidxd_.*)$", text("operations.md"), re.MULTILINE)
    documented = {
        (name, tuple(sorted(re.findall(r"`(\w+)`", row.split(" | ")[2]))))
        for row in rows
        for name in re.findall(r"`(cidxd_\w+)`", row.split(" | ")[0])
    }
    metrics = Metrics(State())
    collectors = set(metrics.registry._collector_to_names)
    labels = {c._name: c._labelnames for c in collectors if isinstance(c, MetricWrapperBase)}
    labels["cidxd_repository_age_seconds"] = ("repository",)
    there = {
        (
            family.name + ("_total" if family.type == "counter" else ""),
            tuple(sorted(labels.get(family.name, ()))),
        )
        for family in metrics.registry.collect()
    }
    assert documented == there

"""The JavaScript of docs/api.md, as it stands on the page, in a browser before a real daemon."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from house import ROOT, HeldRemote, Home, Server
from playwright.sync_api import Page


def test_the_example_in_javascript_follows_a_job_to_its_end_once_and_in_order(
    house: tuple[Home, Server],
    remote: HeldRemote,
    log_in: Callable[..., Page],
    tmp_path: Path,
) -> None:
    home, server = house
    page_of_docs = (ROOT / "docs/api.md").read_text("utf-8")
    program = re.findall(r"^```js\n(.*?)^```$", page_of_docs, re.MULTILINE | re.DOTALL)[0]
    page = log_in()
    home.cidx("repo", "add", remote.url, "--name", tmp_path.name)
    remote.hold()
    job_id = home.json("sync", tmp_path.name)["job_id"]
    page.evaluate(
        f"(id) => {{ {program}; window.heard = []; window.first = Promise.withResolvers();"
        " const hear = (event) => { window.heard.push(event); window.first.resolve(); };"
        " window.ended = follow(location.origin, id, hear); }",
        job_id,
    )
    page.evaluate("window.first.promise")
    remote.release()
    assert page.evaluate("window.ended") == "completed"
    assert page.evaluate("window.heard") == server.events(job_id)

"""The table of docs/faults.md that is made from what was driven; `make faults` writes it anew."""

from __future__ import annotations

import re
from pathlib import Path

from drill import Row, Seen

PAGE = Path(__file__).parent.parent / "docs" / "faults.md"
_BEGIN, _END = "<!-- driven: written by make faults -->\n", "<!-- driven ends -->\n"
_HEAD = """\
| fault | code | class | attempts | the job | what `cidx sync` says | hint |
|---|---|---|---|---|---|---|
"""


def line(row: Row, seen: Seen) -> str:
    """Return what the table has to tell of *seen*."""
    error = seen.fault
    title, hint = (_said(seen, "error"), _said(seen, "hint")) if seen.job["error"] else ("", "")
    kind = ("transient" if error["retryable"] else "permanent") if error else "none"
    code = f"[`{error['code']}`](#{error['code']})" if error else ""
    cells = [row.fault, code, kind, str(len(seen.job["attempts"])), seen.ending, title, hint]
    return "".join(f"| {cell} " for cell in cells).replace("|  ", "| ") + "|\n"


def lines() -> dict[str, str]:
    """Return the lines of the table by their first cell, in order."""
    rows = PAGE.read_text("utf-8").partition(_BEGIN)[2].partition(_END)[0].splitlines(True)[2:]
    return {row.split(" | ")[0].removeprefix("| "): row for row in rows}


def write(table: list[str]) -> None:
    before, _, rest = PAGE.read_text("utf-8").partition(_BEGIN)
    after = rest.partition(_END)[2]
    PAGE.write_text(f"{before}{_BEGIN}{_HEAD}{''.join(table)}{_END}{after}", "utf-8")


def _said(seen: Seen, what: str) -> str:
    """Return what the command said after `error:` or `hint:`, the same on every machine."""
    said = str(re.findall(rf"^{what}: (.*)$", seen.told, re.MULTILINE)[0])
    title = seen.job["error"]["title"]
    told = title if what == "error" and said.startswith(title) else said
    return re.sub(r"//[\w.]+:\d+/", "//HOST/", told)

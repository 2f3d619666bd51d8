"""
Looks at what is installed beside us: does it fit together, may we ship with it, is it known bad.

The last question needs a service on the internet.  Where that does not answer, nothing was
audited, and this says so: exit 3, or 0 with `--unaudited=warn`, never a quiet pass.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final

DISTRIBUTION: Final = "cidx"
PATIENCE_S: Final = 300
FOUND: Final = 1
UNAUDITED: Final = 3
# Licences that a program under MIT may depend on; pygit2 is GPL with an exception for linking.
ALLOWED: Final = re.compile(
    r"MIT|BSD|Apache|ISC|PSF|Python Software Foundation|Mozilla|MPL|Unlicense|Zlib|CC0",
    re.IGNORECASE,
)
EXCEPTIONS: Final = {
    "pygit2": "GPL-2.0-only with a linking exception: used as it is, from its own wheel",
}
# Advisories that do not concern us, each with its reason; empty as long as there are none.
IGNORED: Final[Mapping[str, str]] = {}


def main(arguments: list[str]) -> int:
    """Run every look; return the exit code."""
    fits = subprocess.run([sys.executable, "-m", "pip", "check"], check=False).returncode
    names = sorted(closure(DISTRIBUTION))
    strange = [name for name in names if not is_allowed(name)]
    for name in strange:
        print(f"audit: licence not known to be fine: {name}: {licence(name)}")
    print(f"audit: licences of {len(names)} packages: {len(strange)} to look at")
    code, words = verdict(audited())
    print(f"audit: {words}")
    if code == UNAUDITED and "--unaudited=warn" in arguments:
        code = 0
    return FOUND if fits or strange else code


def closure(name: str) -> set[str]:
    """Return the packages that *name* needs to run, directly or not, as they are installed."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        for wanted in importlib.metadata.requires(waiting.pop()) or ():
            needed, _, marker = wanted.partition(";")
            needed = re.split(r"[\s\[<>=!~(]", needed.strip())[0]
            is_new = "extra" not in marker and normal(needed) not in found
            if is_new and is_installed(needed):
                found.add(normal(needed))
                waiting.append(needed)
    return found


def normal(name: str) -> str:
    """Return *name* as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def is_installed(name: str) -> bool:
    """Return whether the package is here; another system's is not."""
    try:
        importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def licence(name: str) -> str:
    """Return what the package says of its licence."""
    told = importlib.metadata.metadata(name)
    classified = [
        line.rpartition(" :: ")[2]
        for line in told.get_all("Classifier") or ()
        if line.startswith("License ::")
    ]
    expression = told.get("License-Expression")
    first = (told.get("License") or "").strip().partition("\n")[0]
    return expression or ", ".join(classified) or first or "none told"


def is_allowed(name: str) -> bool:
    """Return whether we may depend on the package."""
    return name in EXCEPTIONS or ALLOWED.search(licence(name)) is not None


def audited() -> list[dict[str, Any]]:
    """Return what pip-audit says of each package; nothing where it could not say anything."""
    ignored = [part for name in IGNORED for part in ("--ignore-vuln", name)]
    said = subprocess.run(
        [
            *(sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off"),
            *("--skip-editable", "--timeout", "10", *ignored),
        ],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    try:
        found: list[dict[str, Any]] = json.loads(said.stdout)["dependencies"]
    except (ValueError, KeyError):
        print(f"audit: pip-audit: {said.stderr.strip()[-300:]}")
        return []
    return found


def verdict(found: Iterable[Mapping[str, Any]]) -> tuple[int, str]:
    """Return the exit code and the words for what pip-audit has found."""
    packages = [one for one in found if normal(one["name"]) != DISTRIBUTION]
    known = [one for one in packages if "vulns" in one and "skip_reason" not in one]
    bad = [
        f"{one['name']} {one['version']}: {vuln['id']}" for one in known for vuln in one["vulns"]
    ]
    if bad:
        return FOUND, "known vulnerabilities: " + "; ".join(bad)
    if not packages or len(known) < len(packages):
        missing = len(packages) - len(known) or "all"
        return UNAUDITED, (
            f"NOT AUDITED for known vulnerabilities: {missing} packages: the service cannot be"
            " reached, or does not know them; run `make audit` where it can"
        )
    return 0, f"no known vulnerability in {len(known)} packages"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

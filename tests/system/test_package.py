"""What is built from this source installs and runs elsewhere, with everything that it needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from house import PATIENCE_S, ROOT, Home, wait_until
from sandbox import Checkout, git

from cidxd.__about__ import VERSION

_BUILD = "import sys; from setuptools import build_meta as b; print(b.{}(sys.argv[1]))"


class Built(NamedTuple):
    """A source distribution, and the wheel that was built from what is in it."""

    sdist: Path
    wheel: Path


def sources() -> list[str]:
    """Return every file of the project, by its path."""
    return git(ROOT, "ls-files", "-co", "--exclude-standard").splitlines()


def run(*argv: str | Path, cwd: Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        [str(word) for word in argv],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        timeout=3 * PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(kind: str, source: Path, target: Path) -> Path:
    return target / run(sys.executable, "-c", _BUILD.format(kind), target, cwd=source).split()[-1]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("package")
    source = folder / "source"
    for name in sources():
        target = source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / name).read_bytes())
    sdist = build("build_sdist", source, folder)
    with tarfile.open(sdist) as tar:
        tar.extractall(folder, filter="data")
    return Built(sdist, build("build_wheel", folder / sdist.name.removesuffix(".tar.gz"), folder))


@pytest.fixture(scope="module")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel, and with the dependencies of this one."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder)
    python = folder / "bin" / "python"
    pip = ("-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index")
    run(sys.executable, *pip, built.wheel, cwd=folder)
    paths = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder)
    # A path in a .pth file is only searched: an editable install there has no effect here.
    dependencies = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
    (Path(paths.strip()) / "dependencies.pth").write_text("\n".join(dependencies) + "\n")
    return folder / "bin"


@pytest.fixture
def env(installed: Path, home: Home) -> Iterator[dict[str, str]]:
    """A user whose only cidx is the installed one; their daemon is stopped in the end."""
    made = {**home.env, "PATH": f"{installed}:{os.environ['PATH']}"}
    del made["PYTHONPATH"]
    yield made
    run(installed / "cidx", "down", cwd=home.folder, env=made)


def test_the_source_distribution_has_every_file_of_the_project(built: Built) -> None:
    with tarfile.open(built.sdist) as tar:
        names = {name.partition("/")[2] for name in tar.getnames()}
    assert {name for name in sources() if name != ".gitignore"} <= names
    assert {name for name in names if name.endswith((".so", ".pyc"))} == set()


def test_the_wheel_has_every_file_that_is_needed_at_run_time_and_the_native_kernel(
    built: Built,
) -> None:
    with zipfile.ZipFile(built.wheel) as archive:
        names = set(archive.namelist())
    needed = {name for name in sources() if name.startswith(("cidx/", "cidxd/"))}
    assert {name for name in needed if not name.endswith((".c", ".h"))} <= names
    assert any(name.startswith("cidxd/indexer/_kernel.") for name in names)
    assert {name.split("/")[0] for name in names} == {"cidx", "cidxd", f"cidx-{VERSION}.dist-info"}


def test_installed_elsewhere_it_syncs_searches_and_serves_the_dashboard(
    installed: Path, env: dict[str, str], home: Home, origin: Checkout
) -> None:
    def cidx(*argv: str) -> str:
        return run(installed / "cidx", *argv, cwd=origin.folder, env=env)

    where = "import cidx, cidxd; print(cidx.__file__, cidxd.__file__)"
    found = run(installed / "python", "-c", where, cwd=home.folder, env=env).split()
    assert all(path.startswith(str(installed.parent)) for path in found)
    assert cidx("--version").startswith("cidx, version ")
    assert run(installed / "cidxd", "--version", cwd=home.folder, env=env).startswith("cidxd, ")

    cidx("sync", "--follow")
    assert "src/needle.py:1:" in cidx("query", "NEEDLE")
    assert "function_7" in cidx("query", "--symbol", "function_7")
    kernel = wait_until(
        "the engine's name", lambda: json.loads(cidx("status", "--json"))["index_kernel"]
    )
    assert kernel == "native"

    url = cidx("up").strip()
    static = [name for name in sources() if name.startswith("cidxd/web/static/")]
    assert any(name.endswith(".js") for name in static)
    for name in static:
        path = name.removeprefix("cidxd/web").replace("/static/index.html", "/")
        served = run("curl", "-sS", "--fail", url + path, cwd=home.folder)
        assert served == (ROOT / name).read_text(), name
    assert "remote-empty" in run("curl", "-sS", "--fail", f"{url}/docs/faults.md", cwd=home.folder)

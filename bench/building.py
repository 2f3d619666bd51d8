"""Rows of full builds: how long, how much memory, how large the index."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import children
import peers
from stopwatch import alternating
from subject import Subject
from tables import Row, amount, table

from cidxd.indexer.segment import HEAD, SECTION, TAIL

_SECTIONS: Final = ("content", "groups", "oids", "offsets", "blocks", "keys", "lists")
LARGE: Final = 500e6  # bytes of text from which the targets of large repositories hold


class Outcome(NamedTuple):
    """What the builds of one repository left behind, for the searches to use."""

    rows: list[Row]
    text: str
    codesearches: list[peers.Codesearch]
    zoekt: Path | None


def measure(subject: Subject, folder: Path, rounds: int) -> Outcome:
    builds: list[children.Built] = []
    commit = subject.commits[0]
    index = folder / "index"

    def ours() -> None:
        shutil.rmtree(index, ignore_errors=True)
        builds.append(children.build(subject.mirror, index, commit, max_file_bytes=subject.limit))

    codesearches = [
        peers.Codesearch(cindex, folder / f"csearch-{number}")
        for number, cindex in enumerate(peers.found("cindex"))
    ]
    works: dict[str, Callable[[], object]] = {"cidx": ours}
    for one in codesearches:
        works[one.cindex] = lambda one=one: one.build(subject.tree)  # type: ignore[misc]
    zoekt = folder / "zoekt" if peers.found("zoekt-git-index") else None
    if zoekt:
        works["zoekt"] = lambda: peers.zoekt_index(
            subject.tree, zoekt, symbols=False, limit=subject.limit
        )
    is_large = subject.text_bytes > LARGE
    took = alternating(works, rounds, warm=not is_large)
    rows = _text_rows(took, codesearches, is_large=is_large)
    rows += _memory_rows(builds, is_large=is_large)
    rows += _symbol_rows(subject, folder, rounds if not is_large else 1)
    parts = index_parts(index)
    rows += _size_rows(parts, subject, codesearches, is_large=is_large)
    return Outcome(rows, _described(builds[-1], parts, subject, zoekt), codesearches, zoekt)


def _text_rows(
    took: dict[str, float], codesearches: list[peers.Codesearch], *, is_large: bool
) -> list[Row]:
    fastest = min((one.cindex for one in codesearches), key=lambda name: took[name], default="")
    what, ours, target = "full text build", took["cidx"], 0.8 if is_large else 1.1
    rows = [
        Row(
            what,
            ours,
            f"cindex ({Path(one.cindex).parent})",
            took[one.cindex],
            target if one.cindex == fastest else None,
            "s",
        )
        for one in codesearches
    ]
    rows = rows or [Row(what, ours, "cindex", None, target, "s")]
    zoekt = took.get("zoekt")
    return [*rows, Row(what, ours, "zoekt without ctags", zoekt, 0.6, "s")]


def _memory_rows(builds: list[children.Built], *, is_large: bool) -> list[Row]:
    peak = float(max(one.peak_bytes for one in builds))
    beside = float(max(one.git_peak_bytes for one in builds))
    limit = Row("peak memory of the build child", peak, "400 MB", 400e6, 1.0, "MB")
    if not is_large:
        limit = limit._replace(target=None)
    return [limit, Row("peak memory of git cat-file beside it", beside, "none", None, None, "MB")]


def _symbol_rows(subject: Subject, folder: Path, rounds: int) -> list[Row]:
    index, zoekt = folder / "index-symbols", folder / "zoekt-symbols"

    def ours(engine: str) -> None:
        shutil.rmtree(index, ignore_errors=True)
        children.build(
            *(subject.mirror, index, subject.commits[0]),
            symbols=engine,
            max_file_bytes=subject.limit,
        )

    works: dict[str, Callable[[], object]] = {"tree-sitter": lambda: ours("tree-sitter")}
    if peers.found("ctags"):
        works["ctags"] = lambda: ours("ctags")
        if peers.found("zoekt-git-index"):
            works["zoekt"] = lambda: peers.zoekt_index(
                subject.tree, zoekt, symbols=True, limit=subject.limit
            )
    took = alternating(works, rounds, warm=False)
    return [
        Row(
            f"full build, text and symbols of {engine}",
            took.get(engine),
            "zoekt with ctags",
            took.get("zoekt"),
            target,
            "s",
        )
        for engine, target in (("ctags", 1.0), ("tree-sitter", None))
    ]


def _size_rows(
    parts: Counter[str],
    subject: Subject,
    codesearches: list[peers.Codesearch],
    *,
    is_large: bool,
) -> list[Row]:
    trigrams = float(parts["blocks"] + parts["keys"] + parts["lists"])
    theirs = min((float(one.index.stat().st_size) for one in codesearches), default=None)
    target = 1.4 if is_large else 1.1
    text, whole = float(subject.text_bytes), float(parts.total())
    return [
        Row("trigram part of the index", trigrams, "cindex's index", theirs, target, "MB"),
        Row("whole index", whole, "text indexed", text, 0.4, "MB"),
    ]


def index_parts(index: Path) -> Counter[str]:
    """Return the bytes of each section of all segments, and of the catalogue."""
    parts: Counter[str] = Counter()
    for path in index.rglob("*"):
        if path.suffix == ".seg":
            parts += _sections(path)
        elif path.is_file():
            parts["catalogue"] += path.stat().st_size
    return parts


def _sections(path: Path) -> Counter[str]:
    data = path.read_bytes()
    length, _, _ = TAIL.unpack(data[-TAIL.size :])
    footer = data[-TAIL.size - length : -TAIL.size]
    sections = SECTION.iter_unpack(footer[HEAD.size :])
    parts = Counter({name: size for name, (_, size, _) in zip(_SECTIONS, sections, strict=True)})
    parts["frame"] = len(data) - parts.total()
    return parts


def _described(
    built: children.Built, parts: Counter[str], subject: Subject, zoekt: Path | None
) -> str:
    phases = ", ".join(f"{name} {amount(took, 's')}" for name, took in built.phases.items())
    rows = [
        (name, amount(float(size), "MB"), f"{size / subject.text_bytes:.3f}")
        for name, size in parts.most_common()
    ]
    text = f"The last build's phases: {phases}; {amount(built.seconds, 's')} in all."
    if zoekt:
        size = sum(path.stat().st_size for path in zoekt.iterdir())
        rows.append(
            (
                "zoekt's index, for comparison",
                amount(float(size), "MB"),
                f"{size / subject.text_bytes:.3f}",
            )
        )
    return f"{text}\n\n{table(('part of the index', 'size', 'of the text'), rows)}"

"""
Which epoch a build writes into: the current one, or a new one beside it.

A new one is made when there is none, when its settings differ, when everything is to be
read again, or when the current one is damaged.  Nobody sees it before it is published.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from cidxd.errors import FaultError
from cidxd.indexer import epoch as epochs
from cidxd.indexer.catalog_writer import CatalogWriter
from cidxd.indexer.seal import CATALOG, check_catalog, check_segment
from cidxd.indexer.segment import TEMPORARY

Opened = TypeVar("Opened", bound=CatalogWriter)


class Target:
    """
    Where a build writes.

    Attributes:
        index: The repository's index folder.
        epoch: The folder written to.
        catalog: Its catalogue, open for writing.
        previous: The catalogue that a rebuild replaces, if it can be read; else None.
        is_new: The epoch is not published yet.
        damage: What was wrong with the epoch that this one replaces, if that is why.
    """

    def __init__(
        self,
        index: Path,
        epoch: Path,
        catalog: CatalogWriter,
        previous: CatalogWriter | None,
        *,
        is_new: bool,
        damage: str | None = None,
    ) -> None:
        self.index = index
        self.epoch = epoch
        self.catalog = catalog
        self.previous = previous
        self.is_new = is_new
        self.damage = damage

    def close(self) -> None:
        """Close both catalogues."""
        self.catalog.close()
        if self.previous is not None:
            self.previous.close()

    def discard(self) -> None:
        """Remove what nobody will use: half a segment, or an epoch that was to replace one."""
        keep = self.epoch
        for path in (self.epoch / epochs.SEGMENTS).glob("*" + TEMPORARY):
            path.unlink(missing_ok=True)
        if self.is_new:
            try:
                # The content of a first build is kept: the next one goes on with it.
                keep = epochs.current_epoch(self.index) or self.epoch
            except FaultError:
                return  # the next build sweeps, and it knows what to do about CURRENT
        epochs.sweep_index(self.index, keep)


def open_target(index: Path, settings: dict[str, Any], *, full: bool) -> Target:
    """
    Sweep the index and open the epoch to write into.

    Raises:
        OSError: The disk refused.
    """
    index.mkdir(parents=True, exist_ok=True)
    current: Path | None = None
    try:
        current = epochs.current_epoch(index)
        if current is None:
            return _first_target(index, settings, full=full)
        if damage := epochs.damage(current):
            return new_target(index, settings, None, damage=damage)
        epochs.sweep_index(index, current)
        catalog = open_checked(current, CatalogWriter)
    except FaultError as fault:
        if fault.code == "index-outdated":
            return new_target(index, settings, None)
        if fault.code != "index-damaged":
            raise
        if current is not None:
            epochs.mark_damaged(current, fault.detail)
        return new_target(index, settings, None, damage=fault.detail)
    if full or catalog.settings() != settings:
        return new_target(index, settings, catalog)
    return Target(index, current, catalog, None, is_new=False)


def _first_target(index: Path, settings: dict[str, Any], *, full: bool) -> Target:
    """Return where to build when CURRENT is not there."""
    damage = None
    for epoch in sorted(index.glob("epoch-*")):
        if epochs.is_marked_damaged(epoch) or not (epoch / CATALOG).is_file():
            continue
        try:
            catalog = open_checked(epoch, CatalogWriter)
        except FaultError:
            continue
        # One that was published lost its CURRENT: that is damage, not a first build.
        is_published = bool(catalog.branches())
        if catalog.settings() == settings and not is_published and not full:
            epochs.sweep_index(index, epoch)
            return Target(index, epoch, catalog, None, is_new=True)
        damage = "CURRENT is missing" if is_published else damage
        catalog.close()
    epochs.sweep_index(index, None)
    return new_target(index, settings, None, damage=damage)


def new_target(
    index: Path,
    settings: dict[str, Any],
    previous: CatalogWriter | None,
    *,
    damage: str | None = None,
) -> Target:
    """Make a new epoch that goes on counting generations where *previous* stands."""
    epoch = epochs.create_epoch(index)
    generation = previous.generation() if previous is not None else 0
    catalog = CatalogWriter.create(epoch, settings, generation=generation)
    return Target(index, epoch, catalog, previous, is_new=True, damage=damage)


def open_checked(epoch: Path, kind: type[Opened]) -> Opened:
    """
    Open the catalogue of an epoch whose segments are all there, and sweep the epoch.

    Raises:
        FaultError: `index-damaged` or `index-outdated`.
    """
    # Search children read it whole; a sync of few files does not wait for that.
    is_sealed = check_catalog(epoch, thoroughly=False)
    catalog = kind(epoch)
    try:
        catalog.check_format()
        if not is_sealed:
            catalog.check_structure()
        catalog.branches()
        segments = catalog.segments()
        for row in segments:
            check_segment(epochs.segment_path(epoch, row.segment_id), row)
        epochs.sweep_segments(epoch, {row.segment_id for row in segments})
    except BaseException:
        catalog.close()
        raise
    return catalog

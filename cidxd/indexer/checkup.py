"""What a search child is asked beside searches: is every byte sound, and which engine is it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from cidxd.errors import FaultError
from cidxd.indexer import trigram
from cidxd.indexer.catalog import CatalogReader
from cidxd.indexer.catalog_counts import count_lost
from cidxd.indexer.epoch import current_epoch, damage, mark_damaged, segment_path
from cidxd.indexer.query import parse_place
from cidxd.indexer.seal import check_catalog
from cidxd.indexer.segment import SegmentReader
from cidxd.indexer.shelf import Shelf


def about(_shelf: Shelf, _request: Mapping[str, Any]) -> dict[str, Any]:
    """Return `kernel`: which engine finds trigrams."""
    return {"kernel": trigram.ENGINE}


def check(shelf: Shelf, request: Mapping[str, Any]) -> dict[str, Any]:
    """
    Read every byte of an index and return `indexed`, `damage`, `segments` and `bytes`.

    `damage` is null for a sound index; a damaged one is marked, so that the next sync rebuilds it.
    """
    index = parse_place(request).index
    before: set[str] = set()
    while True:
        epoch: Path | None = None
        found: dict[str, Any] = {"indexed": False, "damage": None, "segments": 0, "bytes": 0}
        try:
            epoch = current_epoch(index)
            if epoch is None:
                return found
            found["indexed"] = True
            _read_everything(epoch, found)
        except FaultError as fault:
            shelf.drop(index)
            if fault.detail not in before:
                # A merge or a rebuild may have gone by: what is found twice is so.
                before.add(fault.detail)
                continue
            if epoch is not None and fault.code == "index-damaged":
                mark_damaged(epoch, fault.detail)
            found |= {"indexed": True, "damage": fault.detail}
        return found


def _read_everything(epoch: Path, found: dict[str, Any]) -> None:
    if known := damage(epoch):
        raise FaultError("index-damaged", known)
    is_sealed = check_catalog(epoch, thoroughly=True)
    with closing(CatalogReader(epoch)) as catalog, catalog:
        catalog.check_format()
        if not is_sealed:
            catalog.check_structure()
        if lost := count_lost(catalog):
            raise FaultError("index-damaged", f"{lost} entries have no content")
        for row in catalog.segments():
            path = segment_path(epoch, row.segment_id)
            try:
                with closing(SegmentReader(path)) as reader:
                    reader.check_content()
                    if reader.checksum != row.checksum:
                        raise FaultError("index-damaged", f"segment {row.segment_id}: another one")
            except OSError as err:
                raise FaultError("index-damaged", f"segment {row.segment_id}: {err}") from err
            found["segments"] += 1
            found["bytes"] += row.bytes

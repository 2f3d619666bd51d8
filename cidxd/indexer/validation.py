"""
The validate phase: what is staged is looked at the way a search would, before it is published.

A finding that concerns content of this run is `index-invalid`, and that content is to be
forgotten; one that concerns what was there before is `index-damaged`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from contextlib import closing
from typing import Final

from cidxd.errors import FaultError
from cidxd.indexer.catalog_counts import count_lost
from cidxd.indexer.changeset import BranchPlan
from cidxd.indexer.epoch import segment_path
from cidxd.indexer.segment import SegmentReader, Written
from cidxd.indexer.target import Target

SAMPLE_BLOBS: Final = 32
_SHA1_BYTES: Final = 20


def check_counts(target: Target, branches: Iterable[tuple[int, BranchPlan]]) -> int:
    """
    Compare the staged entries with what git listed; return how many entries there are.

    Raises:
        FaultError: `index-damaged`, or `index-invalid` in an epoch of this run.
    """
    code = "index-invalid" if target.is_new else "index-damaged"
    total = 0
    for branch_id, plan in branches:
        count = target.catalog.count_entries(branch_id)
        total += count
        if count != plan.entries:
            raise FaultError(
                code, f"{count} entries instead of {plan.entries}: branch {plan.wanted.name}"
            )
    if target.is_new and (lost := count_lost(target.catalog)):
        raise FaultError(code, f"{lost} entries have no content")
    return total


def check_segments(target: Target, written: Sequence[Written]) -> None:
    """
    Open the segments of this run, which verifies their checksums.

    Raises:
        FaultError: `index-invalid`.
    """
    for segment in written:
        try:
            path = segment_path(target.epoch, segment.segment_id)
            with closing(SegmentReader(path)) as reader:
                fits = (reader.checksum, reader.documents) == (segment.checksum, segment.documents)
        except (OSError, FaultError) as err:
            raise FaultError("index-invalid", str(getattr(err, "detail", err))) from err
        if not fits:
            raise FaultError("index-invalid", f"segment {segment.segment_id} is another one")


def check_sample(target: Target, written: Sequence[Written]) -> int:
    """
    Read some blobs back, new ones and old ones, and hash them; return how many.

    Raises:
        FaultError: `index-invalid` or `index-damaged`.
    """
    rows = {row.number: row.segment_id for row in target.catalog.segments()}
    fresh = {segment.segment_id for segment in written}
    readers: dict[int, SegmentReader] = {}
    checked = 0
    try:
        for oid, number, document in _sample(target):
            segment_id = rows[number]
            is_fresh = target.is_new or segment_id in fresh
            try:
                if number not in readers:
                    path = segment_path(target.epoch, segment_id)
                    readers[number] = SegmentReader(path, with_postings=False)
                fits = is_blob(oid, readers[number].content(document))
            except (OSError, FaultError) as err:
                fault = str(getattr(err, "detail", err))
                raise FaultError("index-invalid" if is_fresh else "index-damaged", fault) from err
            if not fits:
                what = f"blob {oid.hex()} reads differently from segment {segment_id}"
                raise FaultError("index-invalid" if is_fresh else "index-damaged", what)
            checked += 1
    finally:
        for reader in readers.values():
            reader.close()
    return checked


def is_blob(oid: bytes, content: bytes) -> bool:
    """Whether *content* is the git blob *oid*."""
    name = "sha1" if len(oid) == _SHA1_BYTES else "sha256"
    digest = hashlib.new(name, b"blob %d\0" % len(content), usedforsecurity=False)
    digest.update(content)
    return digest.digest() == oid


def _sample(target: Target) -> list[tuple[bytes, int, int]]:
    catalog = target.catalog
    last = catalog.last_blob_id()
    # The newest half a sample, and from random places of all blobs the rest.
    newest = catalog.sample_places(max(0, last - SAMPLE_BLOBS // 2), SAMPLE_BLOBS // 2 + 1)
    if last <= SAMPLE_BLOBS:
        return catalog.sample_places(0, SAMPLE_BLOBS)
    found = dict.fromkeys(newest)
    for _ in range(SAMPLE_BLOBS * 2):
        if len(found) >= SAMPLE_BLOBS:
            break
        first = int.from_bytes(os.urandom(6), "little") % last
        found.update(dict.fromkeys(catalog.sample_places(first, 1)))
    return list(found)

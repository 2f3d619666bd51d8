"""The contents of an epoch by segment number and document, for who reads many of them."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from cidxd.errors import FaultError
from cidxd.indexer.catalog import CatalogReader
from cidxd.indexer.epoch import segment_path
from cidxd.indexer.segment import SegmentReader


class Contents:
    """
    Reads contents; one segment is open at a time, so ask for those of one together.

    Raises:
        FaultError: `index-damaged`, from any method.
    """

    def __init__(self, epoch: Path, catalog: CatalogReader) -> None:
        self._epoch = epoch
        self._ids = {row.number: row.segment_id for row in catalog.segments()}
        self._number = -1
        self._reader: SegmentReader | None = None

    def read(self, segment_number: int, document: int) -> bytes:
        """Return a document."""
        if self._reader is None or self._number != segment_number:
            self._open(segment_number)
        if self._reader is None:
            raise FaultError("index-damaged", f"the catalogue has no segment {segment_number}")
        return self._reader.content(document)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _open(self, number: int) -> None:
        self.__exit__()
        if number not in self._ids:
            return
        try:
            self._reader = SegmentReader(segment_path(self._epoch, self._ids[number]))
        except FileNotFoundError as err:
            raise FaultError("index-damaged", f"a segment is gone: {self._ids[number]}") from err
        self._number = number

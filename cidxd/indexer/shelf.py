"""
The indexes that a search child keeps open, and the segments in them.

Catalogues and segments stay open between queries, because opening a segment verifies it.
An epoch that was replaced is closed when its index is asked for next.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from cidxd.errors import FaultError
from cidxd.indexer.catalog import CatalogReader, SegmentRow
from cidxd.indexer.epoch import SEGMENTS, current_epoch, is_marked_damaged, segment_path
from cidxd.indexer.seal import CATALOG, check_catalog, check_segment
from cidxd.indexer.segment import GroupCache, SegmentReader

_CACHED_GROUPS: Final = 256  # decompressed groups kept between two queries: 32 MiB
_OPEN: Final = 64  # indexes between two queries; each costs a few file handles


class OpenIndex:
    """
    One epoch of one index, open.

    Attributes:
        epoch: Its folder.
        catalog: Enter it for a read transaction.
    """

    def __init__(self, epoch: Path, cache: GroupCache) -> None:
        self.epoch = epoch
        self._cache = cache
        # By path: size and time of files that were checked.
        self._sound: dict[str, tuple[int, int]] = {}
        self._catalog_path = str(epoch / CATALOG)
        self._check_catalog(thoroughly=True)
        self.catalog = CatalogReader(epoch)
        try:
            self.catalog.check_format()
        except BaseException:
            self.catalog.close()
            raise
        self._segments: dict[str, SegmentReader] = {}

    def check_catalog(self) -> None:
        """
        Look whether somebody touched the catalogue, without reading it if not.

        Raises:
            FaultError: `index-damaged`.
        """
        if not self._is_as_known(self._catalog_path):
            self._check_catalog(thoroughly=False)

    def check_files(self, rows: Iterable[SegmentRow]) -> None:
        """
        Look whether somebody touched the files that *rows* name, without reading them if not.

        Raises:
            FaultError: `index-damaged`.
        """
        for row in rows:
            path = self._segment_path(row)
            if not self._is_as_known(path):
                self._sound[path] = check_segment(Path(path), row)

    def segment(self, row: SegmentRow) -> SegmentReader:
        """
        Return the segment that a row of the catalogue names.

        Raises:
            FaultError: `index-damaged`: it has no file (a merge may have gone by: read the
                catalogue once more), or not the one that was registered.
        """
        reader = self._segments.get(row.segment_id)
        if reader is None:
            reader = self._opened(row.segment_id)
        if reader.checksum != row.checksum or reader.documents != row.documents:
            raise FaultError("index-damaged", f"segment {row.segment_id}: not the registered one")
        return reader

    def keep_only(self, rows: Iterable[SegmentRow]) -> None:
        """Close the segments that the catalogue no longer names."""
        named = {row.segment_id: self._segment_path(row) for row in rows}
        for segment_id in self._segments.keys() - named.keys():
            self._segments.pop(segment_id).close()
        for path in self._sound.keys() - {self._catalog_path, *named.values()}:
            del self._sound[path]

    def close(self) -> None:
        """Close everything."""
        self.keep_only(())
        self.catalog.close()

    def _opened(self, segment_id: str) -> SegmentReader:
        try:
            reader = SegmentReader(segment_path(self.epoch, segment_id), cache=self._cache)
        except OSError as err:
            raise FaultError("index-damaged", f"segment {segment_id}: {err}") from err
        self._segments[segment_id] = reader
        return reader

    def _segment_path(self, row: SegmentRow) -> str:
        # As text, since every query asks for every segment's.
        return f"{self.epoch}/{SEGMENTS}/{row.segment_id}.seg"

    def _is_as_known(self, path: str) -> bool:
        try:
            status = os.stat(path)  # noqa: PTH116 - see _segment_path
        except OSError:
            return False
        return self._sound.get(path) == (status.st_size, status.st_mtime_ns)

    def _check_catalog(self, *, thoroughly: bool) -> None:
        with suppress(OSError):
            status = os.stat(self._catalog_path)  # noqa: PTH116 - likewise
            found = status.st_size, status.st_mtime_ns
            if check_catalog(self.epoch, thoroughly=thoroughly):
                self._sound[self._catalog_path] = found


class Shelf:
    """Every index that is open."""

    def __init__(self) -> None:
        self._open: OrderedDict[Path, OpenIndex] = OrderedDict()
        self._cache = GroupCache(_CACHED_GROUPS)

    def take(self, index: Path) -> OpenIndex | None:
        """
        Return the current epoch of *index*, open, or None if it was never indexed.

        It stays open at least until `tidy`.

        Raises:
            FaultError: `index-damaged`: it cannot be opened, or somebody found it damaged;
                `index-outdated`.
        """
        epoch = current_epoch(index)
        known = self._open.get(index)
        if known is not None and known.epoch != epoch:
            self.drop(index)
            known = None
        if epoch is None:
            return None
        if is_marked_damaged(epoch):
            raise FaultError("index-damaged", "it was found damaged before")
        if known is None:
            known = self._open[index] = OpenIndex(epoch, self._cache)
        else:
            known.check_catalog()
        self._open.move_to_end(index)
        return known

    def drop(self, index: Path) -> None:
        """Close *index* if it is open."""
        known = self._open.pop(index, None)
        if known is not None:
            known.close()

    def tidy(self) -> None:
        """Close the indexes that were not asked for in a long time; nobody may be using one."""
        while len(self._open) > _OPEN:
            self._open.popitem(last=False)[1].close()

    def close(self) -> None:
        """Close every index."""
        for index in list(self._open):
            self.drop(index)

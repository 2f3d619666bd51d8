"""
The tables of a catalogue.

`segment.bytes` and `segment.mtime_ns` are those of its file when it was registered, so that
a file which somebody touched since is noticed without reading it.  `symbol` has the definitions
of a blob in the order of their lines; a blob in `unparsed` still waits for its own.
"""

from __future__ import annotations

from typing import Final

FORMAT: Final = 2

SCHEMA: Final = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE branch (
  branch_id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, "commit" TEXT NOT NULL,
  tree TEXT NOT NULL, generation INTEGER NOT NULL, job_id TEXT NOT NULL,
  is_default INTEGER NOT NULL CHECK (is_default IN (0, 1)), committed_at TEXT,
  files INTEGER NOT NULL);
CREATE TABLE segment (
  number INTEGER PRIMARY KEY, segment_id TEXT NOT NULL UNIQUE, checksum INTEGER NOT NULL,
  documents INTEGER NOT NULL, bytes INTEGER NOT NULL, mtime_ns INTEGER NOT NULL);
CREATE TABLE blob (
  blob_id INTEGER PRIMARY KEY, oid BLOB NOT NULL UNIQUE, segment INTEGER REFERENCES segment,
  document INTEGER, size INTEGER NOT NULL, skip TEXT,
  CHECK ((segment IS NULL) = (document IS NULL) AND (segment IS NULL) = (skip IS NOT NULL)));
CREATE UNIQUE INDEX blob_place ON blob (segment, document) WHERE segment IS NOT NULL;
CREATE INDEX blob_skipped ON blob (skip) WHERE skip IS NOT NULL;
CREATE TABLE entry (
  branch_id INTEGER NOT NULL, class INTEGER NOT NULL, path BLOB NOT NULL, mode INTEGER NOT NULL,
  blob_id INTEGER NOT NULL, PRIMARY KEY (branch_id, class, path)) WITHOUT ROWID;
CREATE INDEX entry_blob ON entry (branch_id, blob_id);
CREATE INDEX entry_special ON entry (branch_id, mode) WHERE mode >= 40960;
CREATE TABLE symbol (
  blob_id INTEGER NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL,
  line INTEGER NOT NULL, scope TEXT, PRIMARY KEY (blob_id, number)) WITHOUT ROWID;
CREATE INDEX symbol_name ON symbol (name);
CREATE TABLE unparsed (blob_id INTEGER PRIMARY KEY, language TEXT NOT NULL);
"""

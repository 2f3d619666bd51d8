-- What statistics ask of a job, beside the order of its end, so that no body is read for them.
ALTER TABLE job ADD COLUMN started_at REAL;
ALTER TABLE job ADD COLUMN files_indexed INTEGER;
ALTER TABLE job ADD COLUMN bytes_indexed INTEGER;

UPDATE job SET
    started_at = body ->> '$.started_at',
    files_indexed = body ->> '$.summary.files_indexed',
    bytes_indexed = body ->> '$.summary.bytes_indexed';

DROP INDEX job_by_end;
CREATE INDEX job_by_end ON job (
    repository_id, finished_at, job_id, status, outcome, created_at, started_at, files_indexed,
    bytes_indexed
) WHERE finished_at IS NOT NULL;

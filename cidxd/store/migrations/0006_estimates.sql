-- How far off the estimate at half time was, for statistics; null where none was judged.
ALTER TABLE job ADD COLUMN estimate_ratio REAL;

CREATE INDEX job_by_estimate ON job (repository_id, finished_at, estimate_ratio)
WHERE estimate_ratio IS NOT NULL;

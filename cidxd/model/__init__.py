"""What a job, a queue and a repository are, and every decision about them: no I/O, no clock."""

"""Scheduler, runner, phases and their child processes."""

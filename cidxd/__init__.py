"""The daemon that keeps a searchable index of git repositories in step with their remotes."""

"""
What belongs in a mirror beside its objects and refs: nothing that git would obey.

A repository's own settings name programs (`core.sshCommand`, `core.fsmonitor`, hooks) and lead
elsewhere (`url.*.insteadOf`, `http.proxy`, alternates).  No switch turns all of them off, so a
mirror has the settings that stand here, to the letter, and none of the files that bring others.
"""

from __future__ import annotations

from typing import Final

CONFIG: Final = b"[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n"

# Relative to the mirror; see gitrepository-layout(5).
FOREIGN: Final = (
    "commondir",  # another folder's settings, refs and objects
    "config.worktree",
    "hooks",
    "info/attributes",
    "info/grafts",
    "objects/info/alternates",
    "objects/info/http-alternates",
    "gitdir",
    "worktrees",
    "modules",
    "remotes",
    "branches",
)

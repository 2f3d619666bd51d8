"""What an installation stands on: owners and modes, room on the disk, the lock, the clock."""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from cidxd.model import wording
from cidxd.work.folders import DataFolder

_LOCKS: Final = Path("/proc/locks")
_ROOM_BYTES: Final = 1 << 30
_ROOM_FILES: Final = 10_000
_AHEAD_S: Final = 60.0  # of the clock, which may be adjusted a little


class Finding(NamedTuple):
    """One thing that was looked at; `fix` says what to do where it is not sound."""

    what: str
    is_sound: bool
    told: str
    fix: str = ""


def foreign_owner(folder: Path) -> str | None:
    """Return whose *folder* is, by name where there is one; None if it is this process's user's."""
    uid = folder.stat().st_uid
    return None if uid == os.geteuid() else user_name(uid)


def user_name(uid: int) -> str:
    """Return what this machine calls the user *uid*; its number, if it does not know it."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def owner(folder: Path) -> Finding:
    """Look whose the data folder is; others should not even look into it."""
    found = folder.stat()
    told, fix = f"{folder}, mode {stat.S_IMODE(found.st_mode):04o}", ""
    if (name := foreign_owner(folder)) is not None:
        told = f"{folder} belongs to {name}: as another user, nothing more is looked at"
        fix = f"run this as the daemon's user: runuser -u {name} -- cidxd doctor …"
    elif found.st_mode & 0o077:
        fix = f"chmod 700 {folder}"
    return Finding("data folder", not fix, told, fix)


def private(data: DataFolder) -> Iterator[Finding]:
    """Look whether what only the daemon may read or reach is closed to others."""
    files = (
        data.database,
        data.admin_socket,
        data.runtime,
        data.root / "token",
        data.root / "cidxd-key",
    )
    open_ones = [path for path in files if path.exists() and path.stat().st_mode & 0o077]
    for path in open_ones:
        told = f"{path}: others may use it, mode {stat.S_IMODE(path.stat().st_mode):04o}"
        yield Finding("permissions", False, told, f"chmod 600 {path}")
    if not open_ones:
        yield Finding("permissions", True, "nothing is open to others")


def disk(data: DataFolder) -> Iterator[Finding]:
    """Look how much room there is; the repositories may have a disk of their own."""
    folders = {path.stat().st_dev: path for path in (data.root, data.repositories) if path.exists()}
    for folder in folders.values():
        found = os.statvfs(folder)
        free, files = found.f_bavail * found.f_frsize, found.f_favail
        told = f"{wording.size(free)} free for {folder}"
        is_short_of_files = bool(found.f_files) and files < _ROOM_FILES
        if is_short_of_files:
            told += f", for {files} files only"
        fix = f"free some space for {folder}: syncs need 1 GB, and room for 10,000 files"
        yield Finding("disk", free >= _ROOM_BYTES and not is_short_of_files, told, fix)


def holder(data: DataFolder) -> int | None:
    """Return the process that holds the data folder's lock, 0 if it is hidden, None without one."""
    try:
        found = data.lock.stat()
    except FileNotFoundError:
        return None
    place = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    for line in _LOCKS.read_text("ascii").splitlines():  # proc_locks(5)
        fields = line.split()
        if "FLOCK" in fields and place in fields:
            return max(0, int(fields[fields.index(place) - 1]))
    return None


def clock(now: float, newest_at: float | None) -> Finding:
    """Look whether the clock is behind what was recorded before."""
    ahead_s = (newest_at or now) - now
    if ahead_s <= _AHEAD_S:
        return Finding("clock", True, "not behind what is recorded")
    told = f"{ahead_s:,.0f} s behind the newest record"
    return Finding("clock", False, told, "set the clock, and keep it: timedatectl set-ntp true")

"""
Where a remote that moved within its own host is to be found.

git itself follows no redirect (`http.followRedirects`), for it could lead into the server's own
network, or carry credentials to another host.  A repository that was renamed, or one whose
address lacks its `.git`, is another path of the same scheme, host and port: that is taken up,
and asked as a remote of its own, with every guard.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urljoin

from cidxd import hosts
from cidxd.errors import FaultError
from cidxd.log import redacted

_ASKED: Final = "/info/refs?service=git-upload-pack"  # gitprotocol-http(5)
_PLAIN: Final = re.compile(r"[!-~]{1,2000}\Z")  # printable ASCII without spaces
_ESCAPED_CONTROL: Final = re.compile(r"%(?:[01][0-9A-Fa-f]|7[Ff])")
_USER: Final = re.compile(r"(https?://)([^/@]*@)?", re.IGNORECASE)


class RedirectedError(FaultError):
    """The remote redirects to `location`, which is in its own words: nothing to show to anyone."""

    def __init__(self, detail: str, location: str) -> None:
        target = hosts.shown(redacted(location).split("/info/refs", maxsplit=1)[0])
        super().__init__("remote-redirected", detail, hint=f"register {target}")
        self.location = location


def followed(asked: str, location: str) -> str | None:
    """
    Return the remote's new address on the same host, None if *location* leads elsewhere.

    Args:
        asked: The https or http address that was asked.
        location: Of the answer (RFC 9110, Location); it may be relative.
    """
    if not _PLAIN.match(location) or _ESCAPED_CONTROL.search(location) or "\\" in location:
        return None
    try:
        target = urljoin(asked.rstrip("/") + _ASKED, location)
        before, after = hosts.place_of(asked), hosts.place_of(target)
    except ValueError:
        return None
    found = target.removesuffix(_ASKED)
    if before is None or before != after or found == target or "?" in found or "#" in found:
        return None
    user = _USER.match(asked)
    same_user = _USER.sub(lambda new: new[1] + ((user and user[2]) or ""), found, count=1)
    return None if same_user.rstrip("/") == asked.rstrip("/") else same_user

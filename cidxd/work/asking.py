"""What a remote has, asked wherever its host redirects to, and the address that answered."""

from __future__ import annotations

from typing import Final, NamedTuple

from cidxd import hosts
from cidxd.errors import FaultError
from cidxd.git import redirect
from cidxd.git.redirect import RedirectedError
from cidxd.model.credential import Secret
from cidxd.model.repository import Repository
from cidxd.work import fetch
from cidxd.work.fetch import Say, Tips, unheard
from cidxd.work.outreach import Outreach

_HOPS: Final = 4  # of redirects; a host that needs more goes in a circle

# A host that let go of an address says one of these there, also for what one may not see.
_GONE: Final = frozenset({"remote-not-found", "auth-required", "auth-failed", "access-forbidden"})


class Answered(NamedTuple):
    """What a remote has, and the address that told it: what a fetch is to be given."""

    tips: Tips
    address: str


async def tips(
    outreach: Outreach,
    target: Repository | str,
    *,
    stall_s: float,
    lock_fd: int | None = None,
    say: Say = unheard,
    secret: Secret | None = None,
) -> Answered:
    """
    Ask *target*, a repository's remote or an address, for its branches.

    A redirect to another path of the same scheme, host and port is taken up, and an address that
    was found that way before and is gone is left for the remote's own.

    Args:
        outreach: Makes git's environment.
        target: Who is asked.
        stall_s: As for `fetch.ls_remote`.
        lock_fd: Likewise.
        say: Likewise.
        secret: Asked with, in place of the repository's own.

    Raises:
        FaultError: As of `fetch.ls_remote` and `Outreach.env`; `remote-redirected` for any other
            redirect.
    """
    address = target if isinstance(target, str) else target.address
    for hop in range(_HOPS + 1):
        try:
            async with outreach.reaching(target, secret) as env:
                found = await fetch.ls_remote(
                    address, env=env, stall_s=stall_s, lock_fd=lock_fd, say=say
                )
        except FaultError as fault:
            following = _following(target, address, fault)
            if following is None or hop == _HOPS:
                raise
            say(f"asking {hosts.shown(following)} instead")
            address = following
        else:
            return Answered(found, address)
    raise AssertionError("the last hop answers or raises")


def _following(target: Repository | str, address: str, fault: FaultError) -> str | None:
    """Return the address to ask after *address* failed, None if the fault stands."""
    if isinstance(fault, RedirectedError):
        return redirect.followed(address, fault.location)
    if isinstance(target, str) or address != target.resolved or fault.code not in _GONE:
        return None
    return target.remote

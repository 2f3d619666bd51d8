"""Which registered repository a command means: by name, address, path, or where it was run."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from cidx import checkout as checkouts
from cidx import settings
from cidx.access import EMBEDDED, Access, address_of, choose
from cidx.client import Client, found_or_none, repository_path
from cidx.errors import ClientError, GitError, NoCheckoutError, ProblemError

if TYPE_CHECKING:
    from cidx.checkout import Checkout
    from cidx.wire import Json

_SCP_LIKE = re.compile(r"^[^/]+:")
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME = 100
_OUTSIDE_HINT = "go to a checkout, or name a repository: cidx repo list"

Say = Callable[[str], None]


def here() -> Checkout | None:
    """Return the checkout the user stands in; without git there is none."""
    try:
        return checkouts.find(Path.cwd())
    except (GitError, FileNotFoundError):
        return None


def server() -> Access:
    """Return the server that is meant here; git is asked only where CIDX_SERVER says nothing."""
    return choose(None if settings.server() else here())


def is_address(text: str) -> bool:
    """Tell whether *text* is a remote's URL, or of the form `host:path` (git-clone(1))."""
    return "://" in text or bool(_SCP_LIKE.match(text))


def is_path(text: str) -> bool:
    """Tell whether *text* names a folder rather than a registered repository."""
    return not is_address(text) and ("/" in text or text in {".", "..", "~"})


def checkout_for(argument: str | None) -> Checkout | None:
    """
    Return the checkout that *argument* is about: the one at a path, else the one around us.

    Raises:
        NoCheckoutError: A path was given, and there is neither checkout nor repository.
    """
    if argument is None or not is_path(argument):
        return here()
    folder = Path(argument).expanduser()
    if not folder.is_dir():
        raise NoCheckoutError(f"no such folder: {argument}", hint="cidx repo list shows names")
    found = checkouts.find(folder) or checkouts.bare(folder)
    if found is None:
        raise NoCheckoutError(f"not a git checkout: {argument}", hint=_OUTSIDE_HINT)
    return found


def wanted(client: Client, argument: str | None, checkout: Checkout | None, say: Say) -> Json:
    """
    Return the repository to sync; with the embedded daemon it is registered if it must be.

    Args:
        client: The chosen server.
        argument: A registered name, an address, a path, or None for the checkout.
        checkout: What `checkout_for` gave for *argument*.
        say: Told when something was registered.

    Raises:
        NoCheckoutError: Nothing was named, and the user stands in no checkout.
        ClientError: The server has no such repository.
    """
    if argument is not None and is_address(argument):
        return _at_address(client, argument, say)
    if argument is not None and not is_path(argument):
        return named(client, argument)
    if checkout is None:
        raise NoCheckoutError(f"not in a git checkout: {Path.cwd()}", hint=_OUTSIDE_HINT)
    found = of_checkout(client, checkout)
    if not client.access.is_embedded:
        return found or _reject(checkout.remote)
    if found is None:
        return _register(client, _registration(checkout), say)
    return _tracking(client, found, checkout, say)


def named(client: Client, name: str) -> Json:
    """
    Return the repository called *name*.

    Raises:
        ClientError: There is none; the hint names a folder of that name, if there is one.
    """
    try:
        return client.get(repository_path(name))
    except ProblemError as err:
        if err.status == 404 and Path(name).is_dir():  # noqa: PLR2004 - not found
            err.hint = f"for the folder of that name: ./{name}"
        elif err.status == 404 and not err.hint:  # noqa: PLR2004 - not found
            err.hint = "cidx repo list"
        raise


def of_checkout(client: Client, checkout: Checkout) -> Json | None:
    """
    Return the registered repository of *checkout*: the linked one, else by its remote.

    Raises:
        ClientError: The checkout is linked to a repository that is no more.
    """
    if checkout.repository and _is_linked_to(checkout, client):
        linked = found_or_none(client, repository_path(checkout.repository))
        if linked is None:
            raise ClientError(
                f"the linked repository does not exist: {checkout.repository}",
                hint="cidx link, to look for it again by its remote",
            )
        return linked
    return discovered(client, checkout.remote)


def discovered(client: Client, address: str) -> Json | None:
    """Return the repository registered for *address* in any of its spellings, or None."""
    return found_or_none(client, "/api/repositories/discover", {"url": address})


def _is_linked_to(checkout: Checkout, client: Client) -> bool:
    if client.access.is_embedded:
        return checkout.server in {"", EMBEDDED}
    if checkout.server in {"", EMBEDDED}:
        return False
    return address_of(checkout.server) == client.access.url


def _at_address(client: Client, address: str, say: Say) -> Json:
    found = discovered(client, address)
    if found is not None:
        return found
    if not client.access.is_embedded:
        _reject(address)
    return _register(client, {"remote": address}, say)


def _reject(address: str) -> Json:
    raise ClientError(
        f"this remote is not registered at the server: {address}",
        hint=f"cidx repo add {address}, or cidx link NAME for one under another address",
    )


def _registration(checkout: Checkout) -> Json:
    body: Json = {
        "remote": checkout.remote,
        "name_suggestion": suggested_name(checkout.root.name),
        "branches": [checkout.branch] if checkout.branch else [],
    }
    return {**body, "seed": str(checkout.root)} if checkout.has_remote else body


def suggested_name(folder: str) -> str:
    """Return a folder's name as a repository's name: `[A-Za-z0-9._-]{1,100}`."""
    return _NOT_IN_A_NAME.sub("-", folder).strip("-.")[:_LONGEST_NAME] or "repository"


def _register(client: Client, body: Json, say: Say) -> Json:
    try:
        registered = client.post("/api/repositories", body)
    except ProblemError as err:
        # Another cidx may have registered it between our look and our request.
        found = discovered(client, body["remote"]) if err.status == 409 else None  # noqa: PLR2004
        if found is None:
            raise
        return found
    say(f"registered {body['remote']} as {registered['name']}")
    return registered


def _tracking(client: Client, repository: Json, checkout: Checkout, say: Say) -> Json:
    """Return the repository, tracking the checkout's upstream branch from now on."""
    branch = checkout.branch
    if branch is None or branch in tracked(repository):
        return repository
    name = str(repository["name"])
    changed = client.patch(
        repository_path(name), {"branches": [*(repository.get("tracked") or ()), branch]}
    )
    say(f"{name} now tracks {branch} as well")
    return changed


def tracked(repository: Json) -> set[str]:
    """Return the names of the branches that syncs of *repository* bring up to date."""
    names = {str(name) for name in repository.get("tracked") or ()}
    return (
        names | {str(repository["default_branch"])} if repository.get("default_branch") else names
    )


def indexed(repository: Json) -> set[str]:
    """Return the names of the branches that a search can answer from."""
    branches = repository.get("branches") or ()
    return {str(branch["name"]) for branch in branches if branch.get("commit")}

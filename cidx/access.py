"""Which server is meant, and with which right it is asked."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from cidx import local, settings
from cidx.credentials import Credentials, Session, session_of
from cidx.errors import ClientError, NotLoggedInError, ProblemError
from cidx.wire import Connection, is_listening, json_of

if TYPE_CHECKING:
    from pathlib import Path

    from cidx.checkout import Checkout

EMBEDDED = "local"  # the word for the embedded daemon where an address is expected
_MARGIN_S = 5.0
_STOPPING_S = 30.0
_LOOK_AGAIN_S = 0.1


class Access(Protocol):
    """One server and the right to ask it."""

    @property
    def is_embedded(self) -> bool:
        """It is this user's own daemon, which may be started and told of new repositories."""
        ...

    @property
    def url(self) -> str:
        """The base address, without a trailing slash; asking for it may start the daemon."""
        ...

    def token(self) -> str:
        """Return the bearer token to send."""
        ...

    def renew(self, refused_token: str) -> bool:
        """Try to get another token than the refused one; False if there is no other."""
        ...

    def revive(self) -> bool:
        """Nobody answered: start the daemon again; False if that is not ours to do."""
        ...


class FixedAccess:
    """The server and token of CIDX_SERVER and CIDX_TOKEN."""

    is_embedded = False

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self._token = token

    def token(self) -> str:
        """Return the given token."""
        return self._token

    def renew(self, refused_token: str) -> bool:
        """There is no other token."""
        del refused_token
        return False

    def revive(self) -> bool:
        """It is not ours to start."""
        return False


class LoginAccess:
    """A server that `cidx login` made a session with."""

    is_embedded = False

    def __init__(self, url: str, credentials: Credentials) -> None:
        self.url = url
        self._credentials = credentials

    def token(self) -> str:
        """
        Return the session's access token.

        Raises:
            NotLoggedInError: There is no session.
        """
        return self.session().access_token

    def session(self) -> Session:
        """
        Return the stored session.

        Raises:
            NotLoggedInError: There is none.
        """
        session = self._credentials.session(self.url)
        if session is None:
            raise NotLoggedInError(f"not logged in: {self.url}", hint=f"cidx login {self.url}")
        return session

    def renew(self, refused_token: str) -> bool:
        """
        Refresh the session, unless another process did meanwhile.

        Raises:
            NotLoggedInError: The server ended the session.
        """
        renewed = self._credentials.renew(self.url, refused_token, self._refreshed)
        if renewed is None:
            raise NotLoggedInError(f"the session ended: {self.url}", hint=f"cidx login {self.url}")
        return True

    def revive(self) -> bool:
        """It is not ours to start."""
        return False

    def fresh_token(self, *, least_s: float) -> str:
        """Return an access token that is good for at least *least_s* more seconds."""
        session = self.session()
        if session.expires_at - settings.now() < least_s + _MARGIN_S:
            self.renew(session.access_token)
        return self.token()

    def _refreshed(self, session: Session) -> Session:
        connection = Connection(self.url)
        try:
            answer = connection.exchange(
                "POST", "/api/auth/refresh", body={"refresh_token": session.refresh_token}
            )
            return session_of(json_of(answer, self.url), now=settings.now())
        except ProblemError as err:
            if err.status not in {400, 401, 403, 422}:
                raise
            raise NotLoggedInError(
                f"the session ended: {self.url}", hint=f"cidx login {self.url}"
            ) from err
        finally:
            connection.close()


class LocalAccess:
    """The embedded daemon of this user; it is started when its address is first needed."""

    is_embedded = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._runtime: local.Runtime | None = None

    @property
    def url(self) -> str:
        """The address of the daemon whose token was read last."""
        return (self._runtime or self._current()).url

    def token(self) -> str:
        """
        Return the token of the daemon that runs now.

        It is read anew each time, and `url` with it: a daemon that stopped left its port to
        whoever takes it next, and a token must not go there.
        """
        return self._current().token

    def renew(self, refused_token: str) -> bool:
        """Read the token again: a restarted daemon has another one."""
        return self.token() != refused_token

    def revive(self) -> bool:
        """
        Start the daemon again, or find the one that another process started.

        One that stops closes its door before it gives up its lock; the next one is waited for.
        """
        deadline = time.monotonic() + _STOPPING_S
        while not is_listening(self._current().url) and time.monotonic() < deadline:
            time.sleep(_LOOK_AGAIN_S)
        return True

    def _current(self) -> local.Runtime:
        self._runtime = local.ensure(self.folder)
        return self._runtime


def choose(checkout: Checkout | None) -> Access:
    """
    Return the server that is meant: CIDX_SERVER, the checkout's link, the last login, our own.

    The word `local` in the first two means the embedded daemon.

    Raises:
        ClientError: A configured address is none.
    """
    credentials = Credentials(settings.config_folder())
    named = settings.server()
    if named and named != EMBEDDED and settings.token():
        return FixedAccess(address_of(named), settings.token())
    url = named or (checkout.server if checkout else "") or credentials.current()
    if not url or url == EMBEDDED:
        return LocalAccess(settings.data_folder())
    return LoginAccess(address_of(url), credentials)


def address_of(text: str) -> str:
    """
    Return a server's address in its one form: no trailing slash, scheme and host in lower case.

    Without a scheme, https is meant, and http on this machine.

    Raises:
        ClientError: It is no HTTP address.
    """
    has_scheme = "://" in text
    parts = urlsplit(text if has_scheme else f"//{text}")
    hint = "it looks like https://cidx.example.org"
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ClientError(f"not a server's address: {text}", hint=hint) from None
    scheme = parts.scheme or ("http" if is_loopback(host) else "https")
    if scheme not in {"http", "https"} or not host or parts.query or parts.fragment:
        raise ClientError(f"not a server's address: {text}", hint=hint)
    if parts.username is not None:
        raise ClientError(
            "a server's address must not contain a user or password", hint="cidx login URL asks"
        )
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}{f':{port}' if port else ''}{parts.path.rstrip('/')}"


def is_loopback(host: str) -> bool:
    """Tell whether *host* names this very machine."""
    return host in {"localhost", "::1"} or host.startswith("127.")

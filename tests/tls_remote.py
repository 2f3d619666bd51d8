"""
A git remote behind TLS, with an authority of its own; otherwise as `remote.RemoteThread`.

    authority = Authority(folder)
    with TlsRemote(repository, authority) as remote:
        remote.url                          # https://localhost:PORT/repo.git
        authority.file                      # for GIT_SSL_CAINFO of who shall trust it
"""

from __future__ import annotations

import datetime as dt
import ssl
from pathlib import Path

import trustme
from aiohttp import web
from remote import RemoteThread

_DAY = dt.timedelta(days=1)


class Authority:
    """
    Certifies localhost and whoever else it is told to.

    Attributes:
        file: Its certificate, in PEM.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._authority = trustme.CA()
        self.file = folder / "authority.pem"
        self._authority.cert_pem.write_to_path(str(self.file))

    def context(self, *names: str, has_expired: bool = False) -> ssl.SSLContext:
        """Return what a server of *names* (localhost if none are given) shows to its clients."""
        now = dt.datetime.now(dt.UTC)
        certificate = self._authority.issue_cert(
            *(names or ("localhost", "127.0.0.1")),
            not_before=now - 30 * _DAY,
            not_after=now - _DAY if has_expired else now + 30 * _DAY,
        )
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(made)
        return made


class TlsRemote(RemoteThread):
    """Serves the repository in *folder* over https; the certificate can change meanwhile."""

    def __init__(
        self, folder: Path, authority: Authority, *, user: str = "", password: str = ""
    ) -> None:
        super().__init__(folder, user=user, password=password)
        self._context = authority.context()

    def shows(self, context: ssl.SSLContext) -> None:
        """Show another certificate to every client that connects from now on."""

        def turn(
            connection: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _own: ssl.SSLContext
        ) -> None:
            connection.context = context

        self._context.sni_callback = turn

    def _site(self, runner: web.AppRunner) -> web.BaseSite:
        self.scheme, self.host = "https", "localhost"
        return web.TCPSite(runner, "127.0.0.1", 0, ssl_context=self._context)

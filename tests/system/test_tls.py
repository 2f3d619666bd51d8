"""The client and a server with TLS of an authority that only they know."""

from __future__ import annotations

import signal
from pathlib import Path

import trustme
from house import Home, Server, wait_until
from sandbox import Checkout


def test_a_sync_is_asked_for_and_followed_over_tls(
    home: Home, tmp_path: Path, origin: Checkout
) -> None:
    authority = trustme.CA()
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"

    def issue(name: str) -> None:
        made = authority.issue_cert(name, "127.0.0.1")
        made.private_key_pem.write_to_path(str(key))
        certificate.write_bytes(made.cert_chain_pems[0].bytes())

    issue("localhost")
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    daemon = Server(home, tmp_path / "server")
    daemon.config.write_text(
        daemon.config.read_text().replace(
            "[server]\n",
            f'[server]\ntls_certificate = "{certificate}"\ntls_key = "{key}"\n',
        )
    )
    daemon.start()
    try:
        assert daemon.url.startswith("https://127.0.0.1:")
        daemon.add_user("ada", "--admin")
        login = ("cidx", "login", daemon.url, "--username", "ada", "--password-stdin")
        said = home.run(*login, stdin="correct horse\n", code=3).stderr
        assert "certificate is not trusted" in said
        assert "CIDX_CA_FILE" in said
        plain = [word.replace("https:", "http:") for word in login]
        said = home.run(*plain, stdin="correct horse\n", code=3).stderr
        assert f"hint: if it speaks TLS: {daemon.url}" in said
        home.env["CIDX_CA_FILE"] = str(tmp_path / "nothing.pem")
        said = home.run(*login, stdin="correct horse\n", code=1).stderr
        assert "CIDX_CA_FILE" in said
        home.env["CIDX_CA_FILE"] = str(tmp_path / "authority.pem")
        home.run(*login, stdin="correct horse\n")
        home.cidx("repo", "add", str(origin.folder), "--name", "demo")
        issue("renewed.example.org")
        daemon.signal(signal.SIGHUP)
        wait_until("a reload", lambda: daemon.log().count('"tls_loaded"') == 2)
        assert "completed" in home.cidx("sync", "demo", "--follow")
    finally:
        daemon.stop()

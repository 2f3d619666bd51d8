from __future__ import annotations

import pytest

from cidxd.git.redirect import RedirectedError, followed

ASKED = "https://ada@git.example.org/old"
REFS = "/info/refs?service=git-upload-pack"


@pytest.mark.parametrize(
    ("location", "address"),
    [
        (f"https://git.example.org/new.git{REFS}", "https://ada@git.example.org/new.git"),
        (f"HTTPS://GIT.example.org:443/new{REFS}", "https://ada@GIT.example.org:443/new"),
        (f"/group/new.git{REFS}", "https://ada@git.example.org/group/new.git"),
        (f"//git.example.org/new{REFS}", "https://ada@git.example.org/new"),
    ],
)
def test_another_path_of_the_same_host_is_followed(location: str, address: str) -> None:
    assert followed(ASKED, location) == address


@pytest.mark.parametrize(
    "location",
    [
        "",
        f"https://other.example.org/old{REFS}",
        f"https://git.example.org:8443/old{REFS}",
        f"http://git.example.org/old{REFS}",
        f"https://git.example.org@127.0.0.1/old{REFS}",
        f"https://git.example.org\\@127.0.0.1/old{REFS}",
        f"https://git.example.org%2f@127.0.0.1/old{REFS}",
        f"//127.0.0.1/old{REFS}",
        f"/\\127.0.0.1/old{REFS}",
        f"https://git.exam\tple.org/new{REFS}",
        f"/new\r\nX: y{REFS}",
        f"/new%0d%0a{REFS}",
        f"/new?x=y&z={REFS}",
        f"/new#{REFS}",
        f"/old{REFS}",
        "/users/sign_in",
        "/new/info/refs",
        "/new/info/refs?service=git-receive-pack",
        f"ssh://git.example.org/new{REFS}",
        f"file:///new{REFS}",
        "/" + "a" * 3000 + REFS,
        f"https://[::1/new{REFS}",
    ],
)
def test_any_other_redirect_is_not(location: str) -> None:
    assert followed(ASKED, location) is None


def test_a_redirect_is_told_without_credentials_and_controls() -> None:
    told = RedirectedError("", f"https://u:secret@evil.example/x\x1b[2J{REFS}")

    assert told.hint == "register https://evil.example/x�[2J"

"""Keys on a disk, and what is sealed with them: wrong ones, lost ones, rows that were moved."""

from __future__ import annotations

import base64
import dataclasses
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cidxd.model.credential import Credential, CredentialKind, Secret
from cidxd.work.folders import DataFolder
from cidxd.work.keyring import NAME, Keyring, KeyUnusableError
from cidxd.work.vault import Vault

TOKEN = Secret(kind=CredentialKind.TOKEN, secret="a-token", username="ada")
HOST = "https://git.example.org"


def line() -> str:
    return base64.b64encode(os.urandom(32)).decode() + "\n"


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path)


async def sealed(data: DataFolder, rows: list[Credential], manager: Path | None = None) -> Vault:
    """Seal a token for the repository 7, and return the vault."""
    vault = Vault(Keyring(data, manager), lambda: rows)
    seal = await vault.sealing(TOKEN, HOST, by="ada", now=1.0)
    rows.append(seal(7))
    return vault


async def refused(vault: Vault, row: Credential) -> str:
    with pytest.raises(KeyUnusableError) as told:
        await vault.opened(row)
    assert told.value.hint
    return told.value.code


async def test_what_is_sealed_opens_and_looks_different_each_time(data: DataFolder) -> None:
    rows: list[Credential] = []
    vault = await sealed(data, rows)
    assert await vault.opened(rows[0]) == TOKEN
    again = (await vault.sealing(TOKEN, HOST, by="ada", now=1.0))(7)
    assert again.sealed != rows[0].sealed
    assert b"a-token" not in again.sealed
    assert "a-token" not in repr(rows[0])
    assert (data.root / NAME).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in data.root.iterdir()] == [NAME]


@pytest.mark.parametrize(
    "moved",
    [
        lambda row: dataclasses.replace(row, repository_id=8),
        lambda row: dataclasses.replace(row, authority="https://evil.example.org"),
        lambda row: dataclasses.replace(row, kind=CredentialKind.PASSWORD),
        lambda row: dataclasses.replace(row, sealed=row.sealed[:-1] + bytes([row.sealed[-1] ^ 1])),
        lambda row: dataclasses.replace(row, sealed=b""),
    ],
)
async def test_a_row_that_was_moved_or_changed_does_not_open(
    data: DataFolder, moved: Callable[[Credential], Credential]
) -> None:
    rows: list[Credential] = []
    vault = await sealed(data, rows)
    assert await refused(vault, moved(rows[0])) == "credential-unreadable"


async def test_a_lost_or_another_key_is_told_and_no_new_one_is_made(data: DataFolder) -> None:
    rows: list[Credential] = []
    vault = await sealed(data, rows)
    key = data.root / NAME
    kept = key.read_text()
    key.unlink()
    assert await refused(vault, rows[0]) == "credential-key-missing"
    with pytest.raises(KeyUnusableError, match="there are sealed credentials, and no key"):
        await vault.sealing(TOKEN, HOST, by="ada", now=1.0)
    assert not key.exists()
    key.write_text(line())
    key.chmod(0o600)
    assert await refused(vault, rows[0]) == "credential-key-missing"
    fault = await vault.fault()
    assert fault is not None
    assert rows[0].key_id in fault.message
    key.write_text(f"# two\n\n{line()}{kept}")
    assert await vault.opened(rows[0]) == TOKEN
    assert await vault.fault() is None


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o620])
async def test_a_key_that_others_can_read_or_write_is_refused(data: DataFolder, mode: int) -> None:
    rows: list[Credential] = []
    vault = await sealed(data, rows)
    (data.root / NAME).chmod(mode)
    assert await refused(vault, rows[0]) == "credential-key-unsafe"
    with pytest.raises(KeyUnusableError, match=f"mode {mode:04o}"):
        await vault.sealing(TOKEN, HOST, by="ada", now=1.0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
async def test_a_key_of_another_user_is_refused(data: DataFolder) -> None:
    rows: list[Credential] = []
    vault = await sealed(data, rows)
    os.chown(data.root / NAME, 12345, 12345)
    assert await refused(vault, rows[0]) == "credential-key-unsafe"


@pytest.mark.parametrize("text", ["hello\n", "aGVsbG8=\n", line() + "x\n", "\0" * 40 + "\n"])
async def test_what_is_no_key_is_told_with_its_line(data: DataFolder, text: str) -> None:
    path = data.root / NAME
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(KeyUnusableError, match=r"not a key for credentials.*, line [12]") as told:
        await sealed(data, [])
    assert "head -c 32" in told.value.hint
    assert text.strip() not in told.value.message


async def test_the_service_managers_key_comes_first_and_none_is_made_beside_it(
    data: DataFolder, tmp_path: Path
) -> None:
    rows: list[Credential] = []
    await sealed(data, rows)
    manager = tmp_path / "manager"
    manager.mkdir()
    assert [row.key_id for row in rows] == [Keyring(data, manager).keys()[0].key_id]
    (manager / NAME).write_text(line())
    (manager / NAME).chmod(0o440)  # as systemd gives it, with an access list
    vault = await sealed(data, rows, manager)
    assert rows[0].key_id != rows[1].key_id
    assert [await vault.opened(row) for row in rows] == [TOKEN, TOKEN]
    (data.root / NAME).unlink()
    assert await vault.opened(rows[1]) == TOKEN
    await sealed(data, rows, manager)
    assert not (data.root / NAME).exists()
    (manager / NAME).chmod(0o444)
    assert await refused(vault, rows[1]) == "credential-key-unsafe"

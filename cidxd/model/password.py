"""What a password must be; see NIST SP 800-63B: long, and not one that everybody tries first."""

from __future__ import annotations

from typing import Final

from cidxd.errors import InvalidError

LEAST: Final = 12  # characters
MOST: Final = 1024
_FEW: Final = 5  # different characters
# The longest of those that lists of leaked passwords begin with, in lower case.
_COMMON: Final = frozenset(
    {
        "123456789012", "1234567890123", "12345678901234", "123456789abc", "1q2w3e4r5t6y",
        "1qaz2wsx3edc", "administrator", "changeme1234", "changemechangeme", "letmeinletmein",
        "password1234", "passwordpassword", "password12345", "password123456", "qwertyuiop12",
        "qwertyuiop123", "qwertyuiop[]", "qwertyuiopasdf", "iloveyouiloveyou", "welcome12345",
        "correcthorsebatterystaple", "correct horse battery staple", "trustno1trustno1",
    }
)  # fmt: skip


def check(password: str, user: str, *, pointer: str) -> None:
    """
    Refuse a new password of *user* that would be guessed.

    Raises:
        InvalidError: `password-weak`; says why.
    """
    why = _fault(password, user)
    if why:
        raise InvalidError(
            f"the password {why}",
            code="password-weak",
            hint=f"use at least {LEAST} characters, such as four words that nobody else would pick",
            pointer=pointer,
        )


def _fault(password: str, user: str) -> str:
    plain = password.casefold().strip()
    if len(password) < LEAST:
        return f"is too short: {len(password)} characters"
    if len(password) > MOST:
        return f"is too long: {len(password)} characters"
    if plain in _COMMON:
        return "is one that everybody tries first"
    if len(set(plain)) < _FEW:
        return "has too few different characters"
    if len(plain.replace(user.casefold(), "")) < LEAST // 2:
        return "is little more than the user's name"
    return ""

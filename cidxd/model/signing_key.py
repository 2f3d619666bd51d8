"""One key that signs access tokens."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """
    A key, and how long what it signed is believed.

    Attributes:
        key_id: Random; stands in the header of each token.
        secret: 64 hex digits.  Never shown, logged or sent.
        good_until: POSIX seconds; None for the one that signs now.
    """

    key_id: str
    secret: str = dataclasses.field(repr=False)
    made_at: float
    good_until: float | None = None

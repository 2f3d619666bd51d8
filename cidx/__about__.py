"""Which version this is, and which wire it speaks; cidxd has its own copy of both."""

from __future__ import annotations

from typing import Final

VERSION: Final = "0.1.0"
WIRE: Final = 1

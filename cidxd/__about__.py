"""Which version this is, and which wire it speaks."""

from typing import Final

VERSION: Final = "0.1.0"
WIRE: Final = 1

"""
Which documents have a trigram: the kernel that this installation has.

A trigram is three bytes as a number, `b0 << 16 | b1 << 8 | b2`; one that contains a
newline is never indexed, since a match never spans lines.  The kernel in C is there if a
compiler was when the package was installed; its twin in numpy does the same, more slowly.
"""

from __future__ import annotations

from typing import Final

try:
    from cidxd.indexer import kernel_native as kernel
except ImportError:
    from cidxd.indexer import kernel_numpy as kernel  # type: ignore[no-redef]

__all__ = ["ENGINE", "kernel"]

ENGINE: Final[str] = kernel.ENGINE  # "native" or "numpy"

"""Programs that a machine may lack; what needs one is passed by there."""

from __future__ import annotations

import pytest

from cidxd.indexer import ctags

needs_ctags = pytest.mark.skipif(ctags.fault() is not None, reason="no Universal Ctags here")

"""
The place of a request in a trace that somebody keeps elsewhere: W3C Trace Context.

https://www.w3.org/TR/trace-context/#traceparent-header; what is no traceparent is
passed over, as the standard says, and never an error.
"""

from __future__ import annotations

import re
from typing import Final

_FORM: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?\Z")
_NO_VERSION: Final = "ff"
_LIMIT: Final = 256  # characters; a later version may have more parts


def checked(sent: str | None) -> str | None:
    """Return *sent* if it is a traceparent, else None."""
    if sent is None:
        return None
    found = _FORM.match(sent.strip()) if len(sent) <= _LIMIT else None
    if found is None:
        return None
    version, trace_id, parent_id, more = found.groups()
    is_form_known = version != _NO_VERSION and (more is None or version != "00")
    is_somewhere = trace_id.strip("0") and parent_id.strip("0")
    return found.group() if is_form_known and is_somewhere else None


def id_of(traceparent: str) -> str:
    """Return the id of the whole trace that a checked *traceparent* is within."""
    return traceparent.split("-")[1]

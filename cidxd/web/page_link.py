"""Where a list goes on."""

from __future__ import annotations

from cidxd.web.route import Call


def next_link(call: Call, cursor: str | None) -> dict[str, str]:
    """Return the `Link` header of the page after *cursor*; nothing on the last page."""
    if cursor is None:
        return {}
    following = call.request.rel_url.update_query({"cursor": cursor})
    return {"Link": f'<{following}>; rel="next"'}

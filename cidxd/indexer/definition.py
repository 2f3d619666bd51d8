"""What a definition is: the words for its kind, and how much of one is kept."""

from __future__ import annotations

from typing import Final, NamedTuple

# A union is a struct, a trait an interface, a member of an enum a constant,
# an attribute or property a field, a name space a module.
KINDS: Final = frozenset(
    {
        "class", "constant", "enum", "field", "function", "interface", "macro", "method",
        "module", "struct", "type", "variable",
    }
)  # fmt: skip
SYMBOLS_PER_BLOB: Final = 20_000
NAME_CHARACTERS: Final = 200
PARSED_BYTES: Final = 1 << 20  # larger content has no definitions, whatever is indexed of it


class Definition(NamedTuple):
    """
    A name and where it is defined.

    Attributes:
        name: As written, without what qualifies it; at most NAME_CHARACTERS.
        kind: One of KINDS.
        line: From 1.
        scope: Names of what encloses it, outermost first, joined by dots; None at the top.
    """

    name: str
    kind: str
    line: int
    scope: str | None


def kept_name(raw: bytes) -> str | None:
    """Return a name as text in one line, or None where it is none that anybody would look for."""
    try:
        name = " ".join(raw[: 4 * NAME_CHARACTERS + 1].decode("utf-8").split())
    except UnicodeDecodeError:
        return None
    return name if 0 < len(name) <= NAME_CHARACTERS and "\0" not in name else None

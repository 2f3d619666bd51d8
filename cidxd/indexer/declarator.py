"""What a declarator of C or C++ declares: the name is innermost in what is wrapped around it."""

from __future__ import annotations

from typing import Final

from tree_sitter import Node

_NAMES: Final = frozenset(
    {
        "destructor_name", "field_identifier", "identifier", "operator_cast", "operator_name",
        "qualified_identifier", "template_function", "type_identifier",
    }
)  # fmt: skip
_WRAPPERS: Final = frozenset(
    {"attributed_declarator", "parenthesized_declarator", "reference_declarator"}
)
_DEPTH: Final = 30


def declared(declarator: Node, kind: str, whole: bytes) -> Node | None:
    """
    Return the name that a declarator gives to something of *kind*, or None if it defines none.

    A function has parameters right behind its name; a variable or field that has is a
    prototype.  One that begins with `extern` is defined elsewhere.
    """
    node: Node | None = declarator
    is_function = False
    for _ in range(_DEPTH):
        if node is None:
            return None
        if node.type in _NAMES:
            break
        is_function = node.type == "function_declarator"
        node = _inner(node)
        if node is not None and node.type == "parenthesized_declarator":
            is_function = is_function and kind in {"function", "method"}
    else:
        return None
    if kind in {"function", "method"}:
        return node if is_function else None
    if kind in {"field", "variable"} and (is_function or whole.startswith(b"extern ")):
        return None
    return node


def _inner(node: Node) -> Node | None:
    if node.type in _WRAPPERS:
        return node.named_child(0) if node.named_child_count else None
    return node.child_by_field_name("declarator")

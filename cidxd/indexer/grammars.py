"""The tree-sitter grammars and our queries on them, each loaded when it is first needed."""

from __future__ import annotations

import importlib
import re
from functools import cache
from pathlib import Path
from typing import Final

from tree_sitter import Language, Parser, Query

_QUERIES: Final = Path(__file__).parent / "queries"
# Module, the function in it that gives the grammar, and the query where it is another's.
_GRAMMARS: Final[dict[str, tuple[str, str, str | None]]] = {
    "bash": ("tree_sitter_bash", "language", None),
    "c": ("tree_sitter_c", "language", None),
    "cpp": ("tree_sitter_cpp", "language", None),
    "csharp": ("tree_sitter_c_sharp", "language", None),
    "go": ("tree_sitter_go", "language", None),
    "java": ("tree_sitter_java", "language", None),
    "javascript": ("tree_sitter_javascript", "language", None),
    "php": ("tree_sitter_php", "language_php", None),
    "python": ("tree_sitter_python", "language", None),
    "ruby": ("tree_sitter_ruby", "language", None),
    "rust": ("tree_sitter_rust", "language", None),
    "tsx": ("tree_sitter_typescript", "language_tsx", "typescript"),
    "typescript": ("tree_sitter_typescript", "language_typescript", None),
}
# What no C file has, and nearly every C++ header.
_CPP: Final = re.compile(
    rb'^[ \t]*(?:namespace\s+\w|template\s*<|(?:public|private|protected)\s*:|extern\s+"C"'
    rb"|class\s+\w+\s*(?:final\s*)?[:{\n]|using\s+\w+\s*=)",
    re.MULTILINE,
)


@cache
def loaded(grammar: str) -> tuple[Parser, Query]:
    """Return the parser and the query of a grammar; KeyError if there is none."""
    module, function, other = _GRAMMARS[grammar]
    language = Language(getattr(importlib.import_module(module), function)())
    text = (_QUERIES / f"{other or grammar}.scm").read_text("utf-8")
    return Parser(language), Query(language, text)


def fitting(grammar: str, content: bytes) -> str:
    """Return the grammar that fits content better: a header named as of C may be one of C++."""
    return "cpp" if grammar == "c" and _CPP.search(content) else grammar

"""
The definitions in a file's content, found by an installed Universal Ctags.

One ctags process answers as long as it lives (its manual, ctags-json-output(5) and
"--_interactive"): a request with the size of the content, which follows; a line of JSON for each
tag; a line that says it is complete.  It may be of any version, so that only what it says under
kinds that we know is believed.
"""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from typing import Any, Final, Self

from cidxd.indexer import children
from cidxd.indexer.definition import (
    NAME_CHARACTERS,
    PARSED_BYTES,
    SYMBOLS_PER_BLOB,
    Definition,
    kept_name,
)

SILENT_S: Final = 5.0  # some of its parsers loop on what is not text
_ARGV: Final = ("--quiet", "--options=NONE", "--_interactive=default", "--fields=-aPS+nKsZ")
_TYPES: Final = frozenset({"class", "enum", "interface", "struct", "trait", "implementation"})
_ANONYMOUS: Final = "__anon"
_KINDS: Final = {
    "alias": "type", "annotation": "interface", "class": "class", "const": "constant",
    "constant": "constant", "constructor": "function", "define": "macro", "delegate": "type",
    "enum": "enum", "enumConstant": "constant", "enumerator": "constant", "event": "field",
    "field": "field", "func": "function", "function": "function", "generator": "function",
    "getter": "method", "interface": "interface", "macro": "macro",
    "member": "field", "message": "struct", "method": "method", "methodSpec": "method",
    "module": "module", "namespace": "module", "package": "module", "property": "field",
    "record": "struct", "rpc": "method", "setter": "method", "singletonMethod": "method",
    "struct": "struct", "structure": "struct", "sub": "function", "subroutine": "function",
    "table": "struct", "talias": "type", "target": "function", "trait": "interface",
    "type": "type", "typedef": "type", "typespec": "type", "union": "struct", "val": "constant",
    "var": "variable", "variable": "variable",
}  # fmt: skip
# By language: what a file of it is called, so that ctags knows it.
_NAMES: Final = {
    "assembly": "x.asm", "bash": "x.sh", "c": "x.h", "clojure": "x.clj", "cmake": "x.cmake",
    "cpp": "x.cpp", "csharp": "x.cs", "elixir": "x.ex", "erlang": "x.erl", "go": "x.go",
    "haskell": "x.hs", "java": "x.java", "javascript": "x.js", "julia": "x.jl", "kotlin": "x.kt",
    "lisp": "x.lisp", "lua": "x.lua", "make": "x.mk", "objectivec": "x.mm", "ocaml": "x.ml",
    "perl": "x.pl", "php": "x.php", "powershell": "x.ps1", "protobuf": "x.proto",
    "python": "x.py", "r": "x.r", "ruby": "x.rb", "rust": "x.rs", "sql": "x.sql",
    "tsx": "x.ts", "typescript": "x.ts", "vim": "x.vim",
}  # fmt: skip


class Ctags:
    """A ctags process that is started when first needed, and anew when it has died."""

    def __init__(self, program: str = "ctags") -> None:
        self._program = program
        self._process: children.Process | None = None

    def definitions(self, language: str, content: bytes) -> list[Definition]:
        """Return the definitions in order of their lines; none where ctags fails."""
        if len(content) > PARSED_BYTES or language not in _NAMES:
            return []
        try:
            if self._process is None:
                self._process = children.start([self._program, *_ARGV], stdin=True, stderr=None)
                _line(self._process)  # its greeting
            tags = self._tags_in_time(self._process, language, content)
        except (OSError, ValueError):
            self.close()
            return []
        found = dict.fromkeys(d for tag in tags if (d := definition(language, tag)) is not None)
        return sorted(found, key=lambda d: d.line)[:SYMBOLS_PER_BLOB]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            children.end(self._process)
            self._process = None

    def _tags_in_time(
        self, process: children.Process, language: str, content: bytes
    ) -> list[dict[str, Any]]:
        timer = threading.Timer(SILENT_S, process.kill)
        timer.start()
        try:
            return list(self._tags(process, language, content))
        finally:
            timer.cancel()

    def _tags(
        self, process: children.Process, language: str, content: bytes
    ) -> Iterator[dict[str, Any]]:
        if process.stdin is None:
            raise ValueError("ctags has pipes")
        request = {
            "command": "generate-tags",
            "filename": _NAMES[language],
            "size": len(content),
        }
        process.stdin.write(json.dumps(request).encode() + b"\n" + content)
        process.stdin.flush()
        for _ in range(2 * SYMBOLS_PER_BLOB):
            message = json.loads(_line(process))
            if message["_type"] == "completed":
                return
            if message["_type"] == "tag":
                yield message
        raise ValueError("too many tags")  # the process is ended with the rest of them


def fault(program: str = "ctags") -> str | None:
    """Return why the installed ctags cannot be used, or None if it can."""
    path = shutil.which(program)
    if path is None:
        return f"{program} was not found"
    with Ctags(path) as ctags:
        is_good = ctags.definitions("python", b"def probe(): pass\n") != []
    return None if is_good else f"not Universal Ctags with JSON: {path}"


def definition(language: str, tag: dict[str, Any]) -> Definition | None:
    """Return the definition that a tag of ctags means, or None if it is none of ours."""
    kind = _KINDS.get(str(tag.get("kind")))
    name = kept_name(str(tag.get("name", "")).encode("utf-8", "surrogatepass"))
    line = tag.get("line")
    if kind is None or name is None or not isinstance(line, int) or name.startswith(_ANONYMOUS):
        return None
    if kind == "module" and tag["kind"] == "package" and language != "perl":
        return None  # a line that every file has
    is_within_type = tag.get("scopeKind") in _TYPES
    if language == "python" and kind == "field":
        kind = "method"  # what ctags calls a member there
    elif kind == "function" and is_within_type:
        kind = "method"
    elif kind == "variable" and is_within_type:
        kind = "field"
    return Definition(name, kind, line, _scope(language, str(tag.get("scope", ""))))


def _scope(language: str, scope: str) -> str | None:
    parts = scope.replace("::", ".").replace("\\", ".").split(".")
    if language == "go":
        parts = parts[1:]  # its package
    whole = ".".join(part for part in parts if part and not part.startswith(_ANONYMOUS))
    return whole[-NAME_CHARACTERS:] or None


def _line(process: children.Process) -> bytes:
    if process.stdout is None:
        raise ValueError("ctags has pipes")
    return process.stdout.readline()

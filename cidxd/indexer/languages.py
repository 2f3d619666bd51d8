"""Which files are of which language, told by their names: one table, and who is meant by a typo."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from functools import cache
from typing import Final

from cidxd.errors import InvalidError

# A name with a dot in front is an ending, any other a whole file name; all in lower case.
# An ending may belong to two languages: a header is found under both.
LANGUAGES: Final[dict[str, str]] = {
    "assembly": ".asm .s .nasm",
    "bash": ".sh .bash .zsh .ksh .bats",
    "c": ".c .h",
    "clojure": ".clj .cljs .cljc .edn",
    "cmake": ".cmake cmakelists.txt",
    "cpp": ".cc .cpp .cxx .c++ .hh .hpp .hxx .h .ipp .inl .cu .cuh",
    "csharp": ".cs .csx",
    "css": ".css .scss .sass .less",
    "dart": ".dart",
    "dockerfile": ".dockerfile dockerfile containerfile",
    "elixir": ".ex .exs .eex .heex",
    "erlang": ".erl .hrl",
    "fsharp": ".fs .fsi .fsx",
    "go": ".go go.mod",
    "graphql": ".graphql .gql",
    "groovy": ".groovy .gradle jenkinsfile",
    "haskell": ".hs .lhs",
    "html": ".html .htm .xhtml .jinja .j2",
    "java": ".java",
    "javascript": ".js .jsx .mjs .cjs",
    "json": ".json .jsonc .json5 .jsonl .ndjson",
    "julia": ".jl",
    "kotlin": ".kt .kts",
    "lisp": ".lisp .cl .el .scm .rkt",
    "lua": ".lua",
    "make": ".mk .mak makefile gnumakefile",
    "markdown": ".md .markdown .mdx",
    "nix": ".nix",
    "objectivec": ".m .mm",
    "ocaml": ".ml .mli",
    "perl": ".pl .pm .t",
    "php": ".php .phtml",
    "powershell": ".ps1 .psm1 .psd1",
    "protobuf": ".proto",
    "python": ".py .pyi .pyx .pxd .pyw",
    "r": ".r .rmd",
    "rst": ".rst",
    "ruby": ".rb .rake .gemspec gemfile rakefile",
    "rust": ".rs",
    "scala": ".scala .sc .sbt",
    "sql": ".sql",
    "svelte": ".svelte",
    "swift": ".swift",
    "terraform": ".tf .tfvars .hcl",
    "text": ".txt",
    "toml": ".toml",
    "typescript": ".ts .tsx .mts .cts",
    "vim": ".vim vimrc .vimrc",
    "vue": ".vue",
    "xml": ".xml .xsd .xsl .xslt .svg",
    "yaml": ".yaml .yml",
    "zig": ".zig",
}
ALIASES: Final[dict[str, str]] = {
    "c#": "csharp",
    "c++": "cpp",
    "docker": "dockerfile",
    "golang": "go",
    "js": "javascript",
    "makefile": "make",
    "md": "markdown",
    "objective-c": "objectivec",
    "py": "python",
    "rb": "ruby",
    "rs": "rust",
    "sh": "bash",
    "shell": "bash",
    "ts": "typescript",
    "yml": "yaml",
}
ENGINES: Final = ("tree-sitter", "ctags", "off")  # who finds definitions
# What definitions are found in, and the ending that has a grammar of its own.
GRAMMARS: Final = frozenset(
    {
        "bash", "c", "cpp", "csharp", "go", "java", "javascript", "php", "python", "ruby", "rust",
        "tsx", "typescript",
    }
)  # fmt: skip
# What the installed ctags finds definitions in beyond those.
LONG_TAIL: Final = frozenset(
    {
        "assembly", "clojure", "cmake", "elixir", "erlang", "haskell", "julia", "kotlin", "lisp",
        "lua", "make", "objectivec", "ocaml", "perl", "powershell", "protobuf", "r", "sql", "vim",
    }
)  # fmt: skip
_TSX: Final = b".tsx"


def language_of(path: bytes) -> str | None:
    """Return the language of a path by its name; that of an ending with several is the first."""
    name = path.rpartition(b"/")[2].lower()
    by_token = _by_token()
    if name in by_token:
        return by_token[name]
    _, dot, ending = name.rpartition(b".")
    return by_token.get(dot + ending) if dot else None


def grammar_of(path: bytes) -> str | None:
    """Return what some engine parses a path's content as: its language, but TSX stands alone."""
    grammar = "tsx" if path.lower().endswith(_TSX) else language_of(path)
    return grammar if grammar in GRAMMARS or grammar in LONG_TAIL else None


def parsed_by(engine: str) -> frozenset[str]:
    """Return what an engine finds definitions in: `tree-sitter`, `ctags`, or `off`."""
    match engine:
        case "tree-sitter":
            return GRAMMARS
        case "ctags":
            return GRAMMARS | LONG_TAIL
        case _:
            return frozenset()


@cache
def _by_token() -> dict[bytes, str]:
    found: dict[bytes, str] = {}
    for language, tokens in LANGUAGES.items():
        for token in tokens.split():
            found.setdefault(token.encode(), language)
    return found


def language_filter(names: Sequence[str]) -> Callable[[bytes], bool] | None:
    """
    Return whether a path is of one of the languages *names*, as a function; None without names.

    Raises:
        InvalidError: `lang-unknown`, with the nearest name in the hint.
    """
    if not names:
        return None
    tokens = [
        token.encode() for at, name in enumerate(names) for token in _tokens(name, f"/lang/{at}")
    ]
    endings = tuple(token for token in tokens if token.startswith(b"."))
    whole = frozenset(tokens)

    def is_of_one(path: bytes) -> bool:
        name = path.rpartition(b"/")[2].lower()
        return name.endswith(endings) or name in whole

    return is_of_one


def _tokens(name: str, pointer: str) -> list[str]:
    known = ALIASES.get(name.lower(), name.lower())
    if known not in LANGUAGES:
        raise InvalidError(
            f"no such language: {name}", code="lang-unknown", hint=_hint(name), pointer=pointer
        )
    return LANGUAGES[known].split()


def _hint(name: str) -> str:
    near = difflib.get_close_matches(name.lower(), [*LANGUAGES, *ALIASES], n=1, cutoff=0.5)
    if near:
        return f"did you mean {near[0]}?"
    return "use --path with a glob, or one of: " + " ".join(LANGUAGES)

from collections.abc import Iterable

PUSH_NONE: int
PUSH_ALL: int
AND: int
OR: int
SKIP_IF_NONE: int
MAX_DOCUMENTS: int

class Collector:
    def add(self, contents: Iterable[bytes | memoryview], /) -> None: ...
    def finish(self) -> tuple[bytes, bytes, bytes]: ...

def candidates(
    blocks: bytes | memoryview,
    keys: bytes | memoryview,
    lists: bytes | memoryview,
    documents: int,
    program: bytes,
    /,
) -> list[int]: ...

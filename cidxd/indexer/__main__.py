"""`python -m cidxd.indexer build|search|symbols|upkeep`: the indexer's child programs."""

from __future__ import annotations

import os
import sys


def main() -> int:
    """Run the child named by the first argument; each import is paid by its own child only."""
    match sys.argv[1:]:
        case ["build"]:
            from cidxd.indexer import build  # noqa: PLC0415 - see above

            return build.main()
        case ["search"]:
            from cidxd.indexer import search  # noqa: PLC0415 - see above

            return search.main()
        case ["symbols", engine]:
            from cidxd.indexer import symbol_worker  # noqa: PLC0415 - see above

            return symbol_worker.main(engine)
        case ["upkeep"]:
            from cidxd.indexer import upkeep  # noqa: PLC0415 - see above

            return upkeep.main()
        case _:
            sys.stderr.write("usage: python -m cidxd.indexer build|search|symbols|upkeep\n")
            return 2


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # All is closed and on disk; to take the interpreter apart would cost a sync ten milliseconds.
    os._exit(status)

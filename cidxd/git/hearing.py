"""git's stderr, taken apart: words for people, progress, and curl's trace."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from cidxd.git import handing, headers
from cidxd.git.headers import Answer
from cidxd.git.progress import is_progress

WORDS_KEPT: Final = 40  # lines
# A remote has git say what it likes, and it is read on terminals: nothing there obeys it.
_CONTROLS: Final = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0)], "\ufffd") | {ord("\t"): "\t"}
# That nobody can be asked is how it is meant; what git says next tells what it wanted.
_NOBODY_TO_ASK: Final = "error: unable to read askpass response from "


class Hearing:
    """
    Hears one run of git.

    Attributes:
        answer: What the remote's last HTTP answer asked for.

    Args:
        on_words: Told each record that is no trace, progress included.
        say: Told each line for people.
        hidden: What is taken out of every word before anybody hears it.
    """

    def __init__(
        self,
        on_words: Callable[[str], None] | None = None,
        say: Callable[[str], None] | None = None,
        hidden: Sequence[str] = (),
    ) -> None:
        self.answer = Answer()
        self._words: deque[str] = deque(maxlen=WORDS_KEPT)
        self._on_words = on_words
        self._say = say
        self._hidden = hidden

    @property
    def words(self) -> str:
        """The last lines that git wrote for people."""
        return "\n".join(self._words)

    def __call__(self, record: bytes) -> None:
        """Take one record of stderr, without its CR or LF."""
        line = handing.concealed(record.decode("utf-8", "replace"), self._hidden)
        if (told := headers.traced(line)) is not None:
            self.answer = headers.after(self.answer, told)
            return
        line = line.translate(_CONTROLS)
        if self._on_words is not None:
            self._on_words(line)
        if is_progress(line) or line.startswith(_NOBODY_TO_ASK):
            return
        # Of a damaged pack git says the same a thousand times.
        if self._words and line == self._words[-1]:
            return
        self._words.append(line)
        if self._say is not None and line.strip():
            self._say(line.rstrip())

"""The known words that are spelt most like one that nothing knows."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

#: At most so many spellings are suggested.
_MOST: Final = 3


def nearest(word: str, known: Iterable[str]) -> list[str]:
    """Those of the known words that are spelt most like this one, capitals or not.

    >>> nearest("Watr", ["water", "fire"])
    ['water']
    """
    plain = {one.casefold(): one for one in sorted(known)}
    return [plain[near] for near in get_close_matches(word.casefold(), plain, _MOST)]

"""How lists are searched: by pattern, by whole words, by the beginnings of words (list requests of the contract)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, TypeAlias

Texts: TypeAlias = Sequence[str]

_SEPARATORS: Final = re.compile(r"[\W_]+")
_MOST: Final = 256
_ENDINGS: Final = ("ies", "ied", "ing", "es", "ed", "s", "e", "y")


def pattern(wanted: str, texts: Texts) -> bool:
    """Whether one of the texts, or a word of one, is what is wanted; ``*`` stands for anything."""
    parts = _parts(wanted)
    return any(_fits(parts, part) for text in texts for part in (text, *text.split()))


def is_like(wanted: str, text: str) -> bool:
    """Whether a text as a whole is what is wanted; ``*`` stands for anything."""
    return _fits(_parts(wanted), text)


@lru_cache(maxsize=64)
def _parts(wanted: str) -> tuple[str, ...]:
    return tuple(re.split(r"\*+", wanted[:_MOST].lower()))


def _fits(parts: Sequence[str], text: str) -> bool:
    """Whether a text is these parts with anything between them.

    No regular expression: with many stars one may take for ever to say no, and stop all other threads.
    """
    first, *between = parts
    text = text.lower()
    if not between:
        return text == first
    last = between.pop()
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    for part in between:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def words(query: str, texts: Texts) -> bool:
    """Whether the texts hold all words of the query; ``OR`` is one or the other, ``-`` means without."""
    held = {word for text in texts for word in _words(text)}
    return any(_holds(side.split(), held) for side in re.split(r"\bOR\b", query[:_MOST]))


def _holds(terms: Iterable[str], held: set[str]) -> bool:
    return all(
        not held.intersection(_words(term[1:]))
        if term.startswith("-") and len(term) > 1
        else held.issuperset(_words(term))
        for term in terms
    )


def relevance(search: str, texts: Texts) -> int:
    """How well the texts answer a search, 0 for not at all.

    Each keyword has to be a word of the texts, in whatever form, or its beginning. Whole words count
    more than beginnings, and earlier texts more than later ones.
    """
    held = [_words(text) for text in texts]
    total = 1
    for keyword in _words(search[:_MOST]):
        found = [
            2 * (len(texts) - place) + (word == keyword)
            for place, text in enumerate(held)
            for word in text
            if word.startswith(keyword) or _stem(word) == _stem(keyword)
        ]
        if not found:
            return 0
        total += max(found)
    return total


def _words(text: str) -> list[str]:
    return [part.casefold() for part in _SEPARATORS.split(text) if part]


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word.removesuffix(ending)
    return word

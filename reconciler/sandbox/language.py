"""The public text embedding model: a text becomes a vector of its words and pieces of words.

Hashed features (words, pairs of words, letter groups inside words), no vocabulary to learn or keep:
the same text has the same vector on every machine. It is the sandbox's own, not the platform's
model: it knows which texts share words and stems, not what they mean.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import HashingVectorizer

_WORDS: Final = 1024
_PIECES: Final = 1024
_MOST: Final = 200_000
"""Characters of a text that count; what comes after them changes nothing."""
_WHITE: Final = re.compile(r"\s+")


def embed(text: str) -> tuple[float, ...]:
    """The vector of a text, always of the same length, in float32 precision; zeros for no words."""
    plain = _WHITE.sub(" ", text[:_MOST]).strip()
    parts = [vectorizer.transform([plain]).toarray()[0] for vectorizer in _vectorizers()]
    return tuple(np.concatenate(parts).astype(np.float32).tolist())


@cache
def _vectorizers() -> tuple[HashingVectorizer, ...]:
    from sklearn.feature_extraction.text import HashingVectorizer

    return (
        # \w+ keeps single letters and digits, so that scripts without long words are read too.
        HashingVectorizer(n_features=_WORDS, ngram_range=(1, 2), token_pattern=r"\w+"),
        HashingVectorizer(n_features=_PIECES, analyzer="char_wb", ngram_range=(3, 4)),
    )

"""Regular expressions of strangers: matched in bounded time.

Python's engine may need longer than anybody lives for a few characters, and stops all threads of the
process meanwhile. (The platform's engine is not known; it may know no such expressions.)
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Final

SECONDS: Final = 3
"""Of the processor's time: that the machine is busy with something else shall change no answer."""
_HANGS: Final = 60.0
_SHORT: Final = 10_000
_PROGRAM: Final = """
import json, re, sys
pattern, text, seconds = json.load(sys.stdin)
try:
    import resource
except ImportError:  # not on every system
    pass
else:
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
sys.exit(10 if re.search(pattern, text) else 11)
"""
_FOUND: Final = 10
_ABSENT: Final = 11


class GaveUp(Exception):
    """It took longer than ``SECONDS``, or more memory than there is."""


def found(pattern: str, text: str) -> bool:
    """Whether the expression matches somewhere in the text. Raises ``ValueError`` and ``GaveUp``."""
    try:
        expression = re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(str(error)) from error
    if _is_quick(pattern) and len(text) <= _SHORT:
        return expression.search(text) is not None
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _PROGRAM],
            input=json.dumps([pattern, text, SECONDS]).encode(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_HANGS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise GaveUp from None
    if done.returncode not in (_FOUND, _ABSENT):
        raise GaveUp
    return done.returncode == _FOUND


def _is_quick(pattern: str) -> bool:
    """Whether it can only try each place of the text once over: one repetition, and no alternatives."""
    repetitions = sum(pattern.count(sign) for sign in "*+?{")
    return repetitions == 0 or (repetitions == 1 and not set(pattern) & set("|\\"))

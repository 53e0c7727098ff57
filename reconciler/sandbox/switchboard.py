"""The switches of a running sandbox: which behaviour holds now, and how it is changed."""

from __future__ import annotations

import difflib
import threading
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Any, Final

from reconciler.sandbox.behaviour import Behaviour

_MOST: Final = 2**31 - 1


class Switchboard:
    """Holds the behaviour of now. A request sees one behaviour from its beginning to its end."""

    def __init__(self, started: Behaviour) -> None:
        self._started = started
        self._now = started
        self._lock = threading.Lock()

    @property
    def now(self) -> Behaviour:
        """The behaviour that requests which begin now meet."""
        return self._now

    def set(self, changes: Mapping[str, object]) -> Behaviour:
        """Change some switches, all or none; the others stay. Raises ValueError."""
        for name, value in changes.items():
            _check(name, value)
        with self._lock:
            values: Any = {**asdict(self._now), **changes}
            self._now = replace(self._now, **values)
            return self._now

    def reset(self) -> Behaviour:
        """Put every switch to where it was when the sandbox started."""
        with self._lock:
            self._now = self._started
            return self._now


def _check(name: str, value: object) -> None:
    usual = {field.name: field.default for field in fields(Behaviour)}
    if name not in usual:
        near = difflib.get_close_matches(str(name), usual, 1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(usual)}"
        raise ValueError(f"unknown switch {name!r:.60}{hint}")
    if isinstance(usual[name], bool):
        if not isinstance(value, bool):
            raise ValueError(f"{name} is {value!r:.60}; it must be true or false")
    elif not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MOST:
        raise ValueError(f"{name} is {value!r:.60}; it must be a whole number from 0 to {_MOST}")

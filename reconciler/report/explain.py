"""What a code of a diagnostic means, as text for people."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from reconciler.diagnostics import CODES, code_meant
from reconciler.errors import SettingsError
from reconciler.report.explanations import domain, files, references, values, variables
from reconciler.report.explanations.form import Explanation

EXPLANATIONS: Final[Mapping[str, Explanation]] = MappingProxyType(
    {
        explanation.code: explanation
        for explanation in sorted(
            (
                *files.EXPLANATIONS,
                *values.EXPLANATIONS,
                *references.EXPLANATIONS,
                *variables.EXPLANATIONS,
                *domain.EXPLANATIONS,
            ),
            key=lambda explanation: explanation.code,
        )
    }
)
"""One for every code, in order."""

_WIDTH: Final = 88


def render_text(code: str) -> str:
    """The whole explanation of a code, upper or lower case. Raises ``SettingsError`` for others."""
    found = EXPLANATIONS.get(code.upper())
    if found is None:
        raise SettingsError(f"no check has the code {code!r}", hint=code_meant(code))
    info = CODES[found.code]
    return (
        f"{found.code}: {info.title} ({info.severity.value})\n\n"
        f"{_wrapped(found.meaning)}\n\n"
        f"Why it matters\n{_wrapped(found.why, '  ')}\n\n"
        f"Instead of\n{_example(found.bad)}\n\n"
        f"write\n{_example(found.good)}\n"
    )


def render_list() -> str:
    """Every code with its severity and title."""
    lines = [f"{info.code}  {info.severity.value:<7}  {info.title}" for info in CODES.values()]
    return "\n".join(lines) + "\n"


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(
        text, _WIDTH, initial_indent=indent, subsequent_indent=indent, break_long_words=False
    )


def _example(text: str) -> str:
    return textwrap.indent(textwrap.dedent(text), "    ")

"""The top-level keys that belong to the manifest language itself, not to a kind of resource."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from reconciler.address import Address
from reconciler.diagnostics import CODES, Diagnostic, Severity, code_meant, problem
from reconciler.errors import SettingsError
from reconciler.manifest.sections import Form, Sections, Shape
from reconciler.resource import Place
from reconciler.spec import LooseId, Spec, Text

VARIABLE_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
"""What a variable may be called; ``FILE`` alone is taken, by the option's own environment name."""


class VariableSpec(Spec):
    """A value that is set when a command runs, and used as ``"${NAME}"``."""

    type: Literal["string", "number", "integer", "boolean"] = "string"
    """What a scalar that is exactly ``${NAME}`` becomes; inside text it is text."""
    default: Text | None = None
    """The value where nothing sets one; it may use other variables."""
    description: Text | None = None
    """What the variable is for."""

    EXAMPLE: ClassVar[Mapping[str, Any]] = MappingProxyType(
        {"type": "number", "default": 0.95, "description": "How sure 'adult' must be."}
    )


class MovedSpec(Spec):
    """A rename in place: the object keeps its history, only its id changes."""

    from_: Annotated[Text, Field(alias="from")]
    """The address it had: ``model.old``."""
    to: Text
    """The address it has in this manifest: ``model.new``."""

    EXAMPLE: ClassVar[Mapping[str, Any]] = MappingProxyType(
        {"from": "model.sure", "to": "model.confident"}
    )


Level = Literal["error", "warning", "off"]


@dataclass(frozen=True, slots=True)
class Section:
    """One key of the language: what it looks like, its type for pydantic, what it is for."""

    form: Form
    type: Any
    description: str
    example: Any


SECTIONS: Mapping[str, Section] = MappingProxyType(
    {
        "variables": Section(
            Form("variable", Shape.MAP),
            dict[LooseId, VariableSpec],
            "Values by name that --var, --var-file or RECONCILER_VAR_NAME set.",
            {"ENV": {"default": "staging"}, "ADULT": {"type": "number", "default": 0.95}},
        ),
        "moved": Section(
            Form("move", Shape.LIST),
            list[MovedSpec],
            "Renames in place, by address.",
            [{"from": "model.sure", "to": "model.confident"}],
        ),
        "checks": Section(
            Form("checks", Shape.OBJECT),
            dict[LooseId, Level],
            "How severe each check of the domain is: error, warning or off.",
            {"RC501": "error", "RC514": "off"},
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Move:
    """One rename, and where the manifest says so."""

    old: Address
    new: Address
    source: Place


def moves(
    specs: Mapping[str, Any], sections: Sections
) -> tuple[tuple[Move, ...], list[Diagnostic]]:
    """The renames that a manifest states, as addresses."""
    found: list[Diagnostic] = []
    read: list[Move] = []
    for index, spec in enumerate(specs.get("moved") or ()):
        if ("moved", index) in sections.torn:
            continue
        ends: list[Address] = []
        for key, text in (("from", spec.from_), ("to", spec.to)):
            try:
                ends.append(Address.parse(text))
            except SettingsError as error:
                where = sections.find(("moved", index, key)).origin
                found.append(problem("RC211", error.message, where, hint=error.hint))
        if len(ends) == 2:
            read.append(Move(ends[0], ends[1], ("moved", index)))
    return tuple(read), found


def levelled(
    diagnostics: Iterable[Diagnostic], specs: Mapping[str, Any], sections: Sections
) -> tuple[list[Diagnostic], list[Diagnostic]]:
    """Diagnostics as severe as ``checks`` says, and what is wrong with ``checks`` itself."""
    levels: Mapping[str, str] = specs.get("checks") or {}
    wrong: list[Diagnostic] = []
    for code in levels:
        where = sections.find(("checks", code)).key
        if code not in CODES:
            hint = code_meant(code)
            wrong.append(problem("RC104", f"unknown check {code!r}", where, hint=hint))
        elif CODES[code].severity is Severity.ERROR:
            message = f"{code} is always an error: the platform would refuse what it finds"
            wrong.append(problem("RC104", message, where, hint="only warnings can be set"))
    kept = [
        replace(found, severity=Severity(levels.get(found.code, found.severity)))
        if found.severity is Severity.WARNING
        else found
        for found in diagnostics
        if found.severity is not Severity.WARNING or levels.get(found.code) != "off"
    ]
    return kept, wrong

"""Canonical spellings: where a manifest names a value of an enum otherwise than the platform does."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.catalogue import (
    ANNOTATION_STATUSES,
    COMPARATORS,
    VISIBILITIES,
    Spelling,
    canonical_model_type,
)
from reconciler.manifest.nodes import Mapping, Node, Scalar, Sequence

_OF_TYPE = {
    "concept-threshold": ("concept_threshold_type", COMPARATORS),
    "annotation-writer": ("annotation_status", ANNOTATION_STATUSES),
}
"""The keys of our own model types; what another type calls so goes to the platform as it is."""

_OF_OVERRIDE = dict(_OF_TYPE.values())


def respellings(root: Node) -> dict[tuple[int, int], str]:
    """The canonical text of each scalar that is spelt otherwise, by line and column from 1."""
    if type(root) is not Mapping:
        return {}
    return {
        (scalar.line, scalar.column): name
        for scalar, name in _names(root)
        if type(scalar) is Scalar and name is not None and name != scalar.text
    }


def _names(root: Mapping) -> Iterator[tuple[Node | None, str | None]]:
    """Scalars that name a value of an enum, with its name."""
    yield _named(root.items.get("app"), "visibility", VISIBILITIES)
    for model in _things(root.items.get("models")):
        type_id = model.items.get("model_type_id")
        canonical = canonical_model_type(type_id.text) if type(type_id) is Scalar else ""
        yield type_id, canonical or None
        yield _named(model, "visibility", VISIBILITIES)
        if canonical in _OF_TYPE:
            yield _named(model, *_OF_TYPE[canonical])
    for workflow in _things(root.items.get("workflows")):
        for node in _things(workflow.items.get("nodes")):
            override = node.items.get("output_info_override")
            params = override.items.get("params") if type(override) is Mapping else None
            for key, spelling in _OF_OVERRIDE.items():
                yield _named(params, key, spelling)


def _things(section: Node | None) -> list[Mapping]:
    """The mappings of a section, by id or as a list."""
    match section:
        case Mapping():
            items = list(section.items.values())
        case Sequence():
            items = section.items
        case _:
            items = []
    return [item for item in items if type(item) is Mapping]


def _named(node: Node | None, key: str, spelling: Spelling) -> tuple[Node | None, str | None]:
    found = node.items.get(key) if type(node) is Mapping else None
    return found, spelling.name_of(found.value) if type(found) is Scalar else None

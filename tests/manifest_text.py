"""Manifest text to a desired graph, for tests that begin with what a user writes."""

from __future__ import annotations

from reconciler import registry
from reconciler.call import Target
from reconciler.kind import Scope
from reconciler.manifest import schema
from reconciler.manifest.desired import build
from reconciler.manifest.documents import load_texts
from reconciler.manifest.sections import merge
from reconciler.origin import Origin
from reconciler.resource import Resource, ResourceGraph

TARGET = Target("alice", "an-app")
SCOPE = Scope(TARGET, "alice")


def declared(text: str, scope: Scope = SCOPE) -> ResourceGraph:
    """What a text without schema mistakes declares; its references need not lead anywhere."""
    kinds = registry.load()
    loaded = load_texts({"m.yaml": text})
    sections, found = merge(loaded.documents, schema.forms(kinds), Origin("m.yaml"))
    validated = schema.validate(sections, kinds)
    assert [*loaded.diagnostics, *found, *validated.diagnostics] == []
    return build(validated.specs, kinds, scope)


def only(text: str, kind: str, scope: Scope = SCOPE) -> Resource:
    """The one resource of a kind in a text."""
    (found,) = (r for r in declared(text, scope) if r.address.kind == kind)
    return found

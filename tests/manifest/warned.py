"""The domain's warnings about a manifest given as text, without the other checks."""

from __future__ import annotations

from pathlib import Path

from reconciler import registry
from reconciler.call import Target
from reconciler.diagnostics import Diagnostic, arrange
from reconciler.kind import Scope
from reconciler.manifest import documents, domain, schema
from reconciler.manifest.sections import merge
from reconciler.origin import Origin
from reconciler.resource import ResourceGraph


def warnings(path: Path, owner: str | None = None) -> tuple[Diagnostic, ...]:
    """What ``domain.check`` says of the manifest at a path, in order."""
    kinds = registry.load()
    loaded = documents.load(path)
    sections, found = merge(loaded.documents, schema.forms(kinds), Origin(path.as_posix()))
    validated = schema.validate(sections, kinds)
    assert [*found, *loaded.diagnostics, *validated.diagnostics] == []
    scope = Scope(Target("me", "app"))
    graph = ResourceGraph.of(
        resource for kind in kinds.values() for resource in kind.declare(validated.specs, scope)
    )

    def locate(place: tuple[str | int, ...]) -> Origin:
        return validated.sections.find(place).origin

    return arrange(domain.check(graph, locate, owner))


def warnings_of(text: str, folder: Path, owner: str | None = None) -> tuple[Diagnostic, ...]:
    """What is said of a manifest with this text."""
    (folder / "app.yaml").write_text(text)
    return warnings(folder / "app.yaml", owner)

"""A kind that nobody taught the export is written as a map from ids to fields."""

from __future__ import annotations

from pathlib import Path

from export.apps import KINDS, Apps, write

from reconciler.address import APP, Address
from reconciler.call import Target
from reconciler.export.manifest import WRITERS, export
from reconciler.export.reading import Found
from reconciler.export.statements import Shape
from reconciler.planning.live import LiveApp
from reconciler.resource import Resource, ResourceGraph
from reconciler.values import Mark


def test_every_form_of_its_own_belongs_to_a_kind() -> None:
    assert WRITERS.keys() <= KINDS.keys()


def test_a_live_app_knows_the_section_of_every_kind(tmp_path: Path) -> None:
    apps = Apps()
    write(tmp_path / "app.yaml", {"app": {"id": "some"}})
    apps.apply(tmp_path / "app.yaml")
    sections = {kind.name: kind.section for kind in KINDS.values() if kind.section}
    assert apps.find("some").sections == sections


def test_a_kind_that_is_new_is_exported_as_it_stands() -> None:
    fields = {"title": "Night shift", "size": 3, "note": ""}
    team = Resource(
        Address("team", ("night",)),
        fields,
        mark=Mark("some", protect=True),
        raw={"id": "night", "created_at": "2026-01-01T00:00:00Z", **fields, "color": "blue"},
    )
    graph = ResourceGraph.of([Resource(Address(APP), {"name": "Some"}), team])
    app = LiveApp(Target("me", "some"), "me", graph, exists=True)
    found = Found(app, sections={APP: "app", "team": "teams"})
    exported = export(found, Shape(), lambda text: ())
    assert exported.text.splitlines()[-4:] == [
        "",
        "teams:",
        "  # live too, but no key of a manifest says it: color",
        "  night: {prevent_destroy: true, size: 3, title: Night shift}",
    ]

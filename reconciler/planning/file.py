"""The plan file: a plan as JSON, read back so that exactly what was reviewed can be carried out.

What it says of the desired side is the graph as declared, before pins and external models were
settled: whoever plans again from it asks the same question.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from reconciler.address import APP, DEFAULT_WORKFLOW, Address, field_path
from reconciler.call import Target
from reconciler.kind import Kind
from reconciler.planning import file_schema
from reconciler.planning.change import Operation
from reconciler.planning.diff import shown
from reconciler.planning.file_reading import read_document
from reconciler.planning.file_schema import FORMAT_VERSION
from reconciler.planning.options import Options
from reconciler.planning.plan import Plan, Source
from reconciler.planning.stale import moved_objects, moved_operations
from reconciler.resource import External, NewVersion, Reference, Resource, ResourceGraph
from reconciler.resource import ReuseVersion as Reuse
from reconciler.values import Unknown, digest, freeze, thaw, unknowns


@dataclass(frozen=True, slots=True)
class PlanFile:
    """A plan file that was read and found whole.

    ``desired`` is the graph as declared; ``source.digest`` is the manifest's; ``operations`` are
    plain JSON, as ``live_objects`` is: what was known of each live object that the plan rests on.
    """

    tool_version: str
    base_url: str
    target: Target
    owner: str
    source: Source
    options: Options
    moves: tuple[tuple[Address, Address], ...]
    live_digest: str
    live_objects: Mapping[str, Any]
    desired: ResourceGraph
    summary: Mapping[str, int]
    operations: tuple[Mapping[str, Any], ...]
    warnings: tuple[str, ...]


# --- writing


def to_json(
    plan: Plan, tool_version: str, requests: Sequence[Mapping[str, Any]] | None = None
) -> dict[str, Any]:
    """The document of ``schemas/plan.schema.json``. ``plan.declared`` must be there.

    ``requests`` are the writes, where they were asked for.
    """
    if plan.declared is None:
        raise ValueError("a plan without its declared graph cannot be read back")
    objects = live_objects(plan)
    document: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "tool_version": tool_version,
        "target": {
            "base_url": plan.base_url,
            "user_id": plan.target.user_id,
            "app_id": plan.target.app_id,
        },
        "owner": plan.owner,
        "source": {
            "path": plan.source.path,
            "overlays": list(plan.source.overlays),
            "variables": thaw(freeze(plan.source.variables)),
        },
        "options": plan.options.as_json(),
        "manifest_digest": plan.source.digest,
        "live_digest": digest(objects),
        "live_objects": objects,
        "desired": graph_to_json(plan.declared),
        "moved": [{"from": str(old), "to": str(new)} for old, new in plan.moves],
        "summary": plan.summary(),
        "operations": [operation_to_json(operation) for operation in plan.operations],
        **({"switch": plan.switch.as_json()} if plan.switch else {}),
        "unmanaged": _texts(plan.unmanaged),
        "prunable": _texts(plan.prunable),
        "left_out": _texts(plan.left_out),
        "warnings": [*plan.warnings, *_strays(plan)],
        **({"requests": list(requests)} if requests is not None else {}),
    }
    first = {name: document.pop(name) for name in ("format_version", "tool_version")}
    return {**first, "plan_digest": digest({**first, **document}), **document}


def to_text(
    plan: Plan, tool_version: str, requests: Sequence[Mapping[str, Any]] | None = None
) -> str:
    """``to_json`` as text. ASCII alone: it survives every encoding, and no terminal obeys it."""
    return json.dumps(to_json(plan, tool_version, requests), indent=2, allow_nan=False) + "\n"


def operation_to_json(operation: Operation) -> dict[str, Any]:
    """One operation. ``requires`` means every operation of an address that stands earlier."""
    change = operation.change
    found: dict[str, Any] = {"address": str(change.address), "action": change.action.value}
    if change.previous is not None:
        found["previous"] = str(change.previous)
    if isinstance(change.version, NewVersion):
        found["version"] = "new"
    elif isinstance(change.version, Reuse):
        found["version"] = {"reuse": change.version.id}
    return {
        **found,
        "class": change.change_class.value,
        "reason": change.reason,
        "requires": list(dict.fromkeys(str(key.address) for key in operation.requires)),
        "changes": [shown(field) for field in change.fields],
        "known_after_apply": [
            *(
                field_path(path)
                for field in change.fields
                for path in _placeholders(field.after, field.path)
            ),
            *(["version"] if isinstance(change.version, NewVersion) else ()),
        ],
    }


def _placeholders(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    """Where in a value something is known only after apply."""
    if isinstance(value, Unknown):
        yield path
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _placeholders(item, (*path, name))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _placeholders(item, (*path, index))


def live_digest(plan: Plan) -> str:
    """The digest of ``live_objects``."""
    return digest(live_objects(plan))


def live_objects(plan: Plan) -> dict[str, Any]:
    """What is known of every live object that an operation touches or pins, by address.

    ``fields`` is a digest of the declared fields, as the live app has them. The app's
    ``modified_at`` is left out: anything may touch it.
    """
    touched: set[Address] = set()
    for operation in plan.operations:
        change = operation.change
        touched |= {change.address, *([change.previous] if change.previous else [])}
        for side in (change.desired, change.live):
            touched |= {ref.to for ref in side.references if ref.pins} if side else set()
    return _live_objects(plan, touched)


def _live_objects(plan: Plan, addresses: Iterable[Address]) -> dict[str, Any]:
    """Of these addresses, those that are live."""
    return {
        str(address): _live_object(live, plan.desired.get(address))
        for address in sorted(addresses)
        if (live := plan.live.get(address)) is not None
    }


def _live_object(live: Resource, desired: Resource | None) -> dict[str, Any]:
    names = live.fields if desired is None else desired.fields
    found: dict[str, Any] = {"fields": digest({name: live.fields.get(name) for name in names})}
    if live.versions:
        found["newest_version"] = live.versions[0].id
    pins = {field_path(ref.path): ref.version for ref in live.references if ref.pins}
    if pins:
        found["pins"] = dict(sorted(pins.items()))
    modified = live.raw.get("modified_at")
    if modified and live.address.kind not in (APP, DEFAULT_WORKFLOW):
        found["modified_at"] = str(modified)
    return found


def graph_to_json(graph: ResourceGraph) -> dict[str, Any]:
    """Resources by address; what ``graph_from_json`` reads back to an equal graph.

    Of a desired graph, that is: marks, versions and raw objects are the live side's.
    """
    return {str(resource.address): _resource_to_json(resource) for resource in graph}


def _resource_to_json(resource: Resource) -> dict[str, Any]:
    for value in (resource.fields, resource.configuration, resource.options):
        for unknown in unknowns(value):
            raise ValueError(f"{resource.address} was settled already: it holds {unknown!r}")
    found: dict[str, Any] = {"fields": thaw(resource.fields)}
    if resource.configuration is not None:
        found["configuration"] = thaw(resource.configuration)
    if resource.references:
        found["references"] = [_reference_to_json(ref) for ref in resource.references]
    if resource.externals:
        found["externals"] = [
            {
                "model": external.model,
                "version": external.version,
                "model_path": list(external.model_path),
                "version_path": list(external.version_path),
            }
            for external in resource.externals
        ]
    if resource.options:
        found["options"] = thaw(resource.options)
    if resource.identity != resource.address:
        found["identity"] = thaw(resource.identity)
    return found


def _reference_to_json(reference: Reference) -> dict[str, Any]:
    found: dict[str, Any] = {"path": list(reference.path), "to": str(reference.to)}
    if reference.pins:
        found["pins"] = True
    if reference.version:
        found["version"] = reference.version
    return found


def _strays(plan: Plan) -> Iterator[str]:
    for address, ids in plan.strays.items():
        yield f"{address}: newer versions, or copies, that nothing here uses: {', '.join(ids)}"


def _texts(addresses: Iterable[Address]) -> list[str]:
    return [str(address) for address in addresses]


# --- reading


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a plan file: ``schemas/plan.schema.json``."""
    return file_schema.build()


def read_json(text: str, kinds: Mapping[str, Kind]) -> PlanFile:
    """The plan file in ``text``.

    Raises ``PlanFileError``: not JSON, of a newer format, of another shape, or changed since it
    was written.
    """
    return _plan_file(read_document(text, kinds))


def _plan_file(document: Mapping[str, Any]) -> PlanFile:
    target, source, options = document["target"], document["source"], document["options"]
    return PlanFile(
        tool_version=document["tool_version"],
        base_url=target["base_url"],
        target=Target(target["user_id"], target["app_id"]),
        owner=document["owner"],
        source=Source(
            source["path"],
            document["manifest_digest"],
            tuple(source["overlays"]),
            MappingProxyType(source["variables"]),
        ),
        options=Options.read(options),
        moves=tuple(
            (Address.parse(move["from"]), Address.parse(move["to"])) for move in document["moved"]
        ),
        live_digest=document["live_digest"],
        live_objects=MappingProxyType(document["live_objects"]),
        desired=graph_from_json(document["desired"]),
        summary=MappingProxyType(document["summary"]),
        operations=tuple(MappingProxyType(operation) for operation in document["operations"]),
        warnings=tuple(document["warnings"]),
    )


def graph_from_json(document: Mapping[str, Any]) -> ResourceGraph:
    """The graph that ``graph_to_json`` wrote. Raises ``SettingsError`` for what is no address."""
    return ResourceGraph.of(
        _resource(Address.parse(address), found) for address, found in document.items()
    )


def _resource(address: Address, found: Mapping[str, Any]) -> Resource:
    return Resource(
        address,
        found["fields"],
        found.get("configuration"),
        tuple(
            Reference(
                tuple(ref["path"]),
                Address.parse(ref["to"]),
                ref.get("version", ""),
                ref.get("pins", False),
            )
            for ref in found.get("references", ())
        ),
        tuple(
            External(
                external["model"],
                external["version"],
                tuple(external["model_path"]),
                tuple(external["version_path"]),
            )
            for external in found.get("externals", ())
        ),
        options=found.get("options", {}),
        identity=_hashable(found.get("identity")),
    )


def _hashable(value: Any) -> Hashable:
    return tuple(map(_hashable, value)) if isinstance(value, list) else value


# --- comparing


def delta(file: PlanFile, fresh: Plan) -> Mapping[str, tuple[str, ...]]:
    """By address, how a new plan differs from a saved one: another ``target``, and the operations."""
    target = (
        *_elsewhere(file, fresh),
        *_unlike("owner", file.owner, fresh.owner),
        *_unlike("reindex", file.options.reindex, fresh.options.reindex),
    )
    operations = moved_operations(file.operations, _plain(fresh.operations))
    return {"target": target, **operations} if target else operations


def _elsewhere(file: PlanFile, fresh: Plan) -> tuple[str, ...]:
    """Where a saved plan and a new one are for two apps."""
    return (
        *_unlike("base_url", file.base_url, fresh.base_url),
        *_unlike("user_id", file.target.user_id, fresh.target.user_id),
        *_unlike("app_id", file.target.app_id, fresh.target.app_id),
    )


def _unlike(name: str, was: str | bool, now: str | bool) -> tuple[str, ...]:
    shown = [str(value).lower() if isinstance(value, bool) else value for value in (was, now)]
    return () if was == now else (f"{name}: planned for {shown[0]}, found {shown[1]}",)


def _plain(operations: Iterable[Operation]) -> Any:
    """Operations as a plan file would give them back."""
    return json.loads(json.dumps([operation_to_json(one) for one in operations]))


def moved(file: PlanFile, fresh: Plan) -> tuple[str, ...]:
    """What moved between a saved plan and a new one from its ``desired``; empty if nothing did."""
    operations = moved_operations(file.operations, _plain(fresh.operations), same_wish=True)
    now = _live_objects(fresh, map(Address.parse, file.live_objects))
    objects = moved_objects(file.live_objects, live_objects(fresh) | now)
    return (
        *_elsewhere(file, fresh),
        *(line for lines in operations.values() for line in lines),
        *(line for address in objects if address not in operations for line in objects[address]),
    )

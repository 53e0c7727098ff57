"""The live app, read with few bulk requests, and what the desired side leaves to it.

After the bulk lists come only questions that the lists could not answer: the configuration of a
version, and where a model of another app stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from reconciler import dag
from reconciler.address import Address
from reconciler.api.protocol import Reader
from reconciler.call import Call, Json, Listing, Target
from reconciler.catalogue import PUBLIC_APP_ID, PUBLIC_USER_ID
from reconciler.errors import ApiError, NotFoundError, RefusedError, SettingsError
from reconciler.kind import Kind, Scope, VersionedKind
from reconciler.model_reference import owned_model
from reconciler.planning.versions import (
    Choice,
    Followers,
    Question,
    choose,
    followers,
    resolved,
    with_versions,
)
from reconciler.resource import External, Resource, ResourceGraph, Version, VersionStatus


@dataclass(frozen=True, slots=True)
class LiveApp:
    """The app as it is: ``exists`` is False if it has yet to be created.

    ``target`` has the real user id, ``me`` is the real id of the token's user. ``called`` holds,
    by new address, what the service still calls a resource that is to be renamed.
    """

    target: Target
    me: str
    graph: ResourceGraph
    exists: bool
    called: Mapping[Address, Address] = field(default_factory=dict)

    @property
    def scope(self) -> Scope:
        """What the desired side is built for."""
        return Scope(self.target, self.me)

    def name_of(self, address: Address) -> Address:
        """What the service calls a resource now."""
        return self.called.get(address, address)


@dataclass(frozen=True, slots=True)
class Settled:
    """Both sides, ready to be compared: no question is left open."""

    desired: ResourceGraph
    live: ResourceGraph
    choices: Mapping[Address, Choice]


def read_app(
    reader: Reader, kinds: Mapping[str, Kind], target: Target, *, trusting: bool = True
) -> LiveApp:
    """All live resources: one request for the app, then one list a kind, concurrently.

    ``trusting`` takes a recorded digest for the configuration that it stands for. Raises ApiError.
    """
    target, me, answer = identify(reader, target)
    if answer is None:
        return LiveApp(target, me, ResourceGraph.of(()), exists=False)
    found = [
        resource
        for kind in kinds.values()
        if isinstance(kind.live(target), Call)
        for resource in kind.read(answer, target)
    ]
    listed = {
        kind: source for kind in kinds.values() if isinstance(source := kind.live(target), Listing)
    }
    for kind, items in zip(listed, reader.read_lists(list(listed.values())), strict=True):
        found += [resource for item in items for resource in kind.read(item, target)]
    if not trusting:
        found = [replace(r, versions=tuple(map(_unread, r.versions))) for r in found]
    return LiveApp(target, me, ResourceGraph.of(found), exists=True)


def identify(reader: Reader, target: Target) -> tuple[Target, str, Json | None]:
    """The real user, the token's user, and the app's answer.

    ``me`` is asked for first: where the app is the token's own, one request tells all three.
    """
    mine = Target("me", target.app_id)
    answer = _get(reader, Call("GET", mine.path))
    owner = answer["app"].get("user_id", "") if answer else ""
    if owner and target.user_id in ("me", owner):
        return Target(owner, target.app_id), owner, answer
    me = str(reader.get(Call("GET", "/v2/users/me"))["user"]["id"])
    if target.user_id in ("me", me):
        return Target(me, target.app_id), me, None
    return target, me, _get(reader, Call("GET", target.path))


def _get(reader: Reader, call: Call) -> Json | None:
    try:
        return reader.get(call)
    except NotFoundError:
        return None


def settle(
    reader: Reader,
    kinds: Mapping[str, Kind],
    desired: ResourceGraph,
    live: LiveApp,
    *,
    trusting: bool = True,
    retrain: Iterable[Address] = (),
) -> Settled:
    """Externals pinned, versions chosen, followers filled in.

    ``retrain`` are models that get a new version whatever they hold. Raises ApiError;
    ``RefusedError`` for a model of another app that is not there, ``SettingsError`` for one in
    ``retrain`` that cannot be trained.
    """
    retrain = frozenset(retrain)
    _check_trainable(retrain, desired, kinds)
    desired = _pin_externals(reader, desired, live)
    following = followers(desired, live.graph)
    twins = live.graph
    models = [r for r in desired if isinstance(kinds[r.address.kind], VersionedKind)]
    choices: dict[Address, Choice] = {}
    histories: dict[Address, Sequence[str]] = {}
    open_ = {resource.address: resource for resource in models}
    while open_:
        asked: dict[Address, Question] = {}
        for address in list(open_):
            resource, twin = open_[address], twins.get(address)
            if any(r.pins and not r.version and r.to in open_ for r in resource.references):
                continue
            resource = resolved(resource, twin, choices)
            kind = kinds[address.kind]
            assert isinstance(kind, VersionedKind)
            answer = choose(
                resource,
                twin if twin and twin.identity == resource.identity else None,
                following.get(address),
                open_maps=kind.open_maps,
                history=histories.get(address),
                retrain=address in retrain,
                # a trained one has equals for good reasons: --retrain makes them
                thorough=not trusting and not kind.trains(resource),
            )
            if isinstance(answer, Question):
                asked[address] = answer
            else:
                choices[address] = answer
                del open_[address]
        if not asked and open_:
            sample = {a: {r.to for r in open_[a].references} for a in open_}
            dag.sort(sample, key=str, name=str)  # names the circle
        twins = _read_versions(reader, kinds, live, twins, asked, trusting=trusting)
        histories |= _read_histories(reader, kinds, live, following, asked)
    desired = desired.replacing(
        [resolved(resource, twins.get(resource.address), choices) for resource in desired]
    )
    return Settled(desired, twins, MappingProxyType(choices))


def _check_trainable(
    retrain: Iterable[Address], desired: ResourceGraph, kinds: Mapping[str, Kind]
) -> None:
    for address in retrain:
        resource, kind = desired.get(address), kinds.get(address.kind)
        if resource is None or not isinstance(kind, VersionedKind) or not kind.trains(resource):
            raise SettingsError(
                f"{address} is no model of this manifest that could be trained",
                hint="--retrain takes models of a trainable type, such as embedding-classifier",
            )


def _read_versions(
    reader: Reader,
    kinds: Mapping[str, Kind],
    app: LiveApp,
    live: ResourceGraph,
    asked: Mapping[Address, Question],
    *,
    trusting: bool,
) -> ResourceGraph:
    """The live side with the versions that were asked for; a vanished one counts as failed."""
    wanted: list[tuple[Resource, VersionedKind, str]] = []
    listed: list[tuple[Resource, VersionedKind]] = []
    for address, question in asked.items():
        resource, kind = live.get(address), kinds[address.kind]
        assert resource is not None and isinstance(kind, VersionedKind)
        wanted += [(resource, kind, version) for version in question.versions]
        if question.all_versions:
            listed.append((resource, kind))
    changed: dict[Address, Resource] = {}
    lists = reader.read_lists(
        [kind.versions(app.target, app.name_of(resource.address)) for resource, kind in listed]
    )
    for (resource, kind), items in zip(listed, lists, strict=True):
        versions = [kind.read_version(item, resource, full=False) for item in items]
        versions = versions if trusting else list(map(_unread, versions))
        changed[resource.address] = with_versions(resource, versions, complete=True)
    answers = reader.get_all(
        [kind.version(app.target, app.name_of(r.address), v) for r, kind, v in wanted]
    )
    for (resource, kind, id_), answer in zip(wanted, answers, strict=True):
        if isinstance(answer, NotFoundError):
            version = Version(id_, VersionStatus.FAILED, "", configuration={})
        elif isinstance(answer, ApiError):
            raise answer
        else:
            version = kind.read_version(answer["model_version"], resource, full=True)
        before = changed.get(resource.address, resource)
        changed[resource.address] = with_versions(before, [version])
    return live.replacing(changed.values())


def _unread(version: Version) -> Version:
    return replace(version, digest="")


def _read_histories(
    reader: Reader,
    kinds: Mapping[str, Kind],
    live: LiveApp,
    following: Mapping[Address, Followers],
    asked: Mapping[Address, Question],
) -> dict[Address, Sequence[str]]:
    """For each model asked about: versions that its followers pinned earlier, the latest first."""
    histories: dict[Address, Sequence[str]] = {}
    for address in (address for address, question in asked.items() if question.history):
        seen: list[str] = []
        users = {user for user, _ in following[address].pinned} if address in following else set()
        for user in sorted(users):
            listing = kinds[user.kind].history(live.target, live.name_of(user))
            for item in reader.read_list(listing) if listing else ():
                references = kinds[user.kind].read_history(item, live.target)
                names = (address, live.name_of(address))
                seen += [r.version for r in references if r.to in names and r.version]
        histories[address] = tuple(dict.fromkeys(seen))
    return histories


def _pin_externals(reader: Reader, desired: ResourceGraph, live: LiveApp) -> ResourceGraph:
    """Every model of another app by its readable id and a version.

    What the live twin pins already in the same place is right without asking.
    """
    open_: list[tuple[Resource, External]] = []
    for resource in desired:
        twin = live.graph.get(resource.address)
        for external in resource.externals:
            if not (external.version and twin and _value(twin, external) == external.version):
                open_.append((resource, external))
    found = _look_up(reader, live, {(e.model, e.version) for _, e in open_})
    missing = [
        f"{resource.address}: model {external.model!r} "
        + (f"version {external.version!r} " if external.version else "")
        + "is not there, or this token may not see it"
        for resource, external in open_
        if found[external.model, external.version] is None
    ]
    if missing:
        raise RefusedError(sorted(missing))
    changed: dict[Address, Resource] = {}
    for resource, external in open_:
        answer = found[external.model, external.version]
        assert answer is not None
        model, version = answer
        before = changed.get(resource.address, resource)
        changed[resource.address] = before.with_values(
            {external.model_path: model, external.version_path: version}
        )
    return desired.replacing(changed.values())


def _value(resource: Resource, external: External) -> Any:
    """The version that a live resource pins where ``external`` stands, if the model is the same."""
    same_model = resource.value(external.model_path) == external.model
    return resource.value(external.version_path) if same_model else None


def _look_up(
    reader: Reader, live: LiveApp, wanted: Iterable[tuple[str, str]]
) -> Mapping[tuple[str, str], tuple[str, str] | None]:
    """The readable name and the version of each (model, version); None for what is not there."""
    found: dict[tuple[str, str], tuple[str, str] | None] = {}
    calls: dict[tuple[str, str], Call] = {}
    asked: dict[tuple[str, str], tuple[str, str]] = {}
    for model, version in sorted(wanted):
        own = live.graph.get(Address("model", (model,)))
        if "/" in model:
            owner, app, id_ = model.split("/")
        elif own is not None:
            owner, app, id_ = live.target.user_id, live.target.app_id, model
        else:
            owner, app, id_ = PUBLIC_USER_ID, PUBLIC_APP_ID, model
        query = {"version_id": version} if version else {}
        asked[model, version] = owner, app
        calls[model, version] = Call("GET", Target(owner, app).at("models", id_), query)
    for key, answer in zip(calls, reader.get_all(list(calls.values())), strict=True):
        if isinstance(answer, NotFoundError):
            found[key] = None
        elif isinstance(answer, ApiError):
            raise answer
        else:
            model = answer["model"]
            version = key[1] or (model.get("model_version") or {}).get("id", "")
            owner, app = asked[key]
            owner, app = model.get("user_id") or owner, model.get("app_id") or app
            name = owned_model(owner, app, model["id"], live.scope)
            found[key] = (name, version) if version else None
    return found

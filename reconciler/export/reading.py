"""The live app with all that its manifest has to say: one version of each model read whole.

Which one that is follows from what a manifest means by a model: the version that the app's
workflows pin, where none does the newest trained one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from reconciler.address import DEFAULT_WORKFLOW, Address
from reconciler.api.protocol import Reader
from reconciler.call import Call, Json, Listing, Target
from reconciler.errors import ApiError, NotFoundError
from reconciler.kind import Kind, VersionedKind
from reconciler.planning.live import LiveApp, read_app
from reconciler.planning.versions import with_versions
from reconciler.resource import Resource, ResourceGraph, Version, VersionStatus


@dataclass(frozen=True, slots=True)
class Described:
    """The version of a model that its manifest describes, with the service's own answer.

    ``pinned``: a workflow of the app runs it.
    """

    version: Version
    raw: Mapping[str, Json]
    pinned: bool


@dataclass(frozen=True, slots=True)
class Found:
    """A live app, read for its manifest.

    ``described`` lacks models without any version; ``gone`` are versions that a node pins and the
    service does not have any more; ``strange`` are items of a list that no kind understands, by the
    list's key. ``sections`` says where a manifest has each kind, in the order of creation.
    """

    app: LiveApp
    described: Mapping[Address, Described] = field(default_factory=dict)
    gone: frozenset[tuple[Address, str]] = frozenset()
    strange: Mapping[str, Sequence[Json]] = field(default_factory=dict)
    sections: Mapping[str, str] = field(default_factory=dict)


def find(reader: Reader, kinds: Mapping[str, Kind], target: Target) -> Found:
    """Reads an app: what a plan reads, and each model's described version. Raises ApiError."""
    noting = _Noting(reader)
    app = read_app(noting, kinds, target)
    if not app.exists:
        return Found(app)
    models = {r.address: r for r in app.graph if isinstance(kinds[r.address.kind], VersionedKind)}
    pins = _pins(app.graph)
    pinned = [(a, v) for a, versions in pins.items() if a in models for v in versions]
    answers = _read(reader, kinds, app.target, models, pinned)
    models = _listed(reader, kinds, app, models, answers)
    newest = [
        (address, version.id)
        for address, model in models.items()
        if (version := _newest(model)) is not None
    ]
    missing = [(a, v) for a, v in newest if (a, v) not in answers and not _pinned(a, pins, answers)]
    answers |= _read(reader, kinds, app.target, models, missing)
    read: dict[Address, list[Json]] = defaultdict(list)
    for (address, _), answer in answers.items():
        read[address] += [answer] if answer is not None else []
    described: dict[Address, Described] = {}
    for address, model in models.items():
        kind = _kind(kinds, address)
        known = [kind.read_version(answer, model, full=True) for answer in read[address]]
        whole = with_versions(model, known)
        models[address] = whole
        chosen = _pinned(address, pins, answers) or dict(newest).get(address)
        raw = answers.get((address, chosen)) if chosen else None
        if raw is not None:
            version = next(v for v in whole.versions if v.id == chosen)
            described[address] = Described(version, raw, chosen in pins.get(address, ()))
    app = replace(app, graph=app.graph.replacing(models.values()))
    gone = frozenset(pair for pair in pinned if answers.get(pair) is None)
    sections = {kind.name: kind.section for kind in kinds.values() if kind.section}
    return Found(app, described, gone, noting.strange(kinds, app.target), sections)


def _pins(graph: ResourceGraph) -> Mapping[Address, tuple[str, ...]]:
    """The versions of each model that workflows pin: what runs on every input comes first."""
    pins: dict[Address, dict[str, None]] = defaultdict(dict)
    default = graph.get(Address(DEFAULT_WORKFLOW))
    runs = {reference.to for reference in default.references} if default else set()
    for resource in sorted(graph, key=lambda r: (r.address not in runs, r.address)):
        for reference in resource.references:
            if reference.pins and reference.version:
                pins[reference.to][reference.version] = None
    return {address: tuple(versions) for address, versions in pins.items()}


_Answers = dict[tuple[Address, str], Json | None]


def _read(
    reader: Reader,
    kinds: Mapping[str, Kind],
    target: Target,
    models: Mapping[Address, Resource],
    wanted: Iterable[tuple[Address, str]],
) -> _Answers:
    """Versions with their configuration, read concurrently; None for one that is not there."""
    pairs = list(wanted)
    answers: _Answers = {}
    read = reader.get_all([_kind(kinds, a).version(target, a, v) for a, v in pairs])
    for pair, answer in zip(pairs, read, strict=True):
        if isinstance(answer, NotFoundError):
            answers[pair] = None
        elif isinstance(answer, ApiError):
            raise answer
        else:
            answers[pair] = answer["model_version"]
    return answers


def _kind(kinds: Mapping[str, Kind], address: Address) -> VersionedKind:
    kind = kinds[address.kind]
    assert isinstance(kind, VersionedKind)
    return kind


def _listed(
    reader: Reader,
    kinds: Mapping[str, Kind],
    app: LiveApp,
    models: Mapping[Address, Resource],
    answers: _Answers,
) -> dict[Address, Resource]:
    """The models, with all their versions where neither a pin nor the newest one decides."""
    pinned = {address for (address, _), answer in answers.items() if answer is not None}
    open_ = [
        (address, model)
        for address, model in models.items()
        if address not in pinned
        and not (model.versions and model.versions[0].status is VersionStatus.TRAINED)
    ]
    lists = reader.read_lists([_kind(kinds, a).versions(app.target, a) for a, _ in open_])
    found = dict(models)
    for (address, model), items in zip(open_, lists, strict=True):
        kind = _kind(kinds, address)
        versions = [kind.read_version(item, model, full=False) for item in items]
        found[address] = with_versions(model, versions, complete=True)
    return found


def _newest(model: Resource) -> Version | None:
    """The newest trained version, where there is none the newest."""
    trained = (v for v in model.versions if v.status is VersionStatus.TRAINED)
    return next(trained, next(iter(model.versions), None))


def _pinned(
    address: Address, pins: Mapping[Address, tuple[str, ...]], answers: _Answers
) -> str | None:
    """The pinned version that a manifest describes: of several the default workflow's."""
    there = (v for v in pins.get(address, ()) if answers.get((address, v)) is not None)
    return next(there, None)


class _Noting:
    """A reader that remembers the lists that were read."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._lists: list[tuple[Listing, list[Json]]] = []

    def get(self, call: Call) -> Json:
        """Passed on."""
        return self._reader.get(call)

    def get_all(self, calls: Sequence[Call]) -> list[Json | ApiError]:
        """Passed on."""
        return self._reader.get_all(calls)

    def read_list(self, listing: Listing) -> list[Json]:
        """Passed on."""
        return self.read_lists([listing])[0]

    def read_lists(self, listings: Sequence[Listing]) -> list[list[Json]]:
        """Passed on, and remembered."""
        answers = self._reader.read_lists(listings)
        self._lists += zip(listings, answers, strict=True)
        return answers

    def strange(self, kinds: Mapping[str, Kind], target: Target) -> Mapping[str, Sequence[Json]]:
        """Items of this app's own lists that none of the kinds reads anything from."""
        own = {
            source.path: kind
            for kind in kinds.values()
            if isinstance(source := kind.live(target), Listing)
        }
        found: dict[str, Sequence[Json]] = {}
        for listing, items in self._lists:
            kind = own.get(listing.path)
            here = [i for i in items if i.get("app_id", target.app_id) == target.app_id]
            left = [item for item in here if kind and not list(kind.read(item, target))]
            if left:
                found[listing.key] = left
        return found

"""The graph of resources: the one typed form of both the manifest and the live app."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from reconciler.address import Address
from reconciler.values import Mark, freeze

Path = tuple[str, ...]
"""Where in a resource's fields a value stands."""

Place = tuple[str | int, ...]
"""Where in a manifest a value stands: keys and list positions."""


def _nothing() -> Mapping[str, Any]:
    return MappingProxyType({})


class VersionStatus(StrEnum):
    """What can be done with a model version: pinned, waited for, or nothing."""

    TRAINED = "trained"
    PENDING = "pending"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Reference:
    """That a resource uses another one of the same app.

    ``path`` is the field that names the other. Where ``pins`` is set it is the field that holds
    the id of a version (a workflow's node); ``version`` is the pin, empty on the desired side for
    "the version that the manifest describes". ``at`` is where the manifest says so, below
    ``Resource.source``.
    """

    path: Path
    to: Address
    version: str = ""
    pins: bool = False
    at: Place = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class External:
    """That a resource uses a model of another app, or one of this app that is not managed.

    ``model`` is ``user/app/id``, or a bare ``id`` that is looked up in the app and then in
    ``clarifai/main``; ``version`` empty means the newest trained one. ``model_path`` and
    ``version_path`` are the fields that the answer fills in.
    """

    model: str
    version: str
    model_path: Path
    version_path: Path
    at: Place = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class NewVersion:
    """The wanted configuration needs a version that does not exist yet."""


@dataclass(frozen=True, slots=True)
class ReuseVersion:
    """An existing version has the wanted configuration; ``pending`` while it still trains."""

    id: str
    pending: bool = False


VersionChoice = NewVersion | ReuseVersion


@dataclass(frozen=True, slots=True)
class Version:
    """One immutable version of a live model.

    ``digest`` is the recorded one where it may be trusted, else empty; ``configuration`` is None
    until it was read. ``recorded`` is what its mark says, trusted or not, ``changed_at`` when it
    was last changed in place, ``user_id`` whose it is: for drift alone. ``number`` is as in
    its mark; ``unaccounted`` that the model has more versions than there could be with this one.
    """

    id: str
    status: VersionStatus
    created_at: str
    digest: str = ""
    configuration: Mapping[str, Any] | None = None
    recorded: str = field(default="", compare=False)
    changed_at: str = field(default="", compare=False)
    user_id: str = field(default="", compare=False)
    number: int | None = field(default=None, compare=False)
    unaccounted: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Torn:
    """What a declaration was before mistakes were taken out of it.

    ``places``, below ``Resource.source``, are gone or lost something below them; at ``replaced`` a
    stand-in fills the gap. ``written`` is the whole as it was written, each scalar as text. A
    resource has it as its option ``torn``, and is checked only for what stays wrong whatever is put
    back.
    """

    places: frozenset[Place]
    replaced: frozenset[Place]
    written: Any

    def spares(self, place: Place) -> bool:
        """Whether what stands at a place is all that was written there."""
        return place not in self.places and not any(
            place[:length] in self.replaced for length in range(len(place) + 1)
        )


@dataclass(frozen=True, slots=True)
class Resource:
    """One object of an app, in normal form.

    ``fields`` holds what can be patched in place (desired: what the manifest states; live: all
    that is known); ``configuration`` what lives in immutable versions (models alone);
    ``options`` what steers this tool and is never compared; ``source`` where the manifest declares
    it; ``raw`` the live object as the service gave it, for updates that must lose nothing.
    ``identity`` is what both sides are matched by, the address unless a kind says otherwise.
    """

    address: Address
    fields: Mapping[str, Any]
    configuration: Mapping[str, Any] | None = None
    references: tuple[Reference, ...] = ()
    externals: tuple[External, ...] = ()
    options: Mapping[str, Any] = field(default_factory=_nothing)
    identity: Hashable = None
    source: Place = field(default=(), compare=False)
    mark: Mark | None = None
    versions: tuple[Version, ...] = ()
    all_versions: bool = False
    raw: Mapping[str, Any] = field(default_factory=_nothing, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "fields", freeze(self.fields))
        object.__setattr__(self, "options", freeze(self.options))
        if self.configuration is not None:
            object.__setattr__(self, "configuration", freeze(self.configuration))
        if self.identity is None:
            object.__setattr__(self, "identity", self.address)

    def value(self, path: Path) -> Any:
        """What stands at a path, which begins in ``fields`` or ``configuration``; None if nothing."""
        found: Any = {**self.fields, **(self.configuration or {})}
        for name in path:
            found = found.get(name) if isinstance(found, Mapping) else None
        return found

    def with_values(self, values: Mapping[Path, Any]) -> Resource:
        """A copy with some values replaced; a path begins in ``fields`` or ``configuration``."""
        if not values:
            return self
        fields, configuration = self.fields, self.configuration
        for path, value in values.items():
            if configuration is not None and path[0] in configuration:
                configuration = _replaced(configuration, path, value)
            else:
                fields = _replaced(fields, path, value)
        return replace(self, fields=fields, configuration=configuration)


@dataclass(frozen=True, slots=True)
class ResourceGraph:
    """Resources by address, in address order."""

    resources: Mapping[Address, Resource]

    @classmethod
    def of(cls, resources: Iterable[Resource]) -> ResourceGraph:
        """Sorted, whatever order they came in; of two with one address the first stays."""
        found: dict[Address, Resource] = {}
        for resource in resources:
            found.setdefault(resource.address, resource)
        return cls(MappingProxyType({address: found[address] for address in sorted(found)}))

    def __iter__(self) -> Iterator[Resource]:
        return iter(self.resources.values())

    def __len__(self) -> int:
        return len(self.resources)

    def __contains__(self, address: Address) -> bool:
        return address in self.resources

    def get(self, address: Address) -> Resource | None:
        """The resource at ``address``, if there is one."""
        return self.resources.get(address)

    def replacing(self, changed: Iterable[Resource]) -> ResourceGraph:
        """A copy with these resources in place of those of the same address."""
        new = tuple(changed)
        return ResourceGraph.of((*new, *self)) if new else self

    def by_identity(self) -> Mapping[Hashable, Resource]:
        """Resources by what both sides are matched by."""
        return {resource.identity: resource for resource in self}

    def edges(self) -> Mapping[Address, frozenset[Address]]:
        """What each resource uses, inside the graph or not."""
        return {r.address: frozenset(ref.to for ref in r.references) for r in self}


def _replaced(fields: Any, path: Path, value: Any) -> Any:
    if not path:
        return value
    return {**fields, path[0]: _replaced(fields.get(path[0], {}), path[1:], value)}


def same(
    desired: Mapping[str, Any], live: Mapping[str, Any], open_maps: frozenset[str] = frozenset()
) -> bool:
    """Whether ``live`` has all that ``desired`` states. Linear.

    A blank value (None, empty text, list or map) equals an absent one. Of a map in ``open_maps``,
    and of all maps inside it, only stated keys count; any other map is compared whole.
    """
    return all(
        is_equal(want, have := live.get(key))
        or (is_blank(want) and is_blank(have))
        or (
            key in open_maps
            and isinstance(want, Mapping)
            and same(want, have if isinstance(have, Mapping) else {}, frozenset(want))
        )
        for key, want in desired.items()
    )


def is_equal(want: Any, have: Any) -> bool:
    """Equality as JSON has it, where true is not 1."""
    if isinstance(want, str):
        return bool(want == have)
    if isinstance(want, Mapping) and isinstance(have, Mapping):
        return want.keys() == have.keys() and all(is_equal(want[key], have[key]) for key in want)
    if isinstance(want, list | tuple) and isinstance(have, list | tuple):
        return len(want) == len(have) and all(map(is_equal, want, have))
    return bool(want == have) and isinstance(want, bool) == isinstance(have, bool)


def laid_over(live: Mapping[str, Any], stated: Mapping[str, Any]) -> dict[str, Any]:
    """``live`` with all that an open map states, at every depth; what others put there stays."""
    return {
        **live,
        **{
            key: laid_over(have, want)
            if isinstance(want, Mapping) and isinstance(have := live.get(key), Mapping)
            else want
            for key, want in stated.items()
        },
    }


def is_blank(value: Any) -> bool:
    """Whether the API treats ``value`` like an absent field. False and 0 say something."""
    return value is None or (isinstance(value, str | tuple | list | Mapping) and not value)

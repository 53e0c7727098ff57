"""What changes refer to and is not there: said before anything is written, not in the middle of it.

Looked for are concepts of other apps that new relations lead to, and versions that a node names by id.
Models and workflows of other apps are looked up where they are read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from reconciler.address import Address
from reconciler.api.protocol import Reader
from reconciler.call import Call, Target
from reconciler.catalogue import PUBLIC_APP_ID, PUBLIC_USER_ID
from reconciler.errors import ApiError, NotFoundError, PermissionDeniedError
from reconciler.kind import Kind, VersionedKind
from reconciler.planning.change import Action, Change
from reconciler.planning.live import LiveApp, Settled
from reconciler.resource import Reference

_Absent = tuple[Address, str]


def find(
    reader: Reader,
    kinds: Mapping[str, Kind],
    changes: Iterable[Change],
    settled: Settled,
    app: LiveApp,
) -> Mapping[Address, tuple[str, ...]]:
    """For each change that would fail, what it lacks. Raises ApiError.

    One request for each concept of another app, and for each version that no list showed; none for
    the concepts of ``clarifai/main``, which need not be readable to be related to.
    """
    sure: list[_Absent] = []
    asked: dict[str, list[_Absent]] = defaultdict(list)
    for change in changes:
        for path, text in _needs(change, kinds, settled, app):
            (asked[path] if path else sure).append((change.address, text))
    answers = reader.get_all([Call("GET", path) for path in asked])
    for path, answer in zip(asked, answers, strict=True):
        if isinstance(answer, NotFoundError | PermissionDeniedError):
            sure += asked[path]
        elif isinstance(answer, ApiError):
            raise answer
    absent: dict[Address, tuple[str, ...]] = {}
    for address, text in sure:
        absent[address] = (*absent.get(address, ()), f"{address}: {text}")
    return absent


def _needs(
    change: Change, kinds: Mapping[str, Kind], settled: Settled, app: LiveApp
) -> Iterator[tuple[str, str]]:
    """What has to be there: the path that shows it, empty if it cannot be there; and what to say."""
    if change.desired is None or change.action not in (Action.CREATE, Action.UPDATE, Action.TRAIN):
        return
    if change.address.kind == "relation":
        name = change.address.parts[2]
        user, app_id, id_ = name.split("/") if name.count("/") == 2 else ("", "", "")
        if user and (user, app_id) != (PUBLIC_USER_ID, PUBLIC_APP_ID):
            path = Target(user, app_id).at("concepts", id_)
            yield path, f"concept {name!r} is not there, or this token may not see it"
    before = set(change.live.references) if change.live else set()
    for reference in change.desired.references:
        if reference.pins and reference.version and reference not in before:
            yield from _version(reference, kinds, settled, app)


def _version(
    reference: Reference, kinds: Mapping[str, Kind], settled: Settled, app: LiveApp
) -> Iterator[tuple[str, str]]:
    """A version that is named by its id, unless it has been seen."""
    model, kind = settled.live.get(reference.to), kinds[reference.to.kind]
    assert isinstance(kind, VersionedKind)
    way = "pin one that it has, or leave the version out to mean the one that is described here"
    text = f"{reference.to} has no version {reference.version!r}: {way}"
    if model is None:
        yield "", text
    elif all(version.id != reference.version for version in model.versions):
        name = app.name_of(reference.to)
        yield kind.version(app.target, name, reference.version).path, text

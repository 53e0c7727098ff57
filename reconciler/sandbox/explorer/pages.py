"""Which page stands at which address, and the state that it is made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from reconciler.sandbox.context import PUBLIC, World
from reconciler.sandbox.explorer import apps, concepts, images, inputs, models, workflows
from reconciler.sandbox.explorer.visit import NOWHERE, Absent, Page, Unclear, Visit
from reconciler.sandbox.transaction import Key, Scope, Tx


@dataclass(frozen=True, slots=True)
class Picture:
    """An image to be scaled, or any file as it came: which size, the bytes and their digest."""

    name: str
    sha256: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Found:
    """What stands at an address: the HTTP status, the app that it is about, page or picture."""

    status: int
    scope: Scope
    what: Page | Picture


_Listing: TypeAlias = Callable[[Visit], Page]
_One: TypeAlias = Callable[[Visit, str], Page]

_LISTINGS: Final[Mapping[tuple[str, ...], _Listing]] = {
    (): apps.overview,
    ("inputs",): inputs.gallery,
    ("workflows",): workflows.listing,
    ("models",): models.listing,
    ("concepts",): concepts.listing,
}
_ONES: Final[Mapping[str, _One]] = {
    "inputs": inputs.one,
    "workflows": workflows.one,
    "models": models.one,
}


def find(world: World, parts: tuple[str, ...], query: Mapping[str, str], origin: str) -> Found:
    """The page of one consistent state; where there is none, a page that says so."""
    scope = NOWHERE
    try:
        with world.store.read() as tx:
            visit = Visit(tx, world.owner, origin, query)
            if not parts:
                return Found(200, scope, apps.listing(visit))
            scope = _scope(tx, world.owner, parts)
            return Found(200, scope, _within(replace(visit, scope=scope), parts[2:]))
    except Absent as error:
        return Found(404, scope, sorry("Not found", f"There is no {error.what} “{error.id}” here."))
    except Unclear as error:
        return Found(400, scope, sorry("Not understood", f"{error}."))


def sorry(title: str, text: str) -> Page:
    """A page that has nothing to show but a sentence."""
    return Page("sorry.html", title, {"text": text})


def _scope(tx: Tx, owner: str, parts: tuple[str, ...]) -> Scope:
    user, app = (*parts, "")[:2]
    if user not in (owner, PUBLIC.user):
        raise Absent("user", user)
    if tx.get(Key("app", user, app, "", app)) is None:
        raise Absent("app", f"{user}/{app}")
    return Scope(user, app)


def _within(visit: Visit, rest: tuple[str, ...]) -> Page | Picture:
    listing = _LISTINGS.get(rest)
    if listing is not None:
        return listing(visit)
    match rest:
        case (kind, id_) if kind in _ONES:
            return _ONES[kind](visit, id_)
        case ("inputs", id_, name) if name in images.SIDES or name == images.ORIGINAL:
            return Picture(name, *inputs.content(visit, id_, any_kind=name == images.ORIGINAL))
    raise Absent("page", "/".join(rest))

"""Pages to HTML: templates that escape everything, and show nothing that hides."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from reconciler.sandbox.explorer import links, text
from reconciler.sandbox.explorer.visit import Page
from reconciler.sandbox.transaction import Scope

_FOLDER: Final = Path(__file__).parent / "templates"
_TABS: Final = (
    ("overview", "Overview", ()),
    ("inputs", "Inputs", ("inputs",)),
    ("workflows", "Workflows", ("workflows",)),
    ("models", "Models", ("models",)),
    ("concepts", "Concepts", ("concepts",)),
)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_seen,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["grouped"] = lambda number: f"{number:,}"
    environment.filters["short"] = text.short
    environment.filters["noun"] = text.noun
    environment.filters["counted"] = lambda number, one: f"{number:,} {text.noun(number, one)}"
    # Only for SVG of our own making, whose texts are escaped where it is made.
    environment.filters["drawn"] = Markup
    return environment


def _seen(value: Any) -> Any:
    return text.visible(value) if type(value) is str else value


def html(page: Page, scope: Scope, origin: str) -> bytes:
    """A page as a document of its own."""
    tabs = [
        (name, title, links.within(scope, *parts), name == page.tab) for name, title, parts in _TABS
    ]
    frame = {
        "title": page.title,
        "scope": scope,
        "tabs": tabs if scope.app else [],
        "crumbs": page.crumbs,
        "home": links.HOME,
        "style": links.to("style.css"),
        "icon": links.to("icon.svg"),
        "origin": origin,
    }
    return _environment().get_template(page.template).render({**page.data, **frame}).encode()


def asset(name: str) -> bytes:
    """A file that pages refer to."""
    return (_FOLDER / name).read_bytes()

"""The explorer's door: which addresses are pages, and who may see them.

A page asks for no token, so it goes only to a browser that calls the sandbox by a name of this machine:
a site from elsewhere that made its own name lead here (DNS rebinding) sends that name as the host.
"""

from __future__ import annotations

import re
from typing import Final

from reconciler.sandbox.context import World
from reconciler.sandbox.explorer import links
from reconciler.sandbox.explorer.reply import Look, Shown, plain

_HOST: Final = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)


def is_page(path: str) -> bool:
    """Whether an address is the explorer's, and not one of the API."""
    return path in (links.HOME, links.ICON, links.PREFIX) or path.startswith(f"{links.PREFIX}/")


def answer(world: World, look: Look) -> Shown:
    """Answer a request for one of these addresses."""
    if not _HOST.fullmatch(look.host):
        return plain(
            421,
            "The sandbox shows its pages only under a name of this machine: localhost, 127.0.0.1 "
            "or [::1].",
        )
    if look.method not in ("GET", "HEAD"):
        return plain(405, "The explorer changes nothing: GET and HEAD only.", Allow="GET, HEAD")
    try:
        # Templates and drawings: only for those who look, so that they cost a start nothing.
        from reconciler.sandbox.explorer import desk
    except ImportError as error:
        return plain(501, f"The explorer needs {error.name}: pip install 'reconciler[sandbox]'")
    return desk.answer(world, look)

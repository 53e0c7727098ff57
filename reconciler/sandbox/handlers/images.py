"""Action ``remove`` where the contract explains it for the image of an object and for nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from reconciler.sandbox import status

_IDENTITY: Final = ("id", "user_id", "app_id", "image")


def remove(target: Any, sent: Any, *, besides: Sequence[str] = ()) -> None:
    """Take the image that is named by its URL from an app, a model or a workflow.

    ``besides`` are fields that another action of the request is for.
    """
    names = (*_IDENTITY, *besides)
    others = [field.name for field, _ in sent.ListFields() if field.name not in names]
    if others:
        raise status.invalid(
            f"action 'remove' takes an image away and changes nothing else; '{target.id}' is sent "
            f"with {others[0]}"
        )
    if not sent.image.url or sent.image.url != target.image.url:
        shown = f"'{target.image.url}'" if target.image.url else "there is none"
        raise status.invalid(
            f"image.url of '{target.id}' is to be what it is now ({shown}), not '{sent.image.url}'"
        )
    target.ClearField("image")

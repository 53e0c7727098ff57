"""What the programs share: small pictures, and how a refusal by the SDK is caught."""

import io
import json
import re
import sys
import time
from collections.abc import Callable
from typing import Any

from PIL import Image


def png(shade: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16), (shade, 255 - shade, shade // 2)).save(buffer, "PNG")
    return buffer.getvalue()


def refusal(call: Callable[[], Any]) -> str:
    """Why a call fails, in the platform's words if the SDK passes them on."""
    try:
        call()
    except Exception as error:  # noqa: BLE001 - the SDK raises nothing more special
        found = re.search(r'details: "(.*)"', str(error))
        return found[1].replace("\\'", "'") if found else str(error)
    raise AssertionError("the call did not fail")


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 300
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


def tell(**found: Any) -> None:
    """Print what the test compares."""
    json.dump(found, sys.stdout, indent=1)

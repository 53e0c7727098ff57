"""The explorer's pages in a real browser: nothing is refused by their own policy, and they look it.

Left out unless RECONCILER_BROWSER is set: to 1, or to the browser's program. ``make test-browser``.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from reconciler.sandbox import Sandbox
from tests.sandbox.driving import Api, node, png, threshold_version
from tests.sandbox.test_explorer import PAGE, add, image

pytestmark = pytest.mark.browser

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--enable-logging=stderr",
)
DARK = "--blink-settings=preferredColorScheme=0"


@dataclass(frozen=True)
class Chromium:
    """Opens pages, each time as somebody who was never there."""

    program: str
    folder: Path

    def open(
        self, url: str, *options: str, size: str = "1280,1400"
    ) -> tuple[Image.Image, list[str]]:
        """How a page looks, and what the console says of it."""
        shot = self.folder / "shot.png"
        ended = subprocess.run(
            [self.program, *QUIET, f"--user-data-dir={self.folder / 'profile'}",
             f"--screenshot={shot}", f"--window-size={size}", *options, url],
            capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        assert shot.is_file(), ended.stderr
        with Image.open(shot) as picture:
            picture.load()
        shot.unlink()
        return picture, re.findall(r"CONSOLE[^\"]*(\".*)", ended.stderr)


@pytest.fixture
def chromium(tmp_path: Path) -> Chromium:
    asked = os.environ["RECONCILER_BROWSER"]
    found = shutil.which(asked) or next(filter(None, map(shutil.which, PROGRAMS)), None)
    assert found, f"RECONCILER_BROWSER is set, and there is no {' or '.join(PROGRAMS)}: install one"
    return Chromium(found, tmp_path)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A sandbox with a workflow, an image with a region, and a text."""
    with Sandbox(seed=9) as sandbox:
        api = Api(sandbox)
        api("POST", "/v2/users/me/apps", {"apps": [{"id": "park"}]})
        api.concepts("a", "b")
        some = api.model("some", "concept-threshold", threshold_version(1, a=0.5, b=0.25))
        nodes = [
            node("general", "general-image-recognition", public=True),
            node("some", "some", some, "general"),
            node("keep", "keep", api.writer("keep", 24151), "some"),
        ]
        api("POST", "/workflows", {"workflows": [{"id": "flow", "nodes": nodes}]})
        add(api, image("one", png(90, 400), concepts=[{"id": "a", "value": 1}]))
        add(api, {"id": "two", "data": {"text": {"raw": "<b>words</b>"}}})
        box = {"top_row": 0.1, "left_col": 0.1, "bottom_row": 0.5, "right_col": 0.5}
        region = {"region_info": {"bounding_box": box}, "data": {"concepts": [{"id": "b"}]}}
        annotation = {"input_id": "one", "data": {"regions": [region]}, "status": {"code": 24151}}
        api("POST", "/annotations", {"annotations": [annotation]})
        yield sandbox.base_url
        api.session.close()


PAGES = {
    "apps": "/",
    "overview": PAGE,
    "inputs": f"{PAGE}/inputs",
    "filtered": f"{PAGE}/inputs?concept=b&status=pending",
    "input": f"{PAGE}/inputs/one",
    "workflows": f"{PAGE}/workflows",
    "workflow": f"{PAGE}/workflows/flow",
    "models": f"{PAGE}/models",
    "model": f"{PAGE}/models/some",
    "concepts": f"{PAGE}/concepts",
    "absent": f"{PAGE}/nothing",
}


def corner(picture: Image.Image) -> tuple[int, int, int]:
    """The colour of the page itself, where nothing stands on it."""
    red, green, blue = (
        picture.convert("RGB").crop((1, picture.height - 2, 2, picture.height - 1)).tobytes()
    )
    return red, green, blue


@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES.keys())
def test_pages_load_without_a_complaint_by_day_and_by_night(
    chromium: Chromium, address: str, path: str
) -> None:
    by_day, complaints = chromium.open(address + path)
    by_night, more = chromium.open(address + path, DARK, size="420,900")
    assert complaints == [] and more == []
    assert min(corner(by_day)) > 200 and max(corner(by_night)) < 60
    assert len(by_day.getcolors(1 << 24) or ()) > 60, "a styled page has more than a few colours"


def test_a_complaint_would_be_heard(chromium: Chromium, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<script>console.error('planted')</script>", "utf-8")
    _, complaints = chromium.open(page.as_uri())
    assert any("planted" in complaint for complaint in complaints)

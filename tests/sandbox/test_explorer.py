"""The explorer over a real socket: what its pages show, to whom, and that nothing gets out or in."""

from __future__ import annotations

import base64
import hashlib
import io
import random
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import requests
from PIL import Image

import reconciler.sandbox.explorer
from reconciler.sandbox import Sandbox
from reconciler.sandbox.explorer import choosing, links, text
from reconciler.sandbox.faults import Fault
from tests.sandbox.browsing import Browser, Parsed
from tests.sandbox.driving import Api, node, png, threshold_version

SCRIPT = "<script>alert(1)</script>"
MARKUP = "\"><img src=x onerror='alert(2)'>{{7007*7}}{% x %}"
TURNED = "abc\u202etxt.exe\x07"
TOKEN = "planted-0123456789abcdef"
PAGE = "/explorer/sandbox-user/park"


@dataclass
class World:
    """A sandbox with an app that holds one of everything, and somebody who looks at it."""

    api: Api
    browser: Browser
    certain: str
    doubtful: str


def add(api: Api, *inputs: Any) -> None:
    api("POST", "/inputs", {"inputs": list(inputs)})
    api.sandbox.wait_idle()


def image(id_: str, content: bytes, **data: Any) -> Any:
    medium = {"image": {"base64": base64.b64encode(content).decode()}}
    return {"id": id_, "data": {**medium, **data}}


def written(id_: str) -> bytes:
    """A picture that is this input's own."""
    return png(sum(map(ord, id_)) % 256)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The classic app: a scripted score passes, another waits for review; names are hostile."""
    scores = tmp_path_factory.mktemp("scores") / "scores.yaml"
    sure, unsure = png(10, 600), png(200, 16)
    digests = [hashlib.sha256(item).hexdigest() for item in (sure, unsure)]
    scores.write_text(
        "source: a test\nimages:\n"
        f"  - {{sha256: {digests[0]}, concepts: {{ai_l8TKp2h5: 0.98}}}}\n"
        f"  - {{sha256: {digests[1]}, concepts: {{ai_l8TKp2h5: 0.37}}}}\n",
        "utf-8",
    )
    with Sandbox(scores=scores, pat=TOKEN, seed=3) as sandbox:
        api, browser = Api(sandbox), Browser(sandbox.base_url)
        yield fill(api, browser, sure, unsure)
        api.session.close()
        browser.session.close()


def fill(api: Api, browser: Browser, sure: bytes, unsure: bytes) -> World:
    app = {"id": api.app, "name": MARKUP, "description": TURNED, "metadata": {SCRIPT: MARKUP}}
    api("POST", "/v2/users/me/apps", {"apps": [app]})
    api("POST", "/v2/users/me/apps", {"apps": [{"id": "bare"}]})
    api(
        "POST",
        "/concepts",
        {"concepts": [{"id": "people", "name": "people"}, {"id": SCRIPT, "name": MARKUP}]},
    )
    api(
        "POST",
        "/concepts/people/relations",
        {
            "concept_relations": [
                {
                    "object_concept": {
                        "id": "ai_l8TKp2h5",
                        "user_id": "clarifai",
                        "app_id": "main",
                    },
                    "predicate": "synonym",
                }
            ]
        },
    )
    versions = build(api)
    add(
        api,
        image("sure", sure),
        image("unsure", unsure),
        image("broken", b"GIF89a" + SCRIPT.encode()),
        {"id": "told", "data": {"text": {"raw": f"{SCRIPT} {TURNED}"}}},
        {"id": "far", "data": {"image": {"url": "http://127.0.0.1:1/'onload='x"}}},
    )
    box = {"top_row": 0.25, "left_col": 0.5, "bottom_row": 0.75, "right_col": 1.0}
    region = {"region_info": {"bounding_box": box}, "data": {"concepts": [{"id": SCRIPT}]}}
    api(
        "POST",
        "/annotations",
        {
            "annotations": [
                {
                    "input_id": "sure",
                    "data": {"regions": [region]},
                    "annotation_info": {"note": MARKUP},
                    "task_id": SCRIPT,
                    "status": {"code": 24151},
                }
            ]
        },
    )
    return World(api, browser, *versions)


def build(api: Api) -> tuple[str, str]:
    """The workflow, with its thresholders' versions."""
    mapper = api.model("mapper", "concept-synonym-mapper", {})
    certain = api.thresholder("certain", 2, people=0.5)
    doubtful = api.version("certain", threshold_version(3, people=0.5))
    yes, no = api.writer("yes", 24150), api.writer("no", "ANNOTATION_PENDING")
    other = api.model("odd", "concept-threshold", threshold_version(1, **{SCRIPT: 0.25}))
    nodes = [
        node("general", "general-image-recognition", public=True),
        node("mapper", "mapper", mapper, "general"),
        node("certain", "certain", certain, "mapper"),
        node("doubtful", "certain", doubtful, "mapper"),
        node("yes", "yes", yes, "certain"),
        node("no", "no", no, "doubtful"),
        node("odd", "odd", other, "mapper"),
    ]
    api("POST", "/workflows", {"workflows": [{"id": "flow", "nodes": nodes[:5]}]})
    changed = {"workflows": [{"id": "flow", "nodes": nodes}], "action": "overwrite"}
    api("PATCH", "/workflows", changed)
    default = {"id": api.app, "default_workflow": {"id": "flow"}}
    api("PATCH", "/v2/users/me/apps", {"apps": [default], "action": "overwrite"})
    return certain, doubtful


# --- what may be seen anywhere -------------------------------------------------------------------


def test_every_address_that_can_be_reached_answers_and_leads_nowhere_else(world: World) -> None:
    seen = list(world.browser.tour())
    assert [path for path, answer in seen if answer.status_code != 200] == []
    kinds = {re.sub(r"\?.*", "", path).split("/")[4:5] == ["inputs"] for path, _ in seen}
    assert kinds == {True, False}
    assert len(seen) > 40
    for path, answer in seen:
        assert answer.headers["X-Content-Type-Options"] == "nosniff", path
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'self'; img-src 'self'; "), path
        assert "unsafe" not in policy
        if answer.headers["Content-Type"].startswith("text/html"):
            check_page(path, Parsed(answer.text))
        assert TOKEN not in answer.text
    assert "@import" not in world.browser.get("/explorer/style.css").text
    assert "url(" not in world.browser.get("/explorer/style.css").text


def check_page(path: str, page: Parsed) -> None:
    """What holds for every page, whatever the names in it are."""
    outside = [other for other in page.references() if not re.match(r"/(?!/)|#content$", other)]
    assert outside == [], path
    tags = {element.tag for element in page.elements}
    assert not tags & {"script", "style", "iframe", "object", "embed", "base"}, path
    attributes = {name for element in page.elements for name in element.attributes}
    assert not {name for name in attributes if name.startswith("on") or name == "style"}, path
    assert len(page.all("h1")) == 1, path
    assert page.all("html")[0].attributes["lang"] == "en"
    assert all("alt" in picture.attributes for picture in page.all("img")), path
    ids = [element.attributes["id"] for element in page.elements if "id" in element.attributes]
    assert len(ids) == len(set(ids)), path
    labelled = {element.attributes["for"] for element in page.all("label")}
    assert labelled == {e.attributes["id"] for e in page.elements if e.tag in ("input", "select")}
    whole = page.said()
    assert "\u202e" not in whole and "\x07" not in whole, path
    assert "49049" not in whole, path  # a sum that no time of day contains


def test_names_are_shown_as_they_are_written(world: World) -> None:
    see = world.browser.page
    assert MARKUP in see("/").said()
    assert "abc\ufffdtxt.exe\ufffd" in see(PAGE).said()
    assert SCRIPT in see(f"{PAGE}/concepts").said() and MARKUP in see(f"{PAGE}/concepts").said()
    one = see(f"{PAGE}/inputs/sure").said()
    assert MARKUP.replace('"', '\\"') in one and f"task {SCRIPT}" in one
    assert SCRIPT in see(f"{PAGE}/models/odd").said()
    assert f"{SCRIPT} > 0.25" in see(f"{PAGE}/workflows/flow").said()
    assert f"{SCRIPT} abc\ufffdtxt.exe\ufffd" in see(f"{PAGE}/inputs/told").said()
    chosen = see(links.within(_park(), "inputs", concept=SCRIPT))
    assert [e.attributes["value"] for e in chosen.all("input")] == [SCRIPT]
    assert shown(chosen) == ["sure"]


def _park() -> Any:
    from reconciler.sandbox.transaction import Scope

    return Scope("sandbox-user", "park")


def shown(page: Parsed) -> list[str]:
    """The inputs of a gallery by their ids."""
    return [
        element.attributes["aria-label"].removeprefix("Input ")
        for element in page.all("a", "frame")
    ]


# --- single pages --------------------------------------------------------------------------------


def test_the_list_of_apps_says_how_each_does(world: World) -> None:
    cards = world.browser.page("/").all("li", "card")
    said = [" ".join(card.text.split()) for card in cards]
    assert said[0].endswith("New inputs run through flow Inputs 5 Written 1 To review 2 Concepts 2")
    assert said[1] == (
        "bare New inputs run through clarifai/main/Universal Inputs 0 Written 0 To review 0 Concepts 0"
    )
    assert world.browser.get("/explorer").text == world.browser.get("/").text
    assert world.browser.get("/explorer/").text == world.browser.get("/").text


def test_an_app_shows_its_default_workflow_and_its_queue(world: World) -> None:
    page = world.browser.page(PAGE)
    assert "3 processed 0 waiting 2 failed" in page.said()
    figure = ElementTree.fromstring(svg_of(world.browser.get(PAGE).text))
    words = [element.text for element in figure.iter() if element.tag.endswith("text")]
    assert {"people >= 0.5", "people < 0.5", "ANNOTATION_SUCCESS as sandbox-user"} <= {*words}
    classes = [element.get("class") for element in figure.iter() if element.tag.endswith("rect")]
    assert {"box success", "box pending", "box threshold", "box external", "box mapper"} <= {
        *classes
    }
    bare = world.browser.page("/explorer/sandbox-user/bare").said()
    assert "reconciler inputs add my-app images/ --wait" in bare
    assert "clarifai/main/Universal default" in bare


def svg_of(page: str) -> str:
    found = re.search(r'<figure class="workflow">.*?(<svg.*?</svg>)', page, re.DOTALL)
    assert found is not None
    return found.group(1)


def test_success_and_pending_are_told_apart_with_their_scores(world: World) -> None:
    page = world.browser.page(f"{PAGE}/inputs")
    assert shown(page) == ["far", "told", "broken", "unsure", "sure"]
    tiles = {
        name: " ".join(tile.text.split())
        for name, tile in zip(shown(page), page.all("li", "tile"), strict=True)
    }
    assert tiles["unsure"] == "unsure review pending: people 0.37"
    assert tiles["sure"] == f"sure review success: people 0.98 pending: {MARKUP} 1"
    assert tiles["told"].endswith("told no annotations")
    assert "failed INPUT_DOWNLOAD_FAILED" in tiles["far"]
    assert "failed" in tiles["broken"] and "no image to show" in tiles["broken"]
    bars = [(e.attributes["class"], e.attributes.get("width")) for e in page.all("rect", "level")]
    assert ("level", "98.0") in bars and ("level", "37.0") in bars


def test_an_input_shows_who_wrote_what_and_where(world: World) -> None:
    page = world.browser.page(f"{PAGE}/inputs/sure")
    notes = [" ".join(note.text.split()) for note in page.all("article", "note")]
    version = world.api("GET", "/workflows/flow")["workflow"]["version"]["id"]
    assert notes[0].startswith(
        f"success by workflow flow {version[:8]}… as sandbox-user success: people 0.98"
    )
    assert notes[1].startswith("pending by sandbox-user pending: ")
    assert (
        "in a box of 50 \N{MULTIPLICATION SIGN} 50 %, 50 % from the left, 25 % from the top"
        in notes[1]
    )
    assert links.within(_park(), "workflows", "flow", version=version) in page.references()
    (region,) = page.all("rect", "pending")[:1]
    measures = [float(region.attributes[name]) for name in ("x", "y", "width", "height")]
    assert measures == [500, 250, 500, 500]
    labels = world.api("GET", "/inputs/sure")["input"]["data"].get("concepts", [])
    assert labels == []


def test_labels_of_the_input_itself_are_told_as_such(start: Callable[..., Api]) -> None:
    api = start()
    values = {"cat": 1, "dog": 0, "cow": 0.0001}
    given = [{"id": id_, "value": value} for id_, value in values.items()]
    add(api, image("one", written("one"), concepts=given))
    browser = Browser(api.sandbox.base_url)
    said = browser.page(f"{PAGE}/inputs/one").said()
    assert (
        "success labels of the input itself, by sandbox-user "
        "success: cat 1 success: cow <0.001 success: not dog 0"
    ) in said
    browser.session.close()


def test_workflow_versions_and_what_each_wrote(world: World) -> None:
    page = world.browser.page(f"{PAGE}/workflows/flow")
    rows = [" ".join(row.text.split()) for row in page.all("tr")[-2:]]
    assert re.fullmatch(r"[0-9a-f]{32} current shown .* UTC 7 2", rows[0])
    assert re.fullmatch(r"[0-9a-f]{32} .* UTC 5 0", rows[1])
    older = rows[1].split()[0]
    said = world.browser.page(f"{PAGE}/workflows/flow?version={older}").said()
    assert f"This is version {older}, which is not the current one." in said
    assert "people < 0.5" in said and f"{SCRIPT} > 0.25" not in said


def test_a_model_shows_its_versions_and_who_runs_them(world: World) -> None:
    page = world.browser.page(f"{PAGE}/models/certain?version={world.certain}")
    sections = page.all("section", "panel")
    said = [" ".join(section.text.split()) for section in sections]
    assert [text_.split()[0] for text_ in said] == [world.doubtful, world.certain]
    assert "trained" in said[0] and "runs in flow (doubtful)" in said[0]
    assert "people 0.5" in said[0] and "concept_threshold_type LESS_THAN" in said[0]
    assert "asked" in sections[1].attributes["class"]
    lines = [" ".join(row.text.split()) for row in world.browser.page(f"{PAGE}/models").all("tr")]
    assert any(re.match(r"certain concept-threshold trained 2 ", line) for line in lines)


def test_concepts_show_relations_and_counts(world: World) -> None:
    rows = world.browser.page(f"{PAGE}/concepts").all("tr")
    said = [" ".join(row.text.split()) for row in rows]
    assert said[2] == "people people synonym → clarifai/main/ai_l8TKp2h5 (people) 1 1"


# --- filters -------------------------------------------------------------------------------------

CONCEPTS = ("a", "ab", "b", "sandbox-user", "secret", "never")
CODES = (24150, 24151, 24157)


@pytest.fixture(scope="module")
def labelled() -> Iterator[tuple[Api, Browser]]:
    """Seventy inputs with annotations by chance; words of one stand in others in other places."""
    chance = random.Random(5)
    with Sandbox(seed=5) as sandbox:
        api, browser = Api(sandbox), Browser(sandbox.base_url)
        api("POST", "/v2/users/me/apps", {"apps": [{"id": "park", "default_workflow_id": "Empty"}]})
        names = [f"i{number}" for number in range(70)]
        add(api, *({"id": name, "data": {"text": {"raw": f"text {name}"}}} for name in names))
        made: list[Any] = []
        for name in names:
            for _ in range(chance.choice((0, 0, 1, 1, 2))):
                concepts = [
                    {"id": id_} for id_ in chance.sample(CONCEPTS[:-1], chance.randint(0, 2))
                ]
                box = {"top_row": 0, "left_col": 0, "bottom_row": 1, "right_col": 1}
                region = {"region_info": {"bounding_box": box}, "data": {"concepts": concepts}}
                inside = {"concepts": concepts} if chance.random() < 0.7 else {"regions": [region]}
                made.append(
                    {
                        "input_id": name,
                        "data": inside,
                        "status": {"code": chance.choice(CODES)},
                        "annotation_info": {"note": chance.choice(CONCEPTS)},
                    }
                )
        api("POST", "/annotations", {"annotations": made})
        yield api, browser
        api.session.close()
        browser.session.close()


@pytest.mark.parametrize("status", ["", "success", "pending", "awaiting_review", "failed", "none"])
@pytest.mark.parametrize("concept", ["", *CONCEPTS])
def test_a_filter_shows_the_inputs_whose_annotations_the_api_lists(
    labelled: tuple[Api, Browser], concept: str, status: str
) -> None:
    api, browser = labelled
    listed = api("GET", "/annotations", per_page=1000, list_all_annotations=True)["annotations"]
    wanted = choosing.STATUSES.get(status)
    naming = {
        annotation["input_id"]
        for annotation in listed
        if wanted in (None, annotation["status"]["code"])
        and any(concept in ("", id_) for id_ in named(annotation["data"]))
    }
    everything = [item["id"] for item in api("GET", "/inputs", per_page=1000)["inputs"]]
    chosen = naming if concept or status else {*everything}
    expected = [id_ for id_ in everything if (id_ in chosen) != (status == "none")]
    found, path = [], links.within(_park(), "inputs", concept=concept, status=status)
    for _ in range(3):
        page = browser.page(path)
        found += shown(page)
        later = [e.attributes["href"] for e in page.all("a") if e.attributes.get("rel") == "next"]
        if not later:
            break
        path = later[0]
    assert found == expected
    if not expected:
        assert "No input is like that" in page.said()


def named(data: Any) -> list[str]:
    places = [data, *(region.get("data", {}) for region in data.get("regions", []))]
    return [concept["id"] for place in places for concept in place.get("concepts", [])]


def test_a_concept_can_be_asked_for_by_its_name_and_inputs_by_their_state(world: World) -> None:
    by_name = world.browser.page(links.within(_park(), "inputs", concept=MARKUP))
    assert shown(by_name) == ["sure"]
    assert shown(world.browser.page(f"{PAGE}/inputs?state=failed")) == ["far", "broken"]
    assert shown(world.browser.page(f"{PAGE}/inputs?state=waiting")) == []
    both = world.browser.page(f"{PAGE}/inputs?state=processed&status=pending")
    assert shown(both) == ["unsure", "sure"]


def test_pages_beyond_the_end_are_the_last(labelled: tuple[Api, Browser]) -> None:
    _, browser = labelled
    last = browser.page(f"{PAGE}/inputs?page=2")
    assert len(shown(last)) == 70 - 48
    assert shown(browser.page(f"{PAGE}/inputs?page=999999999")) == shown(last)
    assert "Page 2 of 2 (70 inputs)" in last.said()


def test_with_too_many_annotations_concepts_are_not_counted(
    labelled: tuple[Api, Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, browser = labelled
    monkeypatch.setattr(choosing, "MOST_COUNTED", 3)
    assert browser.page(f"{PAGE}/inputs").all("ul", "chips") == []
    assert (
        "Labels are counted up to 3 annotations; this app has more."
        in browser.page(f"{PAGE}/concepts").said()
    )


# --- images --------------------------------------------------------------------------------------


def test_images_are_made_anew_small_and_kept(world: World) -> None:
    tile = world.browser.page(f"{PAGE}/inputs").all("img")
    thumbnail = next(e.attributes["src"] for e in tile if "/sure/" in e.attributes["src"])
    answer = world.browser.get(thumbnail)
    assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    with Image.open(io.BytesIO(answer.content)) as picture:
        assert 200 < max(picture.size) <= 360
    large = world.browser.get(thumbnail.replace("/thumbnail", "/picture"))
    with Image.open(io.BytesIO(large.content)) as picture:
        assert picture.size == (600, 600)
    again = world.browser.get(thumbnail, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert world.browser.get(thumbnail).status_code == 200


def test_what_is_no_image_is_never_sent_as_it_came(world: World) -> None:
    answer = world.browser.get(f"{PAGE}/inputs/broken/picture")
    assert answer.status_code == 415
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert SCRIPT not in answer.text
    for id_ in ("told", "far"):
        assert world.browser.page(f"{PAGE}/inputs/{id_}/picture", 404)


def test_an_image_with_more_behind_it_goes_out_without_that(start: Callable[..., Api]) -> None:
    api = start()
    add(api, image("one", png(7) + b"<html>behind</html>"))
    content = requests.get(f"{api.sandbox.base_url}{PAGE}/inputs/one/picture", timeout=300).content
    assert content.startswith(b"\x89PNG") and b"behind" not in content


# --- who may look, and how -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("localhost", 200),
        ("LOCALHOST:{port}", 200),
        ("[::1]:{port}", 200),
        ("127.0.0.1:1", 200),
        ("evil.example", 421),
        ("evil.example:{port}", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("127.0.0.1@evil.example", 421),
        ("127.0.0.2", 421),
        ("0.0.0.0", 421),
        ("", 421),
    ],
)
@pytest.mark.parametrize("path", ["/", f"{PAGE}/inputs/sure/picture", "/explorer/style.css"])
def test_only_names_of_this_machine_are_answered(
    world: World, path: str, host: str, status: int
) -> None:
    port = world.api.sandbox.base_url.rpartition(":")[2]
    answer = world.browser.get(path, headers={"Host": host.format(port=port)})
    assert answer.status_code == status
    if status == 421:
        assert "names" in answer.text or "name of this machine" in answer.text
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/", PAGE, f"{PAGE}/inputs/sure/thumbnail", "/explorer/icon.svg"])
def test_head_is_get_without_the_body(world: World, path: str) -> None:
    whole, head = world.browser.get(path), world.browser.request("HEAD", path)
    assert (head.status_code, head.content) == (200, b"")
    volatile = ("Date",)
    assert {k: v for k, v in head.headers.items() if k not in volatile} == {
        k: v for k, v in whole.headers.items() if k not in volatile
    }


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/", f"{PAGE}/inputs/sure"])
def test_nothing_can_be_changed_here(world: World, method: str, path: str) -> None:
    answer = world.browser.request(method, path, data=b"x" * 100)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert world.browser.page(f"{PAGE}/inputs/sure")


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/explorer/nobody/park", "There is no user “nobody” here."),
        ("/explorer/sandbox-user", "There is no app “sandbox-user/” here."),
        ("/explorer/sandbox-user/other", "There is no app “sandbox-user/other” here."),
        (f"{PAGE}/nothing", "There is no page “nothing” here."),
        (f"{PAGE}/inputs/%3Cb%3E", "There is no input “<b>” here."),
        (f"{PAGE}/inputs/..%2F..%2Fetc", "There is no input “../../etc” here."),
        (f"{PAGE}/models/none", "There is no model “none” here."),
        (f"{PAGE}/models/certain?version=1", "There is no version “1” here."),
        (f"{PAGE}/workflows/none", "There is no workflow “none” here."),
        (f"{PAGE}/workflows/flow?version=1", "There is no version “1” here."),
        ("/explorer/style.css/..%2frender.py", "There is no user “style.css” here."),
        ("/explorer/%ff", "There is no user “\ufffd” here."),
    ],
)
def test_what_is_not_there_is_said(world: World, path: str, told: str) -> None:
    page = world.browser.page(path, 404)
    assert told in page.said()
    assert page.all("h1")[0].text == "Not found"
    check_page(path, page)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("status=done", "status is one of success, pending, "),
        ("state=lost", "state is one of processed, waiting, failed, not 'lost'."),
        ("page=0", "page is a number from 1 on, not '0'."),
        ("page=-1", "page is a number from 1 on, not '-1'."),
        ("page=1e9", "page is a number from 1 on, not '1e9'."),
        ("page=99999999999999999999", "page is a number from 1 on"),
        ("status=%3Cscript%3E", "not '<script>'."),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(world: World, query: str, told: str) -> None:
    assert told in world.browser.page(f"{PAGE}/inputs?{query}", 400).said()


def test_looking_leaves_no_trace_and_meets_no_fault(start: Callable[..., Api]) -> None:
    api = start()
    api.sandbox.clear_requests()
    api.sandbox.inject(Fault(status=503, times=0))
    browser = Browser(api.sandbox.base_url)
    assert browser.page("/")
    assert browser.get("/favicon.ico").headers["Content-Type"] == "image/svg+xml"
    assert api.sandbox.requests() == ()
    browser.session.close()


def test_an_empty_sandbox_says_what_to_do(start: Callable[..., Api]) -> None:
    api = start(create=False)
    browser = Browser(api.sandbox.base_url)
    page = browser.page("/")
    assert "No apps yet" in page.said()
    assert f"export CLARIFAI_API_BASE={api.sandbox.base_url}" in page.said()
    api("POST", "/v2/users/me/apps", {"apps": [{"id": "park", "default_workflow_id": "Empty"}]})
    for name, told in {
        "": "it has no nodes, so nothing annotates new inputs",
        "/inputs": "reconciler inputs add my-app images/ --wait",
        "/workflows": "It has no nodes: nothing runs.",
        "/models": "No models",
        "/concepts": "No concepts",
    }.items():
        assert told in browser.page(f"{PAGE}{name}").said()
    browser.session.close()


def test_without_the_template_library_it_says_what_to_install(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.browser.page("/")
    for name in ("desk", "render"):
        monkeypatch.delitem(sys.modules, f"reconciler.sandbox.explorer.{name}")
        monkeypatch.delattr(reconciler.sandbox.explorer, name)
    monkeypatch.setitem(sys.modules, "jinja2", None)
    answer = world.browser.get("/")
    assert answer.status_code == 501
    assert answer.text == "The explorer needs jinja2: pip install 'reconciler[sandbox]'\n"


def test_work_that_goes_on_is_shown(start: Callable[..., Api]) -> None:
    api = start()
    api.sandbox.hold()
    api("POST", "/inputs", {"inputs": [image("one", written("one"))]})
    browser = Browser(api.sandbox.base_url)
    assert "1 waiting" in browser.page(PAGE).said()
    assert "reload to see more" in browser.page(f"{PAGE}/inputs").said()
    assert "one waiting not processed yet" in browser.page(f"{PAGE}/inputs?state=waiting").said()
    assert "Not processed yet" in browser.page(f"{PAGE}/inputs/one").said()
    api.sandbox.release()
    browser.session.close()


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (0.0, "0"),
        (1.0, "1"),
        (0.95, "0.95"),
        (0.123, "0.123"),
        (0.12345, "0.123"),
        (0.0004, "<0.001"),
        (0.9996, ">0.999"),
        (0.9994, "0.999"),
        (-0.5, "-0.5"),
    ],
)
def test_scores_are_short_and_never_rounded_to_certainty(value: float, told: str) -> None:
    from reconciler.sandbox.codec import as_float32

    assert text.score(as_float32(value)) == told


def test_templates_are_part_of_the_package() -> None:
    import tomllib

    root = Path(__file__).parents[2]
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"]["reconciler"]
    shipped = {path for pattern in patterns for path in (root / "reconciler").glob(pattern)}
    folder = root / "reconciler" / "sandbox" / "explorer" / "templates"
    assert {*folder.iterdir()} <= shipped

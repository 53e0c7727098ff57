"""The scores file: what it says for which image and model, and every way of getting it wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.catalogue import PUBLIC_MODELS
from reconciler.errors import SandboxError
from reconciler.sandbox.scores import Detection, Scores

CAT = "c" * 64
DOG = "0" * 63 + "1"  # would be a number in YAML
FILE = f"""\
source: made up for this test
images:
  - sha256: {CAT}
    concepts: {{ai_mFqxrph2: 0.97, ai_8S2Vq3cR: 1e-2}}
  - url: https://example.org/dog.jpg
    concepts: {{ai_8S2Vq3cR: .95}}
  - {{sha256: {DOG}, model: d16f390eb32cad478c7ae150069bd2c6, concepts: {{suggestive: 0}}}}
  - {{sha256: {DOG}, concepts: {{ai_8S2Vq3cR: 1}}}}
  - {{sha256: {"e" * 64}, concepts: {{}}}}
"""
GENERAL = "general-image-recognition"
SCRIPTED = ", ".join(
    model.id
    for model in PUBLIC_MODELS
    if model.model_type_id in ("visual-classifier", "visual-detector")
)
BOX = "[top, left, bottom, right] is expected, each from 0 to 1"


@pytest.fixture
def scores(tmp_path: Path) -> Scores:
    path = tmp_path / "scores.yaml"
    path.write_text(FILE, "utf-8")
    return Scores.load(path)


@pytest.mark.parametrize(
    ("model_id", "sha256", "url", "expected"),
    [
        (GENERAL, CAT, "", {"ai_mFqxrph2": 0.97, "ai_8S2Vq3cR": 0.01}),
        ("moderation-recognition", CAT, "", {"ai_mFqxrph2": 0.97, "ai_8S2Vq3cR": 0.01}),
        (GENERAL, "", "https://example.org/dog.jpg", {"ai_8S2Vq3cR": 0.95}),
        (GENERAL, "f" * 64, "https://example.org/dog.jpg", {"ai_8S2Vq3cR": 0.95}),
        (GENERAL, CAT, "https://example.org/dog.jpg", {"ai_mFqxrph2": 0.97, "ai_8S2Vq3cR": 0.01}),
        (GENERAL, DOG, "", {"ai_8S2Vq3cR": 1.0}),
        ("moderation-recognition", DOG, "", {"suggestive": 0.0}),
        ("d16f390eb32cad478c7ae150069bd2c6", DOG, "", {"suggestive": 0.0}),
        (GENERAL, "e" * 64, "", {}),
        (GENERAL, "f" * 64, "", None),
        (GENERAL, "", "", None),
        (GENERAL, CAT.upper(), "", None),
    ],
    ids=[
        "by digest",
        "for every model",
        "by url",
        "by url where the digest is unknown",
        "digest before url",
        "not what another model says",
        "what one model says",
        "a model by its hash",
        "nothing recognised",
        "unknown image",
        "neither digest nor url",
        "digests are lower case",
    ],
)
def test_lookup(
    scores: Scores, model_id: str, sha256: str, url: str, expected: dict[str, float] | None
) -> None:
    assert scores.lookup(model_id, sha256, url) == expected


def test_the_source_is_kept(scores: Scores) -> None:
    assert scores.source == "made up for this test"


def test_the_concepts_of_all_images_are_known(scores: Scores) -> None:
    assert scores.concept_ids == {"ai_mFqxrph2", "ai_8S2Vq3cR", "suggestive"}


def test_detections_are_found_like_scores(tmp_path: Path) -> None:
    path = tmp_path / "scores.yaml"
    path.write_text(
        f"""\
source: made up for this test
images:
  - sha256: {CAT}
    concepts: {{ai_mFqxrph2: 0.97}}
    regions:
      - {{box: [0.1, 0.2, 0.5, 0.75], concepts: {{face: 0.9}}}}
      - {{box: [0, 0, 1, 1], concepts: {{face: .3, hand: 0.1}}}}
  - {{sha256: {CAT}, model: face-detection, regions: []}}
  - {{url: "https://example.org/dog.jpg", regions: [{{box: [0, 0, 1, 1], concepts: {{snout: 1}}}}]}}
""",
        "utf-8",
    )
    scores = Scores.load(path)
    assert scores.lookup(GENERAL, CAT, "") == {"ai_mFqxrph2": 0.97}
    assert scores.detections("another-detector", CAT, "") == (
        Detection((0.1, 0.2, 0.5, 0.75), {"face": 0.9}),
        Detection((0.0, 0.0, 1.0, 1.0), {"face": 0.3, "hand": 0.1}),
    )
    assert scores.detections("face-detection", CAT, "") == ()
    assert scores.detections("face-detection", DOG, "") is None
    assert scores.detections("face-detection", "", "https://example.org/dog.jpg") == (
        Detection((0.0, 0.0, 1.0, 1.0), {"snout": 1.0}),
    )
    assert scores.lookup(GENERAL, "", "https://example.org/dog.jpg") is None
    assert scores.concept_ids == {"ai_mFqxrph2", "face", "hand", "snout"}
    assert scores.speaks_of("https://example.org/dog.jpg")
    assert not scores.speaks_of("https://example.org/cat.jpg")


def test_empty_knows_no_image() -> None:
    assert Scores.empty().lookup(GENERAL, CAT, "") is None
    assert Scores.empty().source == ""


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", [": a map is expected"]),
        ("[]", [":1:1: a map is expected"]),
        ("source: s", [":1:1: `images` is missing"]),
        ("images: []", [":1:1: `source` is missing"]),
        ("source: ''\nimages: []", [":1:9: source: a text is expected"]),
        ("source: [a]\nimages: []", [":1:9: source: a text is expected"]),
        ("source: s\nimages: {}", [":2:9: images: a list is expected"]),
        (
            "source: s\nimages: []\nimage: []",
            [":3:1: unknown key 'image'; known are source, images"],
        ),
        ("source: s\nsource: t\nimages: []", [":2:1: key 'source' stands twice"]),
        ("source: s\nimages: [x]", [":2:10: images[0]: a map is expected"]),
        (
            "source: s\nimages: [{concepts: {}}]",
            [":2:10: images[0]: exactly one of `sha256` and `url` is expected"],
        ),
        (
            f"source: s\nimages: [{{sha256: {CAT}, url: u, concepts: {{}}}}]",
            [":2:10: images[0]: exactly one of `sha256` and `url` is expected"],
        ),
        (
            "source: s\nimages: [{sha256: ABC, concepts: {}}]",
            [":2:19: images[0].sha256: 'ABC' is not 64 lower-case hex digits"],
        ),
        (
            "source: s\nimages: [{url: u}]",
            [":2:10: images[0]: `concepts` is missing; `{}` says that nothing is recognised"],
        ),
        (
            "source: s\nimages: [{url: u, concepts: [ai_a]}]",
            [":2:29: images[0].concepts: a map is expected"],
        ),
        (
            "source: s\nimages:\n  - {url: u, concepts: {}}\n  - {url: u, concepts: {}}",
            [":4:5: images[1]: url u is listed twice"],
        ),
        (
            "source: s\nimages:\n  - {url: u, concepts: {}, model: general}",
            [
                ":3:35: images[0].model: 'general' is no public model with scripted scores; "
                f"known are {SCRIPTED}"
            ],
        ),
        (
            "source: s\nimages:\n  - {url: u, concepts: {}, model: general-image-embedding}",
            [
                ":3:35: images[0].model: 'general-image-embedding' is no public model with scripted "
                f"scores; known are {SCRIPTED}"
            ],
        ),
        (
            "source: s\nimages:\n  - {url: u, concepts: {}, model: face-detection}",
            [":3:5: images[0]: 'face-detection' is a detector: it takes `regions`, not `concepts`"],
        ),
        (
            "source: s\nimages:\n  - {url: u, regions: [], model: food-item-recognition}",
            [
                ":3:5: images[0]: 'food-item-recognition' is no detector: it takes `concepts`, "
                "not `regions`"
            ],
        ),
        (
            "source: s\nimages:\n  - url: u\n    regions:\n"
            "      - {box: [0.1, 0, 0.5], concepts: {}}\n"
            "      - {box: [0, 0, 1.5, 1], concepts: {}}\n"
            "      - {box: [0.5, 0, 0.5, 1], concepts: {a: 2}}\n"
            "      - {box: [0, 0, 1, 1]}\n      - {concepts: {}, colour: red}\n      - {box: x}",
            [
                f":5:15: images[0].regions[0].box: {BOX}",
                f":6:15: images[0].regions[1].box: {BOX}",
                ":7:15: images[0].regions[2].box: the box is empty: top is above bottom, "
                "left is before right",
                ":7:47: images[0].regions[2].concepts.a: '2' is not a number from 0 to 1",
                ":8:9: images[0].regions[3]: `concepts` is missing",
                ":9:24: images[0].regions[4]: unknown key 'colour'; known are box, concepts",
                ":9:9: images[0].regions[4]: `box` is missing",
                ":10:9: images[0].regions[5]: `concepts` is missing",
            ],
        ),
        (
            "source: s\nimages:\n  - {url: u, regions: []}\n  - {url: u, regions: []}",
            [":4:5: images[1]: url u is listed twice"],
        ),
        (
            "source: s\nimages: [{url: u, regions: {}}]",
            [":2:28: images[0].regions: a list is expected"],
        ),
        (
            "source: s\nimages:\n  - url: u\n    concepts: {a: 1.01, b: -0.1, c: nan, d: 1_0, e: }\n"
            "  - url: v\n    concepts: {a: high}",
            [
                ":4:19: images[0].concepts.a: '1.01' is not a number from 0 to 1",
                ":4:28: images[0].concepts.b: '-0.1' is not a number from 0 to 1",
                ":4:37: images[0].concepts.c: 'nan' is not a number from 0 to 1",
                ":4:45: images[0].concepts.d: '1_0' is not a number from 0 to 1",
                ":4:52: images[0].concepts.e: a text is expected",
                ":6:19: images[1].concepts.a: 'high' is not a number from 0 to 1",
            ],
        ),
    ],
    ids=[
        "empty file",
        "a list",
        "no images",
        "no source",
        "empty source",
        "source of the wrong type",
        "images of the wrong type",
        "unknown key",
        "duplicate key",
        "image of the wrong type",
        "image without identity",
        "image with two identities",
        "not a digest",
        "no concepts",
        "concepts of the wrong type",
        "image listed twice",
        "unknown model",
        "a model without scores",
        "concepts for a detector",
        "regions for a classifier",
        "every wrong region in one run",
        "regions listed twice",
        "regions of the wrong type",
        "every wrong score in one run",
    ],
)
def test_mistakes_are_named_with_their_place(
    tmp_path: Path, text: str, problems: list[str]
) -> None:
    path = tmp_path / "scores.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(SandboxError) as caught:
        Scores.load(path)
    assert caught.value.message == "\n".join(f"{path}{problem}" for problem in problems)
    assert caught.value.hint.startswith("a scores file has a `source` and `images`")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "none.yaml"
    with pytest.raises(SandboxError) as caught:
        Scores.load(path)
    assert str(caught.value) == f"{path}: cannot read the scores: No such file or directory"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xff\xfe\x00", ": the scores are no UTF-8 text"),
        (b"source: [", ":1:10: no YAML: "),
        (b"source: \x00", ": no YAML: "),
        (b"[" * 100_000, ": no YAML: "),
    ],
    ids=["binary", "unclosed", "control character", "bottomless"],
)
def test_what_is_no_yaml_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "scores.yaml"
    path.write_bytes(data)
    with pytest.raises(SandboxError) as caught:
        Scores.load(path)
    assert caught.value.message.startswith(f"{path}{message}")

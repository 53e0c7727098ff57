"""The embedding-classifier: it learns, it refuses what cannot be learnt, its artifact is only data."""

from __future__ import annotations

import ast
import io
import pickle
import subprocess
import sys
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from reconciler.sandbox.training import (
    Classifier,
    Example,
    NoData,
    NoPositives,
    SingleClass,
    TrainingError,
    load,
    predict,
    train,
)
from reconciler.sandbox.vision import embed

DIGITS = tuple(f"digit-{number}" for number in range(10))


def example(vector: tuple[float, ...], *positives: str, no: tuple[str, ...] = ()) -> Example:
    return Example(vector, frozenset(positives), frozenset(no))


def clouds(seed: int = 0) -> list[Example]:
    """Two clear clouds in the plane."""
    random = np.random.default_rng(seed)
    examples = []
    for centre, concepts in (((-3.0, 0.0), ("left",)), ((3.0, 0.0), ("right",))):
        for _ in range(20):
            x, y = random.normal(centre, 0.5).tolist()
            examples.append(example((x, y), *concepts))
    return examples


@cache
def digits(side: int, resample: Image.Resampling) -> tuple[list[tuple[float, ...]], list[int]]:
    """scikit-learn's handwritten digits, embedded from PNG files of that side."""
    bunch = load_digits()
    vectors = []
    for levels in bunch.images:
        picture = Image.fromarray((levels * 255 / 16).round().astype(np.uint8))
        buffer = io.BytesIO()
        picture.resize((side, side), resample).save(buffer, "PNG")
        vectors.append(embed(buffer.getvalue()))
    return vectors, [int(target) for target in bunch.target]


@pytest.mark.parametrize(
    ("side", "resample"),
    [
        (8, Image.Resampling.NEAREST),
        (64, Image.Resampling.NEAREST),
        (64, Image.Resampling.BICUBIC),
    ],
    ids=["as they are", "in blocks", "smoothly"],
)
def test_digits_are_told_apart_with_confidence(side: int, resample: Image.Resampling) -> None:
    vectors, targets = digits(side, resample)
    known, new = train_test_split(
        range(len(targets)), train_size=600, random_state=0, stratify=targets
    )
    artifact = train(
        [example(vectors[number], DIGITS[targets[number]]) for number in known],
        DIGITS,
        mutually_exclusive=True,
    )
    automatic = right = 0
    for number in new:
        scores = predict(artifact, vectors[number])
        best = max(scores, key=lambda id_: scores[id_])
        if scores[best] >= 0.9:
            automatic += 1
            right += best == DIGITS[targets[number]]
    assert len(new) == 1197
    assert automatic / len(new) >= 0.93
    assert right / automatic >= 0.995


@pytest.mark.parametrize("mutually_exclusive", [True, False], ids=["exclusive", "independent"])
def test_clear_clouds_are_learnt(mutually_exclusive: bool) -> None:
    artifact = train(clouds(), ["left", "right"], mutually_exclusive=mutually_exclusive)
    left, right = predict(artifact, (-3.0, 0.0)), predict(artifact, (3.0, 0.0))
    assert (round(left["left"], 1), round(left["right"], 1)) == (1.0, 0.0)
    assert (round(right["left"], 1), round(right["right"], 1)) == (0.0, 1.0)


def test_independent_concepts_may_apply_together() -> None:
    both = [example((float(x), y), "left", "up") for x in range(-4, 0) for y in (1.0, 2.0)]
    left = [example((float(x), y), "left") for x in range(-4, 0) for y in (-1.0, -2.0)]
    up = [example((float(x), y), "up") for x in range(1, 5) for y in (1.0, 2.0)]
    neither = [example((float(x), y), no=("left",)) for x in range(1, 5) for y in (-1.0, -2.0)]
    artifact = train([*both, *left, *up, *neither], ["left", "up"], mutually_exclusive=False)
    corners = {
        corner: {id_ for id_, score in predict(artifact, corner).items() if score > 0.5}
        for corner in ((-3.0, 1.5), (-3.0, -1.5), (3.0, 1.5), (3.0, -1.5))
    }
    assert list(corners.values()) == [{"left", "up"}, {"left"}, {"up"}, set()]


@given(x=st.floats(-1e6, 1e6), y=st.floats(-1e6, 1e6))
@settings(max_examples=50)
@pytest.mark.parametrize("mutually_exclusive", [True, False], ids=["exclusive", "independent"])
def test_scores_are_probabilities_however_far_off(
    x: float, y: float, mutually_exclusive: bool
) -> None:
    scores = predict(_trained(mutually_exclusive), (x, y))
    assert set(scores) == {"left", "right"}
    assert all(0 <= score <= 1 for score in scores.values())
    if mutually_exclusive:
        assert sum(scores.values()) == pytest.approx(1)


@cache
def _trained(mutually_exclusive: bool) -> bytes:
    return train(clouds(), ["left", "right"], mutually_exclusive=mutually_exclusive)


@pytest.mark.parametrize("mutually_exclusive", [True, False], ids=["exclusive", "independent"])
def test_the_same_examples_give_the_same_bytes_in_any_order(mutually_exclusive: bool) -> None:
    examples = clouds()
    forwards = train(examples, ["left", "right"], mutually_exclusive=mutually_exclusive)
    backwards = train(examples[::-1], ["right", "left"], mutually_exclusive=mutually_exclusive)
    assert forwards == backwards
    other = train(clouds(1), ["left", "right"], mutually_exclusive=mutually_exclusive)
    assert forwards != other


def test_a_feature_that_never_varies_decides_nothing() -> None:
    padded = [Example((*one.vector, 7.0), one.positives) for one in clouds()]
    artifact = train(padded, ["left", "right"], mutually_exclusive=True)
    assert predict(artifact, (-3.0, 0.0, 7.0)) == predict(artifact, (-3.0, 0.0, 700.0))


A, B = (0.0, 0.0), (1.0, 1.0)


@pytest.mark.parametrize(
    ("examples", "concepts", "exclusive", "error", "code", "message"),
    [
        ([], ["a"], True, NoData, 21110, "no labelled inputs to train on"),
        ([example(A)], ["a"], True, NoData, 21110, "no labelled inputs to train on"),
        ([example(A, "a")], [], True, NoData, 21110, "no labelled inputs to train on"),
        (
            [example(A, "a"), example(B, "b", no=("c",))],
            ["d", "c", "b", "a"],
            False,
            NoPositives,
            21111,
            "no positive examples of c, d",
        ),
        (
            [example(A, "a"), example(B, no=("a",))],
            ["a"],
            True,
            SingleClass,
            21112,
            "a is the only concept: there is nothing to tell it from",
        ),
        (
            [example(A, "a", "b"), example(B, "a")],
            ["a", "b"],
            False,
            SingleClass,
            21112,
            "every labelled input shows a: there is nothing to tell it from",
        ),
    ],
    ids=[
        "nothing",
        "nothing labelled",
        "no concepts",
        "concepts without examples",
        "one exclusive concept",
        "a concept shown by all",
    ],
)
def test_what_cannot_be_learnt_says_why(
    examples: list[Example],
    concepts: list[str],
    exclusive: bool,
    error: type[TrainingError],
    code: int,
    message: str,
) -> None:
    with pytest.raises(error) as caught:
        train(examples, concepts, mutually_exclusive=exclusive)
    assert (caught.value.code, str(caught.value)) == (code, message)


def test_a_vector_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError) as caught:
        predict(_trained(True), (1.0, 2.0, 3.0))
    assert str(caught.value) == (
        "the classifier was trained on vectors of length 2, this one has 3"
    )


class _Trap:
    def __reduce__(self) -> tuple[object, ...]:
        return (pytest.fail, ("the artifact was executed",))


@pytest.mark.parametrize(
    "artifact",
    [b"", b"nonsense", pickle.dumps(_Trap()), _trained(True)[:100]],
    ids=["empty", "nonsense", "a pickle", "cut"],
)
def test_what_is_no_artifact_is_refused_and_never_run(artifact: bytes) -> None:
    with pytest.raises(ValueError):
        predict(artifact, (1.0, 2.0))


def test_what_is_loaded_is_what_was_saved_whatever_the_order_in_memory() -> None:
    weights = np.asfortranarray([[1.5, -2.0, 3.0], [0.25, 0.0, -1.0]])
    saved = Classifier(("a", "b"), weights, np.array([0.5, -0.5]), True, "text").saved()
    loaded = load(saved)
    assert (loaded.concept_ids, loaded.mutually_exclusive, loaded.kind) == (
        ("a", "b"),
        True,
        "text",
    )
    assert np.array_equal(loaded.weights, weights)
    assert np.array_equal(loaded.bias, [0.5, -0.5])


def test_loading_parses_no_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parser's own count of its depth can break where several threads use it at once."""
    artifact = _trained(True)
    monkeypatch.setattr(ast, "parse", None)
    assert load(artifact).concept_ids == ("left", "right")


def test_arrays_with_pickled_objects_are_refused() -> None:
    buffer = io.BytesIO()
    np.savez(buffer, concept_ids=np.array([_Trap()], dtype=object))
    with pytest.raises(ValueError):
        predict(buffer.getvalue(), (1.0, 2.0))


def test_predicting_needs_no_scikit_learn() -> None:
    code = (
        "import sys; from reconciler.sandbox.training import predict;"
        "predict(sys.stdin.buffer.read(), (1.0, 2.0));"
        "assert 'sklearn' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], input=_trained(True), check=True, timeout=300)

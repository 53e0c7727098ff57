"""The embedding-classifier: really trained on labelled vectors, really predicting.

Training is scikit-learn's logistic regression on standardised vectors. What it leaves is plain
arrays: loading an artifact runs no code, and predicting needs numpy alone.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import numpy as np
import numpy.typing as npt

# Measured on handwritten digits drawn at three sizes: up to 0.3 leaves too many images undecided,
# from 10 on the few mistakes grow confident.
_INVERSE_REGULARISATION: Final = 3.0
_MAX_ITERATIONS: Final = 5000
_CONSTANT: Final = 1e-6

_MAGIC: Final = b"\x93NUMPY\x01\x00"
_HEADER: Final = re.compile(
    rb"\{'descr': '(?P<type><f8|\|u1|\|b1)', 'fortran_order': (?P<order>True|False), "
    rb"'shape': \((?P<shape>[0-9, ]*)\), \} *\n"
)

_Array = npt.NDArray[np.float64]


class TrainingError(ValueError):
    """The labelled inputs do not allow training; ``code`` is the version's status code."""

    code: ClassVar[int]


class NoData(TrainingError):
    """No labelled input at all."""

    code = 21110  # MODEL_TRAINING_NO_DATA


class NoPositives(TrainingError):
    """A concept without a positive example."""

    code = 21111  # MODEL_TRAINING_NO_POSITIVES


class SingleClass(TrainingError):
    """Nothing to tell a concept from."""

    code = 21112  # MODEL_TRAINING_ONE_VS_N_SINGLE_CLASS


@dataclass(frozen=True, slots=True)
class Example:
    """A labelled input: its embedding and the ids of the concepts it shows and does not show."""

    vector: tuple[float, ...]
    positives: frozenset[str]
    negatives: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Classifier:
    """What training leaves. ``kind`` is that of the inputs which the vectors were made from."""

    concept_ids: tuple[str, ...]
    weights: _Array
    bias: _Array
    mutually_exclusive: bool
    kind: str = "image"

    def scores(self, vector: Sequence[float]) -> Mapping[str, float]:
        """The score of every concept, 0 to 1, by id. Raises ValueError for another length."""
        values = np.asarray(vector, dtype=np.float64)
        if values.shape != self.weights.shape[1:]:
            raise ValueError(
                f"the classifier was trained on vectors of length {self.weights.shape[1]}, "
                f"this one has {values.size}"
            )
        logits = self.weights @ values + self.bias
        if self.mutually_exclusive:
            powers = np.exp(logits - logits.max())
            scores = powers / powers.sum()
        else:
            scores = 0.5 * (1 + np.tanh(0.5 * logits))  # the logistic function, without overflow
        return dict(zip(self.concept_ids, scores.tolist(), strict=True))

    def saved(self) -> bytes:
        """The classifier as bytes, which ``load`` takes."""
        buffer = io.BytesIO()
        np.savez(
            buffer,
            concept_ids=np.frombuffer(json.dumps(self.concept_ids).encode(), dtype=np.uint8),
            weights=self.weights,
            bias=self.bias,
            mutually_exclusive=np.array(self.mutually_exclusive),
            kind=np.frombuffer(self.kind.encode(), dtype=np.uint8),
        )
        return buffer.getvalue()


def load(artifact: bytes) -> Classifier:
    """The classifier of such bytes. Raises ValueError if they are none."""
    try:
        with zipfile.ZipFile(io.BytesIO(artifact)) as packed:
            arrays = {name: _array(packed.read(name)) for name in packed.namelist()}
        return Classifier(
            tuple(json.loads(arrays["concept_ids.npy"].tobytes())),
            arrays["weights.npy"],
            arrays["bias.npy"],
            bool(arrays["mutually_exclusive.npy"]),
            # Artifacts of before there were texts do not say: they are of images.
            arrays["kind.npy"].tobytes().decode() if "kind.npy" in arrays else "image",
        )
    except (OSError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError("this is no trained classifier") from error


def _array(content: bytes) -> npt.NDArray[Any]:
    """An array as ``np.savez`` writes it (NumPy's format 1.0). Raises ValueError.

    NumPy's reader hands the header, a line of Python, to ``ast``. In CPython 3.11 that can fail with
    a SystemError while another thread is in it too, and inputs are processed by several.
    """
    start = len(_MAGIC) + 2
    end = start + int.from_bytes(content[len(_MAGIC) : start], "little")
    header = _HEADER.fullmatch(content[start:end])
    if header is None or not content.startswith(_MAGIC):
        raise ValueError("this is no array of numbers")
    shape = [int(length) for length in header["shape"].split(b",") if length.strip()]
    values = np.frombuffer(content, np.dtype(header["type"].decode()), offset=end)
    return values.reshape(shape, order="F" if header["order"] == b"True" else "C")


def train(
    examples: Iterable[Example],
    concept_ids: Sequence[str],
    *,
    mutually_exclusive: bool,
    kind: str = "image",
) -> bytes:
    """Learn the concepts; returns the artifact that ``load`` and ``predict`` take.

    Mutually exclusive concepts share one softmax, so that their scores sum to one. Otherwise each
    concept has its own classifier, and an example that does not show it is a negative one. The
    same examples give the same bytes, in whatever order. Raises NoData, NoPositives, SingleClass.
    """
    return fit(examples, concept_ids, mutually_exclusive=mutually_exclusive, kind=kind).saved()


def predict(artifact: bytes, vector: Sequence[float]) -> Mapping[str, float]:
    """The score of every concept, 0 to 1, by id.

    Raises ValueError if the artifact is none or was trained on vectors of another length.
    """
    return load(artifact).scores(vector)


def fit(
    examples: Iterable[Example],
    concept_ids: Sequence[str],
    *,
    mutually_exclusive: bool,
    kind: str = "image",
) -> Classifier:
    """Like ``train``, with the classifier itself."""
    wanted = tuple(sorted(set(concept_ids)))
    usable = [example for example in examples if example.positives or example.negatives]
    # The solver adds up in order, and sums of floats depend on it.
    usable.sort(key=lambda example: (example.vector, sorted(example.positives)))
    if not usable or not wanted:
        raise NoData("no labelled inputs to train on")
    missing = [id_ for id_ in wanted if not any(id_ in example.positives for example in usable)]
    if missing:
        raise NoPositives(f"no positive examples of {', '.join(missing)}")
    learn = _fit_exclusive if mutually_exclusive else _fit_each
    weights, bias = learn(usable, wanted)
    return Classifier(wanted, weights, bias, mutually_exclusive, kind)


def _fit_exclusive(
    examples: Sequence[Example], concept_ids: Sequence[str]
) -> tuple[_Array, _Array]:
    # An input that shows several concepts, or none of these, contradicts exclusiveness; the first
    # teaches each of its concepts, the second nothing.
    pairs = [
        (example.vector, concept_ids.index(id_))
        for example in examples
        for id_ in sorted(example.positives.intersection(concept_ids))
    ]
    if len(concept_ids) == 1:
        raise SingleClass(f"{concept_ids[0]} is the only concept: there is nothing to tell it from")
    return _fit(
        np.array([vector for vector, _ in pairs]), np.array([number for _, number in pairs])
    )


def _fit_each(examples: Sequence[Example], concept_ids: Sequence[str]) -> tuple[_Array, _Array]:
    vectors = np.array([example.vector for example in examples])
    weights, bias = [], []
    for id_ in concept_ids:
        shown = np.array([id_ in example.positives for example in examples])
        if shown.all():
            raise SingleClass(f"every labelled input shows {id_}: there is nothing to tell it from")
        rows, offsets = _fit(vectors, shown.astype(int))
        weights.append(rows[-1] - rows[0])
        bias.append(offsets[-1] - offsets[0])
    return np.array(weights), np.array(bias)


def _fit(vectors: _Array, classes: npt.NDArray[np.int_]) -> tuple[_Array, _Array]:
    """One row of weights and an offset per class, for vectors as they are (not standardised)."""
    from sklearn.linear_model import LogisticRegression

    mean, spread = vectors.mean(axis=0), vectors.std(axis=0)
    spread[spread < _CONSTANT] = 1.0
    model = LogisticRegression(C=_INVERSE_REGULARISATION, max_iter=_MAX_ITERATIONS)
    model.fit((vectors - mean) / spread, classes)
    weights: _Array = model.coef_
    bias: _Array = model.intercept_
    if len(weights) == 1:  # for two classes the library keeps the second one's row only
        weights, bias = np.vstack((0 * weights, weights)), np.append(0.0, bias)
    weights = weights / spread
    return weights, bias - weights @ mean

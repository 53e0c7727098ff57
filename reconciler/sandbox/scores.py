"""Scripted scores: what public recognition models and detectors predict, by image, read from a file.

The models themselves are not public. Nothing is made up: the file says where its scores come from,
and an image that it does not name has none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeAlias, TypeVar

import yaml

from reconciler.catalogue import PUBLIC_MODELS, public_model
from reconciler.errors import SandboxError

_SHA256: Final = re.compile("[0-9a-f]{64}")
_NUMBER: Final = re.compile(r"[0-9]*\.?[0-9]+(e[-+]?[0-9]+)?", re.IGNORECASE)
_FORM: Final = (
    "a scores file has a `source` and `images`, each with `sha256` or `url`, "
    "`concepts: {PUBLIC_CONCEPT_ID: SCORE}` and, if only one model is meant, `model`; for detectors "
    "`regions`, each with `box: [TOP, LEFT, BOTTOM, RIGHT]` from 0 to 1 and `concepts`"
)
_DETECTOR: Final = "visual-detector"
_SCRIPTED: Final = tuple(
    model.id for model in PUBLIC_MODELS if model.model_type_id in ("visual-classifier", _DETECTOR)
)
_BOX: Final = "[top, left, bottom, right] is expected, each from 0 to 1"

_Found = TypeVar("_Found")
_Key: TypeAlias = tuple[str, str, str]
"""Readable id of the model or "" for all; ``sha256`` or ``url``; its value."""


@dataclass(frozen=True, slots=True)
class Detection:
    """A scripted region: top, left, bottom and right as shares of the image, and its scores."""

    box: tuple[float, float, float, float]
    concepts: Mapping[str, float]


_NONE: Final[Mapping[_Key, tuple[Detection, ...]]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Scores:
    """The scores of a file. ``source`` says where they come from.

    ``images`` is what recognition models predict, ``regions`` what detectors find.
    """

    source: str
    images: Mapping[_Key, Mapping[str, float]]
    regions: Mapping[_Key, tuple[Detection, ...]] = field(default_factory=lambda: _NONE)

    @classmethod
    def empty(cls) -> Scores:
        """No scores for any image."""
        return cls("", MappingProxyType({}))

    @classmethod
    def load(cls, path: Path | str) -> Scores:
        """Read and check a scores file. Raises SandboxError, which names all its problems."""
        try:
            text = Path(path).read_text("utf-8")
        except OSError as error:
            raise SandboxError(f"{path}: cannot read the scores: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise SandboxError(f"{path}: the scores are no UTF-8 text", hint=_FORM) from error
        try:
            # Every scalar stays text: a digest of digits must not become a number.
            root = yaml.compose(text, Loader=yaml.BaseLoader)
        except yaml.MarkedYAMLError as error:
            place = "" if error.problem_mark is None else _place(error.problem_mark)
            raise SandboxError(f"{path}{place}: no YAML: {error.problem}") from error
        except (yaml.YAMLError, RecursionError) as error:
            raise SandboxError(f"{path}: no YAML: {error}") from error
        reader = _Reader(str(path), [])
        scores = reader.scores(root)
        if reader.problems:
            raise SandboxError("\n".join(reader.problems), hint=_FORM)
        return scores

    @property
    def concept_ids(self) -> frozenset[str]:
        """Every concept that some image or region has a score for."""
        inside = [one.concepts for found in self.regions.values() for one in found]
        return frozenset(id_ for concepts in (*self.images.values(), *inside) for id_ in concepts)

    def speaks_of(self, url: str) -> bool:
        """Whether the file has something for this URL, so that it need not be reachable."""
        return any(key[1:] == ("url", url) for key in (*self.images, *self.regions))

    def lookup(self, model_id: str, sha256: str, url: str) -> Mapping[str, float] | None:
        """The scores by concept id of an image for a model, or None if the file has none.

        ``sha256`` is that of the bytes in lower-case hex; either it or ``url`` may be empty. What is
        said for one model goes before what is said for all, and the digest before the URL.
        """
        return _find(self.images, model_id, sha256, url)

    def detections(self, model_id: str, sha256: str, url: str) -> tuple[Detection, ...] | None:
        """The regions of an image for a detector, found like scores; None if the file has none."""
        return _find(self.regions, model_id, sha256, url)


def _find(listed: Mapping[_Key, _Found], model_id: str, sha256: str, url: str) -> _Found | None:
    for model in (_readable(model_id), ""):
        for kind, value in (("sha256", sha256), ("url", url)):
            found = listed.get((model, kind, value))
            if found is not None:
                return found
    return None


def _readable(model_id: str) -> str:
    model = public_model(model_id)
    return model_id if model is None else model.id


def _place(mark: yaml.Mark) -> str:
    return f":{mark.line + 1}:{mark.column + 1}"


def _is_list(node: yaml.Node) -> bool:
    return isinstance(node, yaml.SequenceNode)


def _number(node: yaml.Node) -> float:
    """The number that a scalar spells, -1 if it is none."""
    text = str(node.value) if isinstance(node, yaml.ScalarNode) else ""
    return float(text) if _NUMBER.fullmatch(text) else -1.0


_Read: TypeAlias = tuple[_Key, Mapping[str, float] | None, tuple[Detection, ...] | None]


@dataclass(frozen=True, slots=True)
class _Reader:
    """Turns YAML nodes into scores and notes what is wrong, instead of stopping at the first."""

    file: str
    problems: list[str]

    def note(self, node: yaml.Node | None, where: str, problem: str) -> None:
        place = "" if node is None else _place(node.start_mark)
        self.problems.append(f"{self.file}{place}: {where}{': ' if where else ''}{problem}")

    def scores(self, root: yaml.Node | None) -> Scores:
        fields = self.fields(root, "", known=("source", "images"))
        for name in ("source", "images"):
            if fields and name not in fields:
                self.note(root, "", f"`{name}` is missing")
        source = self.text(fields.get("source"), "source")
        images: dict[_Key, Mapping[str, float]] = {}
        regions: dict[_Key, tuple[Detection, ...]] = {}
        listed = fields.get("images")
        for number, node in enumerate(self.items(listed, "images")):
            where = f"images[{number}]"
            read = self.image(node, where)
            if read is None:
                continue
            key, concepts, found = read
            if (concepts is not None and key in images) or (found is not None and key in regions):
                self.note(node, where, f"{key[1]} {key[2]} is listed twice")
            if concepts is not None:
                images[key] = concepts
            if found is not None:
                regions[key] = found
        return Scores(source, MappingProxyType(images), MappingProxyType(regions))

    def image(self, node: yaml.Node, where: str) -> _Read | None:
        fields = self.fields(node, where, known=("sha256", "url", "concepts", "regions", "model"))
        names = [name for name in ("sha256", "url") if name in fields]
        if not isinstance(node, yaml.MappingNode):
            return None
        if len(names) != 1:
            self.note(node, where, "exactly one of `sha256` and `url` is expected")
            return None
        (name,) = names
        value = self.text(fields[name], f"{where}.{name}")
        if name == "sha256" and value and not _SHA256.fullmatch(value):
            self.note(fields[name], f"{where}.sha256", f"{value!r} is not 64 lower-case hex digits")
        model = self.model(fields.get("model"), f"{where}.model")
        concepts = regions = None
        if "concepts" in fields:
            concepts = self.concepts(fields["concepts"], f"{where}.concepts")
        if "regions" in fields:
            regions = self.regions(fields["regions"], f"{where}.regions")
        if concepts is None and regions is None:
            self.note(node, where, "`concepts` is missing; `{}` says that nothing is recognised")
        self.fits(node, where, model, concepts is not None, regions is not None)
        return (model, name, value), concepts, regions

    def fits(self, node: yaml.Node, where: str, model: str, concepts: bool, regions: bool) -> None:
        """Whether the named model can say what is scripted for it."""
        known = public_model(model)
        if known is None:
            return
        if known.model_type_id == _DETECTOR and concepts:
            self.note(node, where, f"{model!r} is a detector: it takes `regions`, not `concepts`")
        if known.model_type_id != _DETECTOR and regions:
            self.note(node, where, f"{model!r} is no detector: it takes `concepts`, not `regions`")

    def concepts(self, node: yaml.Node, where: str) -> Mapping[str, float]:
        listed = self.fields(node, where)
        return MappingProxyType(
            {id_: self.score(score, f"{where}.{id_}") for id_, score in listed.items()}
        )

    def regions(self, node: yaml.Node, where: str) -> tuple[Detection, ...]:
        """Every region; ``[]`` says that the detectors find nothing."""
        found = []
        for number, entry in enumerate(self.items(node, where)):
            place = f"{where}[{number}]"
            fields = self.fields(entry, place, known=("box", "concepts"))
            for name in ("box", "concepts"):
                if fields and name not in fields:
                    self.note(entry, place, f"`{name}` is missing")
            if "box" in fields and "concepts" in fields:
                box = self.box(fields["box"], f"{place}.box")
                found.append(Detection(box, self.concepts(fields["concepts"], f"{place}.concepts")))
        return tuple(found)

    def box(self, node: yaml.Node, where: str) -> tuple[float, float, float, float]:
        sides = [_number(item) for item in node.value] if _is_list(node) else []
        if len(sides) != 4 or not all(0 <= side <= 1 for side in sides):
            self.note(node, where, _BOX)
            return 0.0, 0.0, 1.0, 1.0
        top, left, bottom, right = sides
        if not (top < bottom and left < right):
            self.note(node, where, "the box is empty: top is above bottom, left is before right")
        return top, left, bottom, right

    def items(self, node: yaml.Node | None, where: str) -> list[yaml.Node]:
        if node is None:
            return []
        if not _is_list(node):
            self.note(node, where, "a list is expected")
            return []
        return list(node.value)

    def model(self, node: yaml.Node | None, where: str) -> str:
        if node is None:
            return ""
        id_ = self.text(node, where)
        if id_ and _readable(id_) not in _SCRIPTED:
            problem = f"{id_!r} is no public model with scripted scores"
            self.note(node, where, f"{problem}; known are {', '.join(_SCRIPTED)}")
        return _readable(id_)

    def score(self, node: yaml.Node, where: str) -> float:
        text = self.text(node, where)
        score = _number(node)
        if text and not 0 <= score <= 1:
            self.note(node, where, f"{text!r} is not a number from 0 to 1")
        return score

    def text(self, node: yaml.Node | None, where: str) -> str:
        """The text of a scalar; an absent one is empty and noted by those who need it."""
        if node is None:
            return ""
        if not isinstance(node, yaml.ScalarNode) or not node.value.strip():
            self.note(node, where, "a text is expected")
            return ""
        return str(node.value)

    def fields(
        self, node: yaml.Node | None, where: str, known: tuple[str, ...] = ()
    ) -> dict[str, yaml.Node]:
        """The fields of a map; all keys are allowed if none are ``known``."""
        if not isinstance(node, yaml.MappingNode):
            self.note(node, where, "a map is expected")
            return {}
        fields: dict[str, yaml.Node] = {}
        pairs: list[tuple[yaml.Node, yaml.Node]] = node.value
        for key, value in pairs:
            name = self.text(key, where)
            if name and known and name not in known:
                self.note(key, where, f"unknown key {name!r}; known are {', '.join(known)}")
            if name in fields:
                self.note(key, where, f"key {name!r} stands twice")
            fields[name] = value
        return fields

"""Scripted scores: what public recognition models predict, by image, read from a file.

The models themselves are not public. Nothing is made up: the file says where its scores come from,
and an image that it does not name has none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeAlias

import yaml

from reconciler.catalogue import PUBLIC_MODELS, public_model
from reconciler.errors import SandboxError

_SHA256: Final = re.compile("[0-9a-f]{64}")
_NUMBER: Final = re.compile(r"[0-9]*\.?[0-9]+(e[-+]?[0-9]+)?", re.IGNORECASE)
_FORM: Final = (
    "a scores file has a `source` and `images`, each with `sha256` or `url`, "
    "`concepts: {PUBLIC_CONCEPT_ID: SCORE}` and, if only one model is meant, `model`"
)

_Key: TypeAlias = tuple[str, str, str]
"""Readable id of the model or "" for all; ``sha256`` or ``url``; its value."""


@dataclass(frozen=True, slots=True)
class Scores:
    """The scores of a file. ``source`` says where they come from."""

    source: str
    images: Mapping[_Key, Mapping[str, float]]

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
        """Every concept that some image has a score for."""
        return frozenset(id_ for concepts in self.images.values() for id_ in concepts)

    def lookup(self, model_id: str, sha256: str, url: str) -> Mapping[str, float] | None:
        """The scores by concept id of an image for a model, or None if the file has none.

        ``sha256`` is that of the bytes in lower-case hex; either it or ``url`` may be empty. What is
        said for one model goes before what is said for all, and the digest before the URL.
        """
        for model in (_readable(model_id), ""):
            for kind, value in (("sha256", sha256), ("url", url)):
                found = self.images.get((model, kind, value))
                if found is not None:
                    return found
        return None


def _readable(model_id: str) -> str:
    model = public_model(model_id)
    return model_id if model is None else model.id


def _place(mark: yaml.Mark) -> str:
    return f":{mark.line + 1}:{mark.column + 1}"


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
        listed = fields.get("images")
        if isinstance(listed, yaml.SequenceNode):
            for number, node in enumerate(listed.value):
                where = f"images[{number}]"
                read = self.image(node, where)
                if read is None:
                    continue
                key, concepts = read
                if key in images:
                    self.note(node, where, f"{key[1]} {key[2]} is listed twice")
                images[key] = concepts
        elif listed is not None:
            self.note(listed, "images", "a list is expected")
        return Scores(source, MappingProxyType(images))

    def image(self, node: yaml.Node, where: str) -> tuple[_Key, Mapping[str, float]] | None:
        fields = self.fields(node, where, known=("sha256", "url", "concepts", "model"))
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
        concepts: dict[str, float] = {}
        if "concepts" in fields:
            for id_, score in self.fields(fields["concepts"], f"{where}.concepts").items():
                concepts[id_] = self.score(score, f"{where}.concepts.{id_}")
        else:
            self.note(node, where, "`concepts` is missing; `{}` says that nothing is recognised")
        return (model, name, value), MappingProxyType(concepts)

    def model(self, node: yaml.Node | None, where: str) -> str:
        if node is None:
            return ""
        id_ = self.text(node, where)
        if id_ and public_model(id_) is None:
            known = ", ".join(model.id for model in PUBLIC_MODELS)
            self.note(node, where, f"{id_!r} is no public model; known are {known}")
        return _readable(id_)

    def score(self, node: yaml.Node, where: str) -> float:
        text = self.text(node, where)
        score = float(text) if _NUMBER.fullmatch(text) else -1.0
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

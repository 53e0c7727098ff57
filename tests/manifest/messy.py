"""Manifests as people type them: one meaning, any layout that YAML allows."""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import strategies as st

IDS = ["people", "man", "adult", "a", "b-c", "x_1", "test.1", "0"]
COMMENTS = ["# why", "#", "#tight", "# a: b", "# - x", "# 'quote", "# é 漢 😀", "# yaml-language-server: $schema=x"]  # fmt: skip
GENERAL = "clarifai/main/general-image-recognition@aa7f35c01e0642fda5cf400f543e7c40"
COMPARATORS = [1, 2, "3", "LESS_THAN_OR_EQUAL", "GREATER_THAN", 5.0, '"2"']
STATUSES = [24150, 24151, "ANNOTATION_SUCCESS", "ANNOTATION_PENDING", "'24159'"]


class Text(str):
    """A scalar that is already written."""


def _model(rnd: Random) -> Any:
    concepts = rnd.sample(IDS, rnd.randint(1, 4))
    match rnd.randrange(4):
        case 0:
            return {
                "model_type_id": Text(rnd.choice(["concept-threshold", "concept-thresholder"])),
                "concept_threshold_type": Text(rnd.choice(COMPARATORS)),
                "thresholds": {c: Text(rnd.choice(["0.5", ".1", "1", "5e-1"])) for c in concepts},
            }
        case 1:
            return {
                "model_type_id": "annotation-writer",
                "annotation_status": Text(rnd.choice(STATUSES)),
                "annotation_user_id": "me",
                "notes": "first\n\n  second: [x]\n# third\n",
            }
        case 2:
            return {"model_type_id": "embedding-classifier", "concepts": concepts}
        case _:
            return {
                "model_type_id": "concept-synonym-mapper",
                "description": "follows # relations: all of them",
            }


def manifest(rnd: Random) -> dict[str, Any]:
    """What a manifest may say, its sections in any order."""
    models = {f"m{n}": _model(rnd) for n in range(rnd.randint(1, 4))}
    nodes: list[dict[str, Any]] = [{"id": "general", "model": GENERAL}]
    for name, model in models.items():
        if model["model_type_id"] == "embedding-classifier":
            continue
        nodes.append({"id": f"n-{name}", "model": name, "node_inputs": [rnd.choice(nodes)["id"]]})
    for node in nodes:
        if rnd.random() < 0.3:
            node["suppress_output"] = rnd.choice([Text("true"), Text("False")])
    sections = {
        "app": {"id": "my-app", "description": rnd.choice(["plain", "two\nlines\n", "a: b", ""])},
        "concepts": list(IDS) if rnd.random() < 0.5 else {id_: {"name": id_} for id_ in IDS},
        "concept_relations": [
            {"subject": "people", "predicate": "hypernym", "object": other}
            for other in rnd.sample(IDS[1:], 2)
        ],
        "models": models,
        "workflows": {"auto": {"nodes": nodes}},
    }
    order = rnd.sample(list(sections), len(sections))
    return {key: sections[key] for key in order}


class Writer:
    """Writes nested data in a random layout."""

    def __init__(self, rnd: Random) -> None:
        self.rnd = rnd
        self.lines: list[str] = []

    def write(self, data: dict[str, Any]) -> str:
        self._noise(0, 0)
        self._mapping(data, 0, "")
        self._noise(0, 0)
        ending = self.rnd.choice(["\n", "\n", "\n\n\n", ""])
        text = "\n".join(self.lines) + ending
        return text.replace("\n", "\r\n") if self.rnd.random() < 0.1 else text

    def _noise(self, indent: int, outer: int) -> None:
        while self.rnd.random() < 0.25:
            if self.rnd.random() < 0.5:
                self.lines.append(self.rnd.choice(["", "", "   "]))
            else:
                column = self.rnd.choice([indent, indent, outer, indent + 1, 0])
                self.lines.append(" " * column + self.rnd.choice(COMMENTS))

    def _behind(self) -> str:
        if self.rnd.random() < 0.75:
            return self.rnd.choice(["", "", "", "  "])
        return " " * self.rnd.choice([1, 2, 2, 7]) + self.rnd.choice(COMMENTS)

    def _mapping(self, data: dict[str, Any], indent: int, lead: str) -> None:
        for number, (key, value) in enumerate(data.items()):
            if number or not lead:
                self._noise(indent, max(0, indent - 2))
            start = lead if lead and not number else " " * indent
            name = self.rnd.choice([key, key, key, f'"{key}"', f"'{key}'"])
            name = f'"{key}"' if key == "0" and name == key else name
            self._value(value, indent, start + name + self.rnd.choice([":", ":", ":", " :"]))

    def _value(self, value: Any, indent: int, start: str) -> None:
        gap = " " * self.rnd.choice([1, 1, 1, 3])
        if isinstance(value, str):
            self._scalar(value, indent, start + gap)
        elif self.rnd.random() < 0.3:
            self._flow(value, indent, start + gap)
        elif isinstance(value, dict):
            self.lines.append(start + self._behind())
            deeper = indent + self.rnd.choice([1, 2, 2, 4])
            self._noise(deeper, indent)
            self._mapping(value, deeper, "")
        else:
            self.lines.append(start + self._behind())
            deeper = indent + self.rnd.choice([0, 0, 2, 2, 3])
            for item in value:
                self._noise(deeper, indent)
                dash = " " * deeper + "-" + " " * self.rnd.choice([1, 1, 1, 3])
                if isinstance(item, dict) and self.rnd.random() < 0.5:
                    self._mapping(item, len(dash), dash)
                elif isinstance(item, dict):
                    self._flow(item, deeper, dash)
                else:
                    self._scalar(item, deeper, dash)

    def _scalar(self, value: str, indent: int, start: str) -> None:
        if value.endswith("\n"):
            self.lines.append(start + self.rnd.choice(["|", "|", "|  # text"]))
            deeper = indent + self.rnd.choice([1, 2, 4])
            self.lines += [" " * deeper + line if line else "" for line in value.split("\n")[:-1]]
        elif " # " in value and self.rnd.random() < 0.5:
            first, _, second = value.partition(" ")
            self.lines += [f'{start}"{first}', " " * (indent + self.rnd.choice([1, 5])) + second + '"' + self._behind()]  # fmt: skip
        else:
            self.lines.append(start + self._inline(value) + self._behind())

    def _inline(self, value: str) -> str:
        if isinstance(value, Text):
            return value
        return f'"{value}"' if not value or value == "0" or set(value) & set(" #:\n") else value

    def _flow(self, value: Any, indent: int, start: str) -> None:
        opening, closing = "{}" if isinstance(value, dict) else "[]"
        pad = self.rnd.choice(["", "", " "])
        items = self._flow_items(value)
        if len(items) > 1 and self.rnd.random() < 0.2:
            deeper = indent + self.rnd.choice([1, 2, 4])
            self.lines.append(start + opening + self._behind())
            for item in items:
                self._noise(deeper, deeper)
                self.lines.append(" " * deeper + item + "," + self._behind())
            self.lines.append(" " * (indent + self.rnd.choice([1, 2])) + closing + self._behind())
            return
        commas = (self.rnd.choice([", ", ", ", ",  ", " , ", ",    "]) for _ in items)
        inner = "".join(x for pair in zip(items, commas, strict=True) for x in pair)
        inner = inner.rstrip(" ,") if self.rnd.random() < 0.8 else inner
        self.lines.append(start + opening + pad + inner + pad + closing + self._behind())

    def _flow_items(self, value: Any) -> list[str]:
        if isinstance(value, list):
            return [self._flow_text(item) for item in value]
        colon = self.rnd.choice([": ", ": ", ":   ", " : "])
        return [f'"{k}"{colon}{self._flow_text(v)}' for k, v in value.items()]

    def _flow_text(self, value: Any) -> str:
        if isinstance(value, str):
            return self._inline(value).replace("\n", "\\n")
        opening, closing = "{}" if isinstance(value, dict) else "[]"
        return opening + ", ".join(self._flow_items(value)) + closing


@st.composite
def messy_manifests(draw: st.DrawFn) -> str:
    """Texts of manifests in any layout."""
    rnd = draw(st.randoms(use_true_random=False))
    return Writer(rnd).write(manifest(rnd))

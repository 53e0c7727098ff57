"""The coverage page as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import metadata
from itertools import groupby
from typing import Final

from reconciler.sandbox.behaviour import Grade, switches
from reconciler.sandbox.coverage import survey
from reconciler.sandbox.coverage.evidence import Evidence
from reconciler.sandbox.coverage.habits import HABITS, MODEL_TYPES
from reconciler.sandbox.coverage.methods import METHODS
from reconciler.sandbox.coverage.survey import Extent, Method

_OPENING: Final = """\
<!-- Written by `reconciler sandbox coverage`; `make generated` writes it anew. -->

# What the sandbox covers

Methods, keys and routes are read from the service's own descriptor (`clarifai-grpc` {release}), what is
there from the sandbox's tables, and how far a model type goes from running it: nothing of that is written
by hand. Where a behaviour is taken from is:

| Word | Means |
| --- | --- |
| contract | the protobuf contract and its comments, or the official client |
| documented | the platform's documentation or release notes, old ones included |
| recorded | the official test-suite, or an answer of the live service that somebody kept |
| inferred | our conclusion from one of these |
| unknown | nothing says so, or the sources contradict each other: our choice |
| ours | no behaviour of the platform: for tests and demonstrations |

Nothing here was compared with the live service. [sandbox.md](sandbox.md) says how to use the sandbox.
"""

_EXTENTS: Final = """\
*runs* computes its result from its input. *scripted* answers what a scores file says, and says so.
*stored only* can be created, listed and wired into a workflow; where it has to run, the answer has code
10040 and names it.
"""

_PROMISE: Final = """\
Each can be turned with `Sandbox(behaviour=Behaviour(…))`, or while the sandbox runs. The tool's own life
of an app is tested under every value listed here (`tests/sandbox/test_every_switch.py`).
"""

_WRITTEN: Final = """\
`~` is `/v2/users/{user_id}/apps/{app_id}`; a `+` stands for the same path below `/v2`, for app keys. *Key*
is what the contract asks for: *any* token, a *personal* one, or *none*.
"""


def render() -> str:
    """The whole page."""
    methods = survey.methods()
    release = ".".join(metadata.version("clarifai-grpc").split(".")[:2])
    sections = (
        _OPENING.replace("{release}", release),
        *_summary(methods),
        "## Habits of the whole platform\n",
        _table(
            ("Behaviour", "Taken from", "Concluded here"),
            [(habit, *_cells(evidence)) for habit, evidence in HABITS.items()],
        ),
        "## What nobody knows: the switches\n",
        _PROMISE,
        _table(
            ("Switch", "Here", "Also", "Is", "What is known"),
            [
                (
                    f"`{switch.name}`",
                    _value(switch.default),
                    ", ".join(map(_value, switch.others)),
                    str(switch.source.grade),
                    switch.source.text,
                )
                for switch in switches()
            ],
        ),
        "## Model types\n",
        _EXTENTS,
        _model_types(),
        "Public models:\n",
        _table(
            ("Model of `clarifai/main`", "Type", "Here"),
            [
                (f"`{model.id}`", f"`{model.model_type_id}`", str(extent))
                for model, extent in survey.public_models()
            ],
        ),
        "## Methods\n",
        _WRITTEN,
        *_methods(methods),
    )
    return "\n".join(sections)


def _summary(methods: Sequence[Method]) -> Iterator[str]:
    there = [method for method in methods if method.implemented]
    unary = [method for method in methods if not method.streaming]
    types = survey.model_types()
    yield (
        f"**{len(there)} of {len(unary)} unary methods** are there; the other "
        f"{len(unary) - len(there)}, and the {len(methods) - len(unary)} streaming ones,\n"
        "answer with code 10040 (501 over HTTP).\n"
        f"Of **{len(types)} model types** {_count(types, Extent.REAL)} run, "
        f"{_count(types, Extent.SCRIPTED)} are scripted, {_count(types, Extent.STORED)} are stored "
        "only.\n"
    )
    grades = [grade for method in there for grade in _evidence(method).grades]
    yield _table(
        ("Methods that are there", "Number"),
        [
            *(
                (f"taken from: {grade}", str(grades.count(grade)))
                for grade in (Grade.CONTRACT, Grade.DOCUMENTED, Grade.RECORDED)
            ),
            ("with something inferred", str(grades.count(Grade.INFERRED))),
        ],
    )


def _count(types: Sequence[survey.Type], extent: Extent) -> int:
    return sum(_furthest(one) is extent for one in types)


def _furthest(one: survey.Type) -> Extent:
    """What a type counts as: the most that any of its models does."""
    return next(extent for extent in Extent if extent in (one.own, one.public))


def _model_types() -> str:
    rows = []
    for one in survey.model_types():
        own = str(one.own) if one.creatable else "cannot be created"
        evidence = MODEL_TYPES.get(one.id)
        known = _cells(evidence) if evidence else ("", "")
        rows.append((f"`{one.id}`", own, str(one.public), "yes" if one.trains else "", *known))
    return _table(
        ("Type", "Your own", "`clarifai/main`'s", "Trained", "Taken from", "Concluded here"), rows
    )


def _methods(methods: Sequence[Method]) -> Iterator[str]:
    for area, found in groupby(methods, key=lambda method: method.area):
        group = list(found)
        there = [method for method in group if method.implemented]
        absent = [method for method in group if not method.implemented]
        yield f"### {area.replace('_', ' ')}: {len(there)} of {len(group)}\n"
        if there:
            yield _table(
                ("Method", "Routes", "Key", "Here", "Taken from", "Concluded here"),
                [
                    (
                        f"`{method.name}`",
                        _routes(method),
                        method.key,
                        method.about,
                        *_cells(_evidence(method)),
                    )
                    for method in there
                ],
            )
        if absent:
            yield _table(
                ("Not there", "Routes", "Key"),
                [
                    (
                        f"`{method.name}`" + (" (streaming)" if method.streaming else ""),
                        _routes(method),
                        method.key,
                    )
                    for method in absent
                ],
            )


def _evidence(method: Method) -> Evidence:
    """What a method is taken from; every method that is there has to say it."""
    try:
        return METHODS[method.name]
    except KeyError:
        place = "reconciler/sandbox/coverage/methods.py"
        raise LookupError(f"{method.name} has no line in {place}") from None


def _routes(method: Method) -> str:
    paths = [f"`{path.text}`" + (" +" if path.has_short else "") for path in method.paths]
    return "<br>".join(paths) or "gRPC only"


def _cells(evidence: Evidence) -> tuple[str, str]:
    return ", ".join(evidence.grades), evidence.ours


def _value(value: bool | int) -> str:
    return str(value).lower()


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines
    )

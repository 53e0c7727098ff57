"""A manifest of 10,000 resources: what a large app could look like, made without chance."""

from __future__ import annotations

from collections.abc import Iterator

CONCEPTS, RELATIONS, MODELS, WORKFLOWS = 7_000, 1_000, 1_900, 100
APP_ID = "big-auto-annotation"
THRESHOLDERS_A_WORKFLOW = 16
"""With the general model, the mapper and two writers that is the platform's limit of 20 nodes."""

GENERAL = "clarifai/main/general-image-recognition@aa7f35c01e0642fda5cf400f543e7c40"


def text() -> str:
    """The manifest as YAML: 7,000 concepts, 1,000 relations, 1,900 models, 100 workflows."""
    return "\n".join([*_app(), *_concepts(), *_relations(), *_models(), *_workflows(), ""])


def _app() -> Iterator[str]:
    yield f"app: {{id: {APP_ID}, default_workflow: routing-0}}"


def _concepts() -> Iterator[str]:
    yield "concepts:"
    for n in range(CONCEPTS):
        yield f"  concept-{n}: {{name: concept number {n}}}"


def _relations() -> Iterator[str]:
    yield "concept_relations:"
    for n in range(RELATIONS):
        yield f"  - {{subject: concept-{n}, predicate: hyponym, object: concept-{n + RELATIONS}}}"


def _models() -> Iterator[str]:
    yield "models:"
    yield '  mapper: {model_type_id: concept-synonym-mapper, knowledge_graph_id: ""}'
    for status in ("success", "pending"):
        yield f"  write-{status}:"
        yield "    model_type_id: annotation-writer"
        yield f"    annotation_status: ANNOTATION_{status.upper()}"
        yield "    annotation_user_id: me"
    for n in range(MODELS - 3):
        comparator = "LESS_THAN" if n % 2 else "GREATER_THAN_OR_EQUAL"
        thresholds = ", ".join(
            f"concept-{(n * 5 + at) % CONCEPTS}: 0.{50 + (n + at) % 50}" for at in range(5)
        )
        yield f"  threshold-{n}:"
        yield "    model_type_id: concept-threshold"
        yield f"    concept_threshold_type: {comparator}"
        yield f"    thresholds: {{{thresholds}}}"


def _workflows() -> Iterator[str]:
    yield "workflows:"
    for n in range(WORKFLOWS):
        numbers = range(n * THRESHOLDERS_A_WORKFLOW, (n + 1) * THRESHOLDERS_A_WORKFLOW)
        yield f"  routing-{n}:"
        yield "    nodes:"
        yield f"      - {{id: general, model: {GENERAL}}}"
        yield "      - {id: mapper, model: mapper, node_inputs: [general]}"
        for at in numbers:
            yield f"      - {{id: t{at}, model: threshold-{at}, node_inputs: [mapper]}}"
        for parity, status in enumerate(("success", "pending")):
            inputs = ", ".join(f"t{at}" for at in numbers if at % 2 == parity)
            yield f"      - {{id: {status}, model: write-{status}, node_inputs: [{inputs}]}}"

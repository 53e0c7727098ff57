"""Runs models and workflows on one input: configuration in effect, order of nodes, annotations last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from clarifai_grpc.grpc.api import resources_pb2
from google.protobuf.json_format import MessageToDict

from reconciler.catalogue import canonical_model_type
from reconciler.sandbox.models.job import (
    Job,
    Media,
    Message,
    ModelFailure,
    Result,
    RunContext,
    WriterEffect,
    copied,
    ranked,
)
from reconciler.sandbox.models.table import RUNS

__all__ = [
    "Media",
    "ModelFailure",
    "NodeOutput",
    "Result",
    "RunContext",
    "WriterEffect",
    "compute",
    "data_of",
    "run_model",
    "run_workflow",
]

MODEL_TRAINED: Final = 21100
MODEL_UNTRAINED: Final = 21102
WORKFLOW_REQUIRE_TRAINED_MODEL: Final = 22002
WORKFLOW_INVALID_GRAPH: Final = 22107


@dataclass(frozen=True, slots=True)
class NodeOutput:
    """What one node of a workflow put out; ``suppressed`` ones are not shown to the caller."""

    node_id: str
    model: Message
    version: Message
    data: Message
    suppressed: bool
    details: str


def run_model(
    model: Message,
    version: Message,
    data: Message,
    ctx: RunContext,
    override: Message | None = None,
) -> Message:
    """What one model version makes of ``data``; raises ModelFailure.

    ``override`` is an OutputInfo whose data, params and output_config go before the version's.
    """
    return compute(model, version, data, ctx, override).data


def compute(
    model: Message,
    version: Message,
    data: Message,
    ctx: RunContext,
    override: Message | None = None,
) -> Result:
    """Like ``run_model``, with what is to be said about the result."""
    result = _compute(model, version, data, ctx, override)
    _write(ctx, [result])
    return result


def run_workflow(workflow: Message, ctx: RunContext) -> tuple[NodeOutput, ...]:
    """Run every node on the input, each after those it reads, and then write the annotations.

    Raises ModelFailure, with the node named and nothing written, if any node cannot be run.
    """
    outputs: dict[str, NodeOutput] = {}
    results: list[Result] = []
    for node in _in_order(workflow):
        data = data_of(ctx.media)
        if node.node_inputs:
            data = _merged([outputs[entry.node_id].data for entry in node.node_inputs])
        try:
            model, version = ctx.find_version(node.model)
            result = _compute(model, version, data, ctx, _node_override(node))
        except ModelFailure as failure:
            code = failure.code
            if code == MODEL_UNTRAINED:
                code = WORKFLOW_REQUIRE_TRAINED_MODEL
            raise ModelFailure(code, f"node '{node.id}': {failure.details}") from failure
        results.append(result)
        outputs[node.id] = NodeOutput(
            node.id, model, version, result.data, node.suppress_output, result.details
        )
    _write(ctx, results)
    return tuple(outputs.values())


def _write(ctx: RunContext, results: Sequence[Result]) -> None:
    for result in results:
        if ctx.write is not None and result.effect is not None:
            ctx.write(result.effect)


def _in_order(workflow: Message) -> Sequence[Message]:
    """The nodes, each after its inputs, otherwise in the order of the workflow."""
    waiting = list(workflow.nodes)
    ready: set[str] = set()
    ordered = []
    while waiting:
        for node in waiting:
            if all(entry.node_id in ready for entry in node.node_inputs):
                break
        else:
            stuck = ", ".join(f"'{node.id}'" for node in waiting)
            raise ModelFailure(
                WORKFLOW_INVALID_GRAPH,
                f"nodes {stuck} read each other or a node that does not exist",
            )
        waiting.remove(node)
        ready.add(node.id)
        ordered.append(node)
    return ordered


def _node_override(node: Message) -> Message:
    """Of a node's override only data and params count, says the contract."""
    sent = node.output_info_override
    return resources_pb2.OutputInfo(
        data=sent.data if sent.HasField("data") else None,
        params=sent.params if sent.HasField("params") else None,
    )


def data_of(media: Media) -> Message:
    """The input as a node without inputs reads it: without the bytes, which stay in the context."""
    data = resources_pb2.Data(regions=media.regions)
    if media.kind == "text":
        data.text.raw = media.text
    elif media.caption:
        data.text.raw = media.caption
    getattr(data, media.kind).SetInParent()
    return data


def _merged(parts: Sequence[Message]) -> Message:
    """The data of several nodes as one; of a concept that comes twice the greater score stays."""
    merged = resources_pb2.Data()
    for part in parts:
        merged.MergeFrom(part)
    if len(parts) > 1:
        best: dict[tuple[str, str, str], Message] = {}
        for concept in merged.concepts:
            key = (concept.user_id, concept.app_id, concept.id)
            if key not in best or concept.value > best[key].value:
                best[key] = concept
        kept = [copied(concept) for concept in best.values()]
        merged.ClearField("concepts")
        merged.concepts.extend(ranked(kept))
    return merged


def _compute(
    model: Message, version: Message, data: Message, ctx: RunContext, override: Message | None
) -> Result:
    stored = version.output_info
    params = MessageToDict(stored.params)
    concepts = stored.data.concepts
    output_config = copied(stored.output_config)
    if override is not None:
        params |= MessageToDict(override.params)
        concepts = override.data.concepts or concepts
        if override.output_config.select_concepts:
            output_config.ClearField("select_concepts")
        output_config.MergeFrom(override.output_config)
        for name in ("max_concepts", "min_value", "select_concepts"):
            if getattr(override.output_config, name):
                params.pop(name, None)
    job = Job(model, version, data, ctx, params, concepts, output_config)
    run = RUNS.get(canonical_model_type(model.model_type_id))
    if run is None:
        raise job.not_run("does not run models of this type")
    if version.status.code != MODEL_TRAINED:
        raise ModelFailure(
            MODEL_UNTRAINED,
            f"{job.name}: version '{version.id}' is not trained (status {version.status.code})",
        )
    return run(job)

"""Predictions: a model or a workflow run on inputs of the request, with nothing written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from clarifai_grpc.grpc.api import resources_pb2, service_pb2

from reconciler.sandbox import engine, media, runs, status
from reconciler.sandbox.context import (
    PUBLIC,
    Context,
    Entry,
    check_batch,
    computes,
    load,
    need,
    ok,
)
from reconciler.sandbox.handlers import hosting, lookup, parameters
from reconciler.sandbox.ids import stamp
from reconciler.sandbox.transaction import Row, Scope

_MODEL_INPUTS: Final = 128
_WORKFLOW_INPUTS: Final = 32


def post_model_outputs(request: Any, context: Context) -> Any:
    """Run one model on up to 128 inputs; each output has its own status."""
    check_batch(request.inputs, "inputs", _MODEL_INPUTS)
    override = _override(request.model)
    parameters.check_prediction_bounds(override)
    with context.reading() as tx:
        row = _model(request, context)
        pair, plan = _plan(row, request, context)
        stored = [_stored(item, context) for item in request.inputs]
        public = Scope(row.user, row.app) == PUBLIC
    model, version = pair
    if public and not context.caller.personal:
        raise status.PlatformError(
            status.INSUFFICIENT_SCOPES, "an app key does not run models of clarifai/main"
        )
    del tx
    outputs = []
    for item, row_of_input in zip(request.inputs, stored, strict=True):
        output = resources_pb2.Output(
            id=context.world.ids.new(), created_at=stamp(context.world.clock.now())
        )
        output.model.CopyFrom(model)
        output.model.model_version.CopyFrom(version)
        output.model.model_version.ClearField("output_info")

        def compute(medium: engine.Media, output: Any = output) -> str:
            surroundings = plan.surroundings(context.world, medium)
            data = engine.data_of(medium)
            result = engine.compute(model, version, data, surroundings, override)
            output.data.CopyFrom(result.data)
            return result.details

        shown = _attempt(item, row_of_input, context, output, compute)
        output.input.CopyFrom(shown)
        outputs.append(output)
    envelope = _envelope([output.status for output in outputs])
    return service_pb2.MultiOutputResponse(status=envelope, outputs=outputs)


def _override(model: Any) -> Any:
    """What a prediction may set for itself: of the version, else (older callers) of the model."""
    if model.model_version.HasField("output_info"):
        return model.model_version.output_info
    return model.output_info


def _model(request: Any, context: Context) -> Row:
    reference = resources_pb2.Model(id=request.model_id)
    if not context.world.legacy or context.is_public:
        reference.user_id, reference.app_id = context.scope
    return lookup.referred_model(reference, context)


def _plan(row: Row, request: Any, context: Context) -> tuple[tuple[Any, Any], runs.Plan]:
    wanted = request.version_id or request.model.model_version.id
    version = _version(row, wanted, context)
    model = load(row)
    node = resources_pb2.WorkflowNode(id="model", model=model)
    node.model.model_version.id = version.id
    plan = runs.plan_workflow(context.tx, context.scope, "", [node])
    return plan.find_version(node.model), plan


def _version(row: Row, wanted: str, context: Context) -> Row:
    try:
        return lookup.referred_version(row, wanted, context)
    except status.PlatformError as error:
        if error.code != status.WORKFLOW_UNTRAINED:
            raise
        raise status.PlatformError(status.MODEL_UNTRAINED, error.details) from None


def _stored(item: Any, context: Context) -> Row | None:
    """An input that is named by id alone is one of the app."""
    if not item.id or media.kind_of(item.data) is not None:
        return None
    return need(context.tx.get(context.key("input", item.id)), "input_id", item.id)


def _attempt(
    item: Any,
    row: Row | None,
    context: Context,
    output: Any,
    compute: Callable[[engine.Media], str],
) -> Any:
    """Run on one input and set the status of what came out; returns the input as it is shown."""
    shown = load(row) if row else resources_pb2.Input()
    if row is None:
        shown.CopyFrom(item)
        shown.id = item.id or context.world.ids.new()
    try:
        medium = _open(shown, row, context)
        output.status.CopyFrom(status.make(status.SUCCESS, compute(medium)))
    except engine.ModelFailure as failure:
        output.status.CopyFrom(status.make(failure.code, failure.details))
    except status.PlatformError as error:
        output.status.CopyFrom(status.make(error.code, error.details))
    return hosting.add(shown, row.k2, context) if row else shown


def _open(shown: Any, row: Row | None, context: Context) -> engine.Media:
    kind = media.kind_of(shown.data)
    if kind is None:
        raise status.PlatformError(
            status.INPUT_INVALID_ARGUMENT, "the input has no image and no text"
        )
    if kind in ("video", "audio"):
        raise status.PlatformError(
            status.NOT_IMPLEMENTED, f"the sandbox does not process {kind} inputs"
        )
    sha256 = row.k2 if row else ""
    if row is None:
        content = media.take_bytes(shown.data)
        if content is not None:
            digest = media.digest(content)
            regions, beside = tuple(shown.data.regions), media.caption_of(shown.data)
            return engine.Media(kind, content, "", digest, regions, beside)

    def stored(wanted: str) -> bytes | None:
        with context.reading() as tx:
            return tx.media(wanted)

    return media.open_medium(shown.data, sha256, stored, context.world.scores)


def _envelope(statuses: Sequence[Any]) -> Any:
    """Ok, mixed (207), or failed; if the same cause failed all, that cause."""
    bad = [item for item in statuses if item.code != status.SUCCESS]
    if not bad:
        return ok()
    if len(bad) < len(statuses):
        return status.make(status.MIXED, f"{len(bad)} of {len(statuses)} inputs failed")
    codes = {item.code for item in bad}
    code = status.INPUT_FAILED if codes == {status.INPUT_FAILED} else status.FAILURE
    return status.make(code, bad[0].details)


def post_workflow_results(request: Any, context: Context) -> Any:
    """Run a workflow on up to 32 inputs: outputs in the order of its nodes, nothing written."""
    check_batch(request.inputs, "inputs", _WORKFLOW_INPUTS)
    parameters.check_output_config(request.output_config)
    with context.reading() as tx:
        row = need(
            lookup.workflow(request.workflow_id, context), "workflow_id", request.workflow_id
        )
        workflow = load(row)
        nodes = workflow.nodes
        if request.version_id:
            found = lookup.version_of_workflow(row, request.version_id, context)
            nodes = load(found).nodes
        plan = runs.plan_workflow(tx, context.scope, request.version_id, nodes)
        stored = [_stored(item, context) for item in request.inputs]
    if not context.caller.personal and any(
        (node.model.user_id, node.model.app_id) == PUBLIC for node in nodes
    ):
        raise status.PlatformError(
            status.INSUFFICIENT_SCOPES, "an app key does not run models of clarifai/main"
        )
    results = []
    for item, row_of_input in zip(request.inputs, stored, strict=True):
        result = resources_pb2.WorkflowResult(
            id=context.world.ids.new(), created_at=stamp(context.world.clock.now())
        )

        def compute(medium: engine.Media, result: Any = result) -> str:
            made = {node.node_id: node for node in plan.run(context.world, medium)}
            for node in nodes:
                if not node.suppress_output:
                    result.outputs.append(_output(made[node.id], request.output_config, context))
            return ""

        shown = _attempt(item, row_of_input, context, result, compute)
        result.input.CopyFrom(shown)
        results.append(result)
    answer = service_pb2.PostWorkflowResultsResponse(
        status=_envelope([result.status for result in results]), results=results
    )
    answer.workflow.id, answer.workflow.app_id = workflow.id, workflow.app_id
    answer.workflow.user_id = workflow.user_id
    answer.workflow.created_at.CopyFrom(workflow.created_at)
    if request.HasField("workflow_state"):
        wanted = request.workflow_state.id
        answer.workflow_state.id = context.world.ids.new() if wanted in ("", "init") else wanted
    return answer


def _output(made: engine.NodeOutput, config: Any, context: Context) -> Any:
    output = resources_pb2.Output(
        id=context.world.ids.new(),
        created_at=stamp(context.world.clock.now()),
        status=status.make(status.SUCCESS, made.details),
    )
    output.model.id = made.model.id
    output.model.user_id, output.model.app_id = made.model.user_id, made.model.app_id
    output.model.model_version.id = made.version.id
    output.data.CopyFrom(made.data)
    _limit(output.data, config)
    return output


def _limit(data: Any, config: Any) -> None:
    selected = {item.id or item.name for item in config.select_concepts}
    kept = [
        concept
        for concept in data.concepts
        if concept.value >= config.min_value
        and (not selected or concept.id in selected or concept.name in selected)
    ]
    if config.max_concepts:
        kept = kept[: config.max_concepts]
    if len(kept) < len(data.concepts):
        copies = [resources_pb2.Concept.FromString(item.SerializeToString()) for item in kept]
        data.ClearField("concepts")
        data.concepts.extend(copies)


ENTRIES: Final[Mapping[str, Entry]] = {
    "PostModelOutputs": computes(post_model_outputs),
    "PostWorkflowResults": computes(post_workflow_results),
}

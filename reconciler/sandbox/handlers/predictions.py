"""What the models of the default workflow said of an input, kept as annotations that nobody trusts.

Documented: an input that is added gets predictions of its base workflow, by which it can be searched.
Which outputs the platform keeps is not; here those of models that recognise or cluster, not those of
operators, which pass on what others said.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from clarifai_grpc.grpc.api import resources_pb2

from reconciler.catalogue import canonical_model_type
from reconciler.sandbox import engine, status
from reconciler.sandbox.context import Context
from reconciler.sandbox.ids import stamp
from reconciler.sandbox.transaction import Filter

_PREDICT: Final = frozenset(
    {
        "visual-classifier",
        "visual-detector",
        "text-classifier",
        "embedding-classifier",
        "regex-based-classifier",
        "clusterer",
    }
)
_KEPT: Final = ("concepts", "clusters", "regions")


def replace(input_id: str, outputs: Sequence[engine.NodeOutput], context: Context) -> None:
    """Keep what came of a run in place of what an earlier one said of the input."""
    context.tx.delete_all(
        context.scope, Filter("kind", ("prediction",)), Filter("parent", (input_id,))
    )
    for made in outputs:
        if canonical_model_type(made.model.model_type_id) in _PREDICT:
            _keep(input_id, made, context)


def _keep(input_id: str, made: engine.NodeOutput, context: Context) -> None:
    data = resources_pb2.Data(**{name: getattr(made.data, name) for name in _KEPT})
    if not data.ListFields():
        return
    at = context.world.clock.now()
    annotation = resources_pb2.Annotation(
        id=context.world.ids.new(),
        input_id=input_id,
        data=data,
        model_version_id=made.version.id,
        status=status.make(status.ANNOTATION_SUCCESS),
        created_at=stamp(at),
        modified_at=stamp(at),
    )
    model = annotation.worker.model
    model.id, model.user_id, model.app_id = made.model.id, made.model.user_id, made.model.app_id
    model.model_version.id = made.version.id
    key = context.key("prediction", annotation.id, input_id)
    context.tx.insert(key, annotation, at=at, status=annotation.status.code, k2=made.version.id)

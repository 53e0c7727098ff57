"""The public catalogue, ``clarifai/main``: written into the store at every start, read like any app."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from clarifai_grpc.grpc.api import resources_pb2

from reconciler import catalogue
from reconciler.sandbox import parsing, status, words
from reconciler.sandbox.context import PUBLIC
from reconciler.sandbox.ids import stamp
from reconciler.sandbox.transaction import Key, Tx

_LONG_AGO: Final = 1_466_000_000_000_000
_OPEN_TO_ALL: Final = resources_pb2.Visibility(gettable=resources_pb2.Visibility.Gettable.PUBLIC)


def seed(tx: Tx, scored_concepts: Iterable[str] = ()) -> None:
    """Write the public app anew; ``scored_concepts`` are ids that a scores file names."""
    tx.delete_all(PUBLIC)
    tx.insert(Key("app", *PUBLIC, "", PUBLIC.app), _app(), at=_LONG_AGO)
    names = {**{id_: id_ for id_ in sorted(scored_concepts)}, **catalogue.PUBLIC_CONCEPTS}
    for id_, name in names.items():
        tx.insert(Key("concept", *PUBLIC, "", id_), concept(id_, name), at=_LONG_AGO)
        for language, word in words.PUBLIC_NAMES.get(id_, {}).items():
            spoken = resources_pb2.ConceptLanguage(id=language, name=word)
            tx.insert(Key("concept_language", *PUBLIC, id_, language), spoken, at=_LONG_AGO)
    for model in catalogue.PUBLIC_MODELS:
        tx.insert(
            Key("model", *PUBLIC, "", model.id),
            _model(model),
            at=_LONG_AGO,
            k1=model.model_type_id,
        )
        for version_id in reversed(model.version_ids):
            tx.insert(
                Key("model_version", *PUBLIC, model.id, version_id),
                _version(model, version_id),
                at=_LONG_AGO,
                status=status.MODEL_TRAINED,
            )
    for workflow in catalogue.PUBLIC_WORKFLOWS:
        _seed_workflow(tx, workflow)


def _seed_workflow(tx: Tx, workflow: catalogue.PublicWorkflow) -> None:
    message = _workflow(workflow)
    tx.insert(Key("workflow", *PUBLIC, "", workflow.id), message, at=_LONG_AGO)
    version = resources_pb2.WorkflowVersion(
        id=message.version.id,
        workflow_id=workflow.id,
        created_at=stamp(_LONG_AGO),
        modified_at=stamp(_LONG_AGO),
        visibility=_OPEN_TO_ALL,
        nodes=message.nodes,
        app_id=PUBLIC.app,
        user_id=PUBLIC.user,
    )
    tx.insert(Key("workflow_version", *PUBLIC, workflow.id, version.id), version, at=_LONG_AGO)


def _app() -> Any:
    return resources_pb2.App(
        id=PUBLIC.app,
        name=PUBLIC.app,
        default_language="en",
        user_id=PUBLIC.user,
        created_at=stamp(_LONG_AGO),
        modified_at=stamp(_LONG_AGO),
        visibility=_OPEN_TO_ALL,
    )


def concept(id_: str, name: str) -> Any:
    """A public concept."""
    return resources_pb2.Concept(
        id=id_,
        name=name,
        value=1,
        language="en",
        app_id=PUBLIC.app,
        user_id=PUBLIC.user,
        created_at=stamp(_LONG_AGO),
        visibility=_OPEN_TO_ALL,
    )


def _model(model: catalogue.PublicModel) -> Any:
    return resources_pb2.Model(
        id=model.id,
        name=model.name,
        created_at=stamp(_LONG_AGO),
        modified_at=stamp(_LONG_AGO),
        app_id=model.app_id,
        user_id=model.user_id,
        model_type_id=model.model_type_id,
        visibility=_OPEN_TO_ALL,
    )


def _version(model: catalogue.PublicModel, version_id: str) -> Any:
    version = resources_pb2.ModelVersion(
        id=version_id,
        created_at=stamp(_LONG_AGO),
        modified_at=stamp(_LONG_AGO),
        completed_at=stamp(_LONG_AGO),
        status=status.make(status.MODEL_TRAINED),
        visibility=_OPEN_TO_ALL,
        app_id=model.app_id,
        user_id=model.user_id,
    )
    if model.params:
        parsing.fill_struct(version.output_info.params, dict(model.params))
    return version


def _workflow(workflow: catalogue.PublicWorkflow) -> Any:
    message = resources_pb2.Workflow(
        id=workflow.id,
        app_id=workflow.app_id,
        user_id=workflow.user_id,
        created_at=stamp(_LONG_AGO),
        modified_at=stamp(_LONG_AGO),
        visibility=_OPEN_TO_ALL,
    )
    # Public workflows have one version each; its id only has to stay the same between starts.
    message.version.id = f"{sum(map(ord, workflow.id)):032x}"
    for node in workflow.nodes:
        added = message.nodes.add(id=node.id)
        model = catalogue.public_model(node.model_id)
        assert model is not None
        added.model.CopyFrom(_model(model))
        added.model.model_version.CopyFrom(_version(model, node.version_id))
        for name in node.node_inputs:
            added.node_inputs.add(node_id=name)
    return message

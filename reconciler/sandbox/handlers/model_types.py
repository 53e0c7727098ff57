"""Model types, straight from the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from clarifai_grpc.grpc.api import resources_pb2, service_pb2

from reconciler import catalogue
from reconciler.sandbox import parsing, status
from reconciler.sandbox.context import Context, Entry, ok, reads

_EPOCHS: Final = "train_info.params.num_epochs"


def model_type(id_: str) -> catalogue.ModelType | None:
    """The type of this id, in either spelling."""
    return catalogue.MODEL_TYPES.get(catalogue.canonical_model_type(id_))


def list_model_types(request: Any, context: Context) -> Any:
    """All types, a page at a time."""
    page = context.page(request)
    types = list(catalogue.MODEL_TYPES.values())[page.offset : page.offset + page.limit]
    return service_pb2.MultiModelTypeResponse(
        status=ok(), model_types=[_message(found, found.id) for found in types]
    )


def get_model_type(request: Any, context: Context) -> Any:
    """One type, under the id that was asked for."""
    found = model_type(request.model_type_id)
    if found is None:
        raise status.missing("model_type_id", request.model_type_id)
    return service_pb2.SingleModelTypeResponse(
        status=ok(), model_type=_message(found, request.model_type_id)
    )


def _message(found: catalogue.ModelType, id_: str) -> Any:
    message = resources_pb2.ModelType(
        id=id_,
        title=found.title,
        description=found.description,
        input_fields=found.inputs,
        output_fields=found.outputs,
        trainable=found.trainable,
        creatable=found.creatable,
    )
    for param in found.params:
        field = message.model_type_fields.add(
            path=param.path,
            placeholder=param.path.rpartition(".")[2],  # the SDK counts on there being one
            field_type=param.field_type,
            required=param.required,
        )
        if param.default is not None:
            default = list(param.default) if isinstance(param.default, tuple) else param.default
            parsing.fill_value(field.default_value, default)
        for option in param.options:
            added = field.model_type_enum_options.add(id=option.id)
            if option.number:
                added.aliases.add(id_int=option.number)
            if param.field_type == catalogue.RECURSIVE_ENUM:
                # Each template has parameters of its own; the SDK counts on there being some.
                added.model_type_fields.add(
                    path=_EPOCHS, placeholder="num_epochs", field_type=catalogue.NUMBER
                )
    return message


ENTRIES: Final[Mapping[str, Entry]] = {
    "ListModelTypes": reads(list_model_types),
    "GetModelType": reads(get_model_type),
}

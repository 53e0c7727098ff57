"""The parameters of a model version, checked against its type and completed with defaults."""

from __future__ import annotations

from typing import Any, Final

from reconciler import catalogue
from reconciler.catalogue import ModelParam, ModelType
from reconciler.sandbox import codec, parsing, status
from reconciler.sandbox.context import PUBLIC, Context
from reconciler.sandbox.handlers import concepts

_DATA: Final = "output_info.data"
_MAX_CONCEPTS: Final = 200
_WITH_PARAMS: Final = ("output_info", "input_info", "train_info")


def settle(version: Any, known: ModelType, context: Context, *, lenient: bool = False) -> None:
    """Check and complete a version that is about to be stored.

    Required parameters that are missing and values outside their range are 21202; others are filled
    with the type's defaults and kept. ``lenient`` (a version that legacy makes with its model)
    lets required ones be missing.
    """
    _settle_concepts(version, context)
    _settle_user(version, context)
    for param in known.params:
        _settle_param(version, param, known, lenient=lenient)
    check_prediction_bounds(version.output_info)


def _refuse(details: str) -> status.PlatformError:
    return status.PlatformError(status.MODEL_INVALID_ARGUMENT, details)


def _settle_concepts(version: Any, context: Context) -> None:
    sent = list(version.output_info.data.concepts)
    if not sent:
        return
    ids = [concept.id for concept in sent]
    twice = sorted({id_ for id_ in ids if ids.count(id_) > 1}) if len(set(ids)) < len(ids) else []
    if twice:
        raise _refuse(f"concept '{twice[0]}' is named twice in output_info.data.concepts")
    for concept in sent:
        foreign = concept.app_id not in ("", context.scope.app)
        if foreign and (concept.user_id or PUBLIC.user, concept.app_id) != PUBLIC:
            raise _refuse(
                f"concept '{concept.id}': app_id '{concept.app_id}' is not the model's own app"
            )
        if foreign:
            raise _refuse(
                f"concept '{concept.id}' belongs to clarifai/main; a model takes concepts of its app"
            )
    known = concepts.ensure(sent, context)
    enriched = [concepts.enrich(concept, known, created_at=True) for concept in sent]
    version.output_info.data.ClearField("concepts")
    version.output_info.data.concepts.extend(sorted(enriched, key=lambda item: item.id))


def _settle_user(version: Any, context: Context) -> None:
    if "annotation_user_id" in version.output_info.params.fields:
        value = version.output_info.params.fields["annotation_user_id"]
        if value.string_value == "me":
            value.string_value = context.caller.user


def _settle_param(version: Any, param: ModelParam, known: ModelType, *, lenient: bool) -> None:
    if param.path == _DATA:
        if param.required and not lenient and not known.trainable:
            _need_concepts(version, known)
        return
    holder, _, name = param.path.partition(".params.")
    if not name:
        return
    assert holder in _WITH_PARAMS
    fields = getattr(version, holder).params.fields
    if name in fields:
        _check_value(fields[name], param)
    elif param.default is not None:
        if holder != "output_info" and not version.HasField(holder):
            return
        default = list(param.default) if isinstance(param.default, tuple) else param.default
        getattr(version, holder).params.SetInParent()
        parsing.fill_value(fields[name], default)
    elif param.required and not lenient:
        raise _refuse(f"model type '{known.id}' needs {param.path}")


def _need_concepts(version: Any, known: ModelType) -> None:
    if not version.output_info.data.concepts:
        raise _refuse(f"model type '{known.id}' needs output_info.data.concepts")


def _check_value(value: Any, param: ModelParam) -> None:
    sent = codec.value_json(value)
    if param.field_type == catalogue.ENUM and param.options:
        spelling = catalogue.Spelling(
            {option.id: option.number for option in param.options if option.number}
        )
        plain = {option.id for option in param.options}
        if spelling.number_of(sent) is None and sent not in plain:
            known = ", ".join(
                f"{option.id} ({option.number})" if option.number else option.id
                for option in param.options
            )
            raise _refuse(f"{param.path} is {sent!r}; it must be one of {known}")
    numeric = param.field_type in (catalogue.NUMBER, catalogue.RANGE)
    if numeric and (isinstance(sent, bool) or not isinstance(sent, int | float)):
        raise _refuse(f"{param.path} is {sent!r}; it must be a number")


def check_prediction_bounds(output_info: Any) -> None:
    """``max_concepts`` in (0, 200] and ``min_value`` in [0, 1], wherever they are given."""
    fields = output_info.params.fields
    for name, check in (("max_concepts", _check_max), ("min_value", _check_min)):
        if name in fields:
            sent = codec.value_json(fields[name])
            if isinstance(sent, bool) or not isinstance(sent, int | float):
                raise _refuse(f"{name} is {sent!r}; it must be a number")
            check(sent)
    if output_info.HasField("output_config"):
        if output_info.output_config.max_concepts:
            _check_max(output_info.output_config.max_concepts)
        _check_min(output_info.output_config.min_value)


def check_output_config(config: Any) -> None:
    """The same bounds where a request gives them for a whole workflow."""
    if config.max_concepts:
        _check_max(config.max_concepts)
    _check_min(config.min_value)


def _check_max(value: float) -> None:
    if not 0 < value <= _MAX_CONCEPTS:
        raise _refuse(
            f"max_concepts is {codec.shortest(value)}; it must be in the interval (0, {_MAX_CONCEPTS}]"
        )


def _check_min(value: float) -> None:
    if not 0 <= value <= 1:
        raise _refuse(f"min_value is {codec.shortest(value)}; it must be in the interval [0, 1]")

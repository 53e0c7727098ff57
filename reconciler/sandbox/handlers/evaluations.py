"""Evaluations of trained classifiers: asked for, run in the background, read back part by part.

A row's parent is the model version, whichever model it belongs to; its jobs stand under the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from clarifai_grpc.grpc.api import resources_pb2, service_pb2

from reconciler import catalogue
from reconciler.sandbox import metrics, status, study
from reconciler.sandbox.context import (
    Context,
    Entry,
    check_batch,
    load,
    need,
    ok,
    reads,
    writes,
)
from reconciler.sandbox.handlers import lookup, membership
from reconciler.sandbox.ids import check_resource_id
from reconciler.sandbox.transaction import Filter, Key, Row, Scope

_EVALUATED_HERE: Final = "embedding-classifier"
_FAILURES: Final = range(21310, 21320)


def post_version_metrics(request: Any, context: Context) -> Any:
    """Start an evaluation of a version; the answer is the version with its status."""
    if request.HasField("test_search"):
        raise status.PlatformError(
            status.NOT_IMPLEMENTED,
            "the sandbox evaluates with all labelled inputs; it does not filter them by test_search",
        )
    version = lookup.version(_model(request.model_id, context).id, request.version_id, context)
    sent = resources_pb2.EvalMetrics()
    if request.HasField("eval_info"):
        sent.eval_info.CopyFrom(request.eval_info)
    return _shown_in_version(version, _start(version, sent, context), None, context)


def get_version_metrics(request: Any, context: Context) -> Any:
    """The newest evaluation of a version, inside of it."""
    version = lookup.version(_model(request.model_id, context).id, request.version_id, context)
    rows = _of_version(version, context, limit=1)
    found = load(rows[0]) if rows else None
    return _shown_in_version(version, found, request.fields, context)


def _shown_in_version(version: Row, found: Any, fields: Any, context: Context) -> Any:
    message = load(version)
    if found is None:
        message.metrics.status.CopyFrom(status.make(metrics.NOT_EVALUATED))
    else:
        message.metrics.CopyFrom(_shown(found, version, fields))
    return service_pb2.SingleModelVersionResponse(status=ok(), model_version=message)


def post_version_evaluations(request: Any, context: Context) -> Any:
    """Start evaluations of the version of the path."""
    version = lookup.version(
        _model(request.model_id, context).id, request.model_version_id, context
    )
    asked = list(request.eval_metrics) or [resources_pb2.EvalMetrics()]
    check_batch(asked, "eval_metrics")
    started = [_shown(_start(version, sent, context), version, None) for sent in asked]
    return service_pb2.MultiEvalMetricsResponse(status=ok(), eval_metrics=started)


def post_evaluations(request: Any, context: Context) -> Any:
    """Start evaluations of the versions that they name."""
    check_batch(request.eval_metrics, "eval_metrics")
    started = []
    for sent in request.eval_metrics:
        model = lookup.referred_model(sent.model, context)
        if (model.user, model.app) != context.scope:
            raise status.PlatformError(
                status.NOT_IMPLEMENTED,
                f"model '{model.id}' is of {model.user}/{model.app}; the sandbox evaluates the "
                "models of the app itself",
            )
        wanted = sent.model.model_version.id
        version = (
            lookup.version(model.id, wanted, context)
            if wanted
            else lookup.referred_version(model, "", context)
        )
        started.append(_shown(_start(version, sent, context), version, None))
    return service_pb2.MultiEvalMetricsResponse(status=ok(), eval_metrics=started)


def _model(id_: str, context: Context) -> Row:
    return lookup.own_model(id_, context)


def _start(version: Row, sent: Any, context: Context) -> Any:
    """Store a queued evaluation, in place of one of the same id (as the official client says)."""
    _check(version, sent, context)
    at = context.world.clock.now()
    kept = resources_pb2.EvalMetrics(
        id=sent.id or context.world.ids.new(),
        user_id=version.user,
        app_id=version.app,
        status=status.make(metrics.QUEUED),
    )
    for name in ("eval_info", "extended_metrics"):
        if sent.HasField(name):
            getattr(kept, name).CopyFrom(getattr(sent, name))
    if sent.ground_truth_dataset.id:
        _name_dataset(kept.ground_truth_dataset, sent.ground_truth_dataset, context)
    for row in context.tx.select("evaluation", context.scope, Filter("id", (kept.id,))):
        context.tx.delete(row)
        context.tx.drop_jobs(
            context.scope, Filter("kind", (study.EVALUATE,)), Filter("id", (kept.id,))
        )
    key = context.key("evaluation", kept.id, version.id)
    context.tx.insert(key, kept, at=at, status=kept.status.code)
    due = at + context.behaviour.training_delay_ms * 1000
    context.tx.add_job(study.EVALUATE, context.scope, version.id, kept.id, due=due)
    return kept


def _check(version: Row, sent: Any, context: Context) -> None:
    if sent.id:
        check_resource_id(sent.id, "evaluation id")
    model = load(need(context.tx.get(context.key("model", version.parent)), "model_id", ""))
    if catalogue.canonical_model_type(model.model_type_id) != _EVALUATED_HERE:
        raise status.PlatformError(
            status.NOT_IMPLEMENTED,
            f"model '{model.id}' is of type '{model.model_type_id}'; "
            f"the sandbox evaluates models of type '{_EVALUATED_HERE}'",
        )
    if version.status != status.MODEL_TRAINED:
        raise status.PlatformError(
            status.MODEL_UNTRAINED,
            f"version '{version.id}' of model '{model.id}' is not trained; "
            "only trained versions can be evaluated",
        )
    if sent.predictions_dataset.id:
        raise status.PlatformError(
            status.NOT_IMPLEMENTED,
            "the sandbox evaluates by predicting anew, not by a dataset of predictions",
        )


def _name_dataset(kept: Any, sent: Any, context: Context) -> None:
    """The dataset, and the version of it, that hold the inputs to evaluate with."""
    owner = Scope(context.real_user(sent.user_id), sent.app_id or context.scope.app)
    if owner != context.scope:
        raise status.missing("dataset_id", sent.id)
    kept.id = membership.dataset(sent.id, context).id
    kept.user_id, kept.app_id = owner
    if sent.version.id:
        kept.version.id = membership.version(sent.id, sent.version.id, context).id


def _of_version(version: Row, context: Context, *, limit: int = -1, offset: int = 0) -> list[Row]:
    return context.tx.select(
        "evaluation",
        Scope(version.user, version.app),
        Filter("parent", (version.id,)),
        order="-created",
        limit=limit,
        offset=offset,
    )


def list_version_evaluations(request: Any, context: Context) -> Any:
    """The evaluations of a version, newest first."""
    version = lookup.version(
        _model(request.model_id, context).id, request.model_version_id, context
    )
    page = context.page(request)
    rows = _of_version(version, context, limit=page.limit, offset=page.offset)
    found = [_shown(load(row), version, None) for row in rows]
    return service_pb2.MultiEvalMetricsResponse(status=ok(), eval_metrics=found)


def get_version_evaluation(request: Any, context: Context) -> Any:
    """One evaluation of a version."""
    version = lookup.version(
        _model(request.model_id, context).id, request.model_version_id, context
    )
    row = context.tx.get(context.key("evaluation", request.evaluation_id, version.id))
    found = load(need(row, "evaluation_id", request.evaluation_id))
    return service_pb2.SingleEvalMetricsResponse(
        status=ok(), eval_metrics=_shown(found, version, request.fields)
    )


def get_evaluation(request: Any, context: Context) -> Any:
    """One evaluation of the app, whichever version it is of."""
    rows = context.tx.select("evaluation", context.scope, Filter("id", (request.evaluation_id,)))
    row = need(rows[0] if rows else None, "evaluation_id", request.evaluation_id)
    found = _shown(load(row), _version_of(row, context), request.fields)
    return service_pb2.SingleEvalMetricsResponse(status=ok(), eval_metrics=found)


def _version_of(row: Row, context: Context) -> Row:
    found = context.tx.select(
        "model_version", Scope(row.user, row.app), Filter("id", (row.parent,)), limit=1
    )
    return need(found[0] if found else None, "version_id", row.parent)


_SORTS: Final[Mapping[str, Callable[[Any], Any]]] = MappingProxyType(
    {
        "sort_by_app_id": lambda found: found.app_id,
        "sort_by_roc_auc": lambda found: found.summary.macro_avg_roc_auc,
        "sort_by_f1": lambda found: found.summary.macro_avg_f1_score,
        "sort_by_mean_avg_precision": lambda found: found.summary.mean_avg_precision_iou_50,
        "sort_by_precision": lambda found: found.summary.macro_avg_precision,
        "sort_by_recall": lambda found: found.summary.macro_avg_recall,
        "sort_by_model_id": lambda found: found.model.id,
        "sort_by_eval_dataset_id": lambda found: found.ground_truth_dataset.id,
    }
)


def list_evaluations(request: Any, context: Context) -> Any:
    """The evaluations of an app, or of all apps of the user; failed ones only on request."""
    page = context.page(request)
    found = [item for item in _all(context) if _is_wanted(item, request)]
    for name, key in _SORTS.items():
        if getattr(request, name):
            found.sort(key=key)
            break
    if not request.sort_ascending:
        found.reverse()
    shown = found[page.offset : page.offset + page.limit]
    for item in shown:
        _leave(item, None)
    return service_pb2.MultiEvalMetricsResponse(status=ok(), eval_metrics=shown)


def _all(context: Context) -> list[Any]:
    """Every evaluation that the caller may see, oldest first, with the model that it is of."""
    user, app = context.scope
    found = []
    for id_ in [app] if app else context.tx.apps_of(user):
        for row in context.tx.select("evaluation", Scope(user, id_)):
            version = _version_of(row, context)
            item = load(row)
            _name(item, version)
            model = context.tx.get(Key("model", user, id_, "", version.parent))
            item.model.model_type_id = load(model).model_type_id if model else ""
            found.append(item)
    return found


def _is_wanted(item: Any, request: Any) -> bool:
    if item.status.code in _FAILURES and not request.show_failed_metrics:
        return False
    if request.model_type_id and request.model_type_id != item.model.model_type_id:
        return False
    if request.train_dataset_ids or (
        request.eval_dataset_ids and item.ground_truth_dataset.id not in request.eval_dataset_ids
    ):
        return False
    concepts = {one.concept.id for one in item.label_counts.positive_label_counts}
    return not request.concept_ids or bool(concepts.intersection(request.concept_ids))


def _name(found: Any, version: Row) -> None:
    found.model.id = version.parent
    found.model.user_id, found.model.app_id = version.user, version.app
    found.model.model_version.id = version.id


def _shown(found: Any, version: Row, fields: Any) -> Any:
    """An evaluation with the parts that ``fields`` ask for, and the model as it is called now."""
    _name(found, version)
    _leave(found, fields)
    return found


def _leave(found: Any, fields: Any) -> None:
    for name in metrics.ON_REQUEST:
        if fields is None or not getattr(fields, name):
            found.ClearField(name)


def remove_all(version: Row, context: Context) -> None:
    """Forget the evaluations of a version that goes away."""
    context.tx.delete_all(
        context.scope, Filter("kind", ("evaluation",)), Filter("parent", (version.id,))
    )
    context.tx.drop_jobs(
        context.scope, Filter("kind", (study.EVALUATE,)), Filter("parent", (version.id,))
    )


ENTRIES: Final[Mapping[str, Entry]] = {
    "PostModelVersionMetrics": writes(post_version_metrics),
    "GetModelVersionMetrics": reads(get_version_metrics),
    "PostModelVersionEvaluations": writes(post_version_evaluations),
    "ListModelVersionEvaluations": reads(list_version_evaluations),
    "GetModelVersionEvaluation": reads(get_version_evaluation),
    "PostEvaluations": writes(post_evaluations),
    "ListEvaluations": reads(list_evaluations),
    "GetEvaluation": reads(get_evaluation),
}

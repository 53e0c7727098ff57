"""The lists of words that a model is found by, each replaced by a request of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from clarifai_grpc.grpc.api import service_pb2

from reconciler.sandbox import patching
from reconciler.sandbox.context import Context, Entry, check_action, load, ok, writes
from reconciler.sandbox.handlers import lookup


def _replacing(name: str, field: str, response: Any) -> Entry:
    """A method that replaces one list of a model; ``field`` is what its messages call the list."""

    def replace(request: Any, context: Context) -> Any:
        """Replace one list of words of a model."""
        check_action(request.action, patching.OVERWRITE)
        row = lookup.own_model(request.model_id, context)
        model, words = load(row), getattr(request, field)
        model.ClearField(name)
        getattr(model, name).extend(dict.fromkeys(words))
        context.change(row, model)
        return response(status=ok(), **{field: getattr(model, name)})

    return writes(replace)


ENTRIES: Final[Mapping[str, Entry]] = {
    "PatchModelToolkits": _replacing("toolkits", "toolkits", service_pb2.MultiModelToolkitResponse),
    "PatchModelUseCases": _replacing(
        "use_cases", "usecases", service_pb2.MultiModelUseCaseResponse
    ),
    "PatchModelLanguages": _replacing(
        "languages", "languages", service_pb2.MultiModelLanguageResponse
    ),
    "PatchModelCheckConsents": _replacing(
        "check_consents", "check_consents", service_pb2.MultiModelCheckConsentResponse
    ),
}

"""For each method that the sandbox has: where its behaviour is taken from, and what is concluded.

``ours`` names a switch in backticks where the conclusion can be turned round.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from reconciler.sandbox.coverage.evidence import (
    CONTRACT,
    DOCUMENTED,
    RECORDED,
    Evidence,
    taken,
)

_ANNOTATIONS: Final = {
    "ListAnnotations": taken(
        CONTRACT,
        DOCUMENTED,
        ours="how a query spells a list of statuses: every form is taken; which outputs of models "
        "are kept as untrusted annotations",
    ),
    "GetAnnotation": taken(CONTRACT),
    "PostAnnotations": taken(
        CONTRACT,
        DOCUMENTED,
        ours="whether they run the default workflow (the documents disagree: no); unknown concepts "
        "are made (`missing_concepts_are_created`)",
    ),
    "PatchAnnotations": taken(CONTRACT, DOCUMENTED, ours="what `remove` does to lists without ids"),
    "PatchAnnotationsStatus": taken(
        CONTRACT, ours="the counts in the answer; all of a task are changed in one transaction"
    ),
    "DeleteAnnotation": taken(CONTRACT, DOCUMENTED),
    "DeleteAnnotations": taken(CONTRACT, DOCUMENTED, ours="one unknown pair refuses the request"),
    "ListAnnotationWorkers": taken(CONTRACT, ours="their order"),
}

_APPS: Final = {
    "ListApps": taken(CONTRACT),
    "PostAppsSearches": taken(CONTRACT, ours="`*` stands for anything, as in concept searches"),
    "GetApp": taken(CONTRACT),
    "PostApps": taken(
        CONTRACT,
        DOCUMENTED,
        ours="the code for a taken id (`duplicate_app_code`); an unknown default workflow is 22102",
    ),
    "PatchApps": taken(
        CONTRACT,
        DOCUMENTED,
        ours="without `reindex` no input is run again, though the documents disagree; what "
        "overwriting drops (`overwrite_drops_unsent`)",
    ),
    "PatchApp": taken(CONTRACT, DOCUMENTED, ours="as PatchApps"),
    "PatchAppsDetails": taken(CONTRACT),
    "PatchAppsIds": taken(CONTRACT, ours="what the app holds moves at once"),
    "DeleteApp": taken(CONTRACT, ours="it is gone at once, with all that is in it"),
    "GetResourceCounts": taken(CONTRACT),
}

_CONCEPTS: Final = {
    "ListConcepts": taken(CONTRACT, DOCUMENTED, ours="oldest first; what counts as resembling"),
    "GetConcept": taken(CONTRACT),
    "PostConcepts": taken(
        CONTRACT,
        DOCUMENTED,
        RECORDED,
        ours="whether one duplicate refuses the whole batch (`batch_is_atomic`)",
    ),
    "PatchConcepts": taken(
        CONTRACT, DOCUMENTED, ours="what overwriting drops (`overwrite_drops_unsent`)"
    ),
    "PostConceptsSearches": taken(
        CONTRACT, DOCUMENTED, ours="the app's concepts stand before the public ones"
    ),
    "GetConceptCounts": taken(CONTRACT, ours="which annotations count as which"),
    "ListConceptLanguages": taken(CONTRACT),
    "GetConceptLanguage": taken(CONTRACT),
    "PostConceptLanguages": taken(CONTRACT, ours="the code for one that is there already"),
    "PatchConceptLanguages": taken(CONTRACT),
}

_DATASETS: Final = {
    "ListDatasets": taken(CONTRACT),
    "GetDataset": taken(CONTRACT),
    "PostDatasets": taken(
        CONTRACT, ours="the code for a taken id: 40010; without filters of annotations"
    ),
    "PatchDatasets": taken(CONTRACT),
    "DeleteDatasets": taken(CONTRACT, ours="the inputs stay"),
    "ListDatasetInputs": taken(CONTRACT, ours="last added first"),
    "GetDatasetInput": taken(CONTRACT),
    "PostDatasetInputs": taken(
        CONTRACT,
        ours="one that is in already refuses the request; of searches only those for whole datasets, "
        "at once, without a bulk operation",
    ),
    "DeleteDatasetInputs": taken(CONTRACT, ours="one that is not in refuses the request"),
    "ListDatasetVersions": taken(CONTRACT, ours="newest first"),
    "GetDatasetVersion": taken(CONTRACT),
    "PostDatasetVersions": taken(
        CONTRACT, ours="ready at once; without filters, predictions and metrics"
    ),
    "PatchDatasetVersions": taken(CONTRACT),
    "DeleteDatasetVersions": taken(CONTRACT),
}

_EVALUATIONS: Final = {
    "PostModelVersionMetrics": taken(
        CONTRACT, DOCUMENTED, ours="how labelled inputs are dealt into parts"
    ),
    "GetModelVersionMetrics": taken(
        CONTRACT, DOCUMENTED, ours="of several evaluations the newest is shown"
    ),
    "PostModelVersionEvaluations": taken(CONTRACT, ours="as PostModelVersionMetrics"),
    "ListModelVersionEvaluations": taken(CONTRACT, ours="newest first"),
    "GetModelVersionEvaluation": taken(CONTRACT),
    "PostEvaluations": taken(CONTRACT, ours="as PostModelVersionMetrics"),
    "ListEvaluations": taken(CONTRACT),
    "GetEvaluation": taken(CONTRACT),
}

_INPUTS: Final = {
    "PostInputs": taken(
        CONTRACT,
        DOCUMENTED,
        RECORDED,
        ours="when the workflow version is bound (`inputs_bind_when_posted`)",
    ),
    "ListInputs": taken(
        CONTRACT,
        RECORDED,
        ours="newest first; the envelope stays 10000 (`input_lists_report_failures`)",
    ),
    "StreamInputs": taken(CONTRACT, ours="an unknown `last_id` is 11101; one page an answer"),
    "GetInput": taken(CONTRACT, RECORDED),
    "PatchInputs": taken(
        CONTRACT,
        DOCUMENTED,
        ours="what overwriting drops (`overwrite_drops_unsent`); another medium is refused "
        "(`patched_media_is_refused`)",
    ),
    "DeleteInput": taken(
        CONTRACT, RECORDED, ours="how long it is still answered for (`deletes_are_slow_ms`)"
    ),
    "DeleteInputs": taken(CONTRACT, DOCUMENTED, RECORDED, ours="an unknown id refuses the request"),
    "ListInputsAddJobs": taken(CONTRACT, ours="newest first"),
    "GetInputsAddJob": taken(CONTRACT, ours="when a job counts as done"),
    "CancelInputsAddJob": taken(CONTRACT, ours="what of a job that is done already"),
    "GetInputCount": taken(CONTRACT, ours="which counter a re-indexed input moves"),
}

_MODELS: Final = {
    "ListModelTypes": taken(
        CONTRACT,
        DOCUMENTED,
        ours="fields of types whose page does not state them, see the catalogue",
    ),
    "GetModelType": taken(CONTRACT, DOCUMENTED, ours="as ListModelTypes"),
    "ListModels": taken(
        CONTRACT,
        DOCUMENTED,
        ours="which parts of a version lists show (`lists_show_version_metadata`, "
        "`lists_show_version_times`)",
    ),
    "PostModelsSearches": taken(CONTRACT, ours="`*` stands for anything, as in concept searches"),
    "GetModel": taken(
        CONTRACT, DOCUMENTED, RECORDED, ours="11101 for an absent one (`missing_model_code`)"
    ),
    "GetModelOutputInfo": taken(CONTRACT, DOCUMENTED, RECORDED),
    "PostModels": taken(
        CONTRACT,
        DOCUMENTED,
        ours="an `output_info` sent along is ignored without an error; the code for a taken id "
        "(`duplicate_model_code`)",
    ),
    "PatchModels": taken(
        CONTRACT, DOCUMENTED, ours="what overwriting drops (`overwrite_drops_unsent`)"
    ),
    "PatchModelIds": taken(CONTRACT, ours="nodes that use the model follow at once"),
    "DeleteModel": taken(CONTRACT, DOCUMENTED, ours="workflows that use it stay, deprecated"),
    "DeleteModels": taken(
        CONTRACT, DOCUMENTED, ours="a body without ids and `delete_all` is refused"
    ),
    "ListModelVersions": taken(CONTRACT, ours="what they show (`version_lists_show_output_info`)"),
    "GetModelVersion": taken(CONTRACT, DOCUMENTED),
    "ListModelConcepts": taken(CONTRACT, ours="in the order of their ids"),
    "PostModelVersions": taken(
        CONTRACT,
        DOCUMENTED,
        ours="what it keeps of metadata (`post_keeps_version_metadata`); operators are trained at "
        "once; default parameters come back",
    ),
    "PatchModelVersions": taken(
        CONTRACT,
        DOCUMENTED,
        ours="whether concepts of operators may change (`version_patch_changes_concepts`)",
    ),
    "DeleteModelVersion": taken(CONTRACT, DOCUMENTED),
    "PostModelOutputs": taken(
        CONTRACT, DOCUMENTED, RECORDED, ours="the code of an output that the sandbox cannot compute"
    ),
}

_RELATIONS: Final = {
    "ListConceptRelations": taken(
        CONTRACT, RECORDED, ours="which way round an edge of the whole app is listed"
    ),
    "PostConceptRelations": taken(
        CONTRACT,
        DOCUMENTED,
        ours="the code for an edge that is there (`duplicate_relation_code`); an object that does "
        "not exist is 11101",
    ),
    "DeleteConceptRelations": taken(CONTRACT, RECORDED, ours="an unknown id is 11101"),
    "ListKnowledgeGraphs": taken(CONTRACT, ours="those that only relations name are listed too"),
    "PostKnowledgeGraphs": taken(CONTRACT),
}

_OTHERS: Final = {
    "GetUser": taken(CONTRACT, ours="an id alone; nothing else is known of the user"),
    "ListStatusCodes": taken(CONTRACT, DOCUMENTED, ours="the texts, where no answer shows them"),
    "GetStatusCode": taken(CONTRACT, DOCUMENTED, ours="HTTP 200 whatever the code"),
}

_TAGS: Final = {
    "PatchModelToolkits": taken(CONTRACT, ours="any words are taken, and each once"),
    "PatchModelUseCases": taken(CONTRACT, ours="as PatchModelToolkits"),
    "PatchModelLanguages": taken(CONTRACT, ours="as PatchModelToolkits"),
    "PatchModelCheckConsents": taken(CONTRACT, ours="as PatchModelToolkits"),
}

_KEYS: Final = {
    "ListKeys": taken(CONTRACT, ours="keys are listed under their SHA-256; nothing else is kept"),
    "ListAppKeys": taken(CONTRACT, ours="as ListKeys"),
    "GetKey": taken(CONTRACT, ours="found by itself or by its SHA-256, shown under the latter"),
    "PostKeys": taken(CONTRACT, RECORDED, ours="a key without scopes and endpoints is refused"),
    "PatchKeys": taken(CONTRACT, ours="description, scopes, endpoints and expiry can change"),
    "DeleteKey": taken(
        CONTRACT, ours="later calls with that key are 11009; keys go with their app"
    ),
    "MyScopes": taken(CONTRACT, ours="the scope All is spelled out as every scope"),
    "MyScopesUser": taken(CONTRACT, ours="as MyScopes"),
    "MyScopesRoot": taken(CONTRACT, ours="as MyScopes"),
    "ListScopes": taken(CONTRACT, ours="a personal token opens it, not a browser's session alone"),
    "ListCollaborators": taken(CONTRACT, ours="nobody: there is one user here"),
    "ListCollaborations": taken(CONTRACT, ours="none: there is one user here"),
}

_WORKFLOWS: Final = {
    "ListWorkflows": taken(CONTRACT, DOCUMENTED),
    "GetWorkflow": taken(
        CONTRACT, ours="the app's own goes before a public one (`app_workflow_shadows_public`)"
    ),
    "PostWorkflows": taken(
        CONTRACT,
        DOCUMENTED,
        RECORDED,
        ours="a node without a version gets the newest trained one; the code for a taken id "
        "(`duplicate_workflow_code`)",
    ),
    "PatchWorkflows": taken(
        CONTRACT,
        DOCUMENTED,
        ours="metadata alone makes no version; equal nodes do "
        "(`identical_workflow_patch_mints_version`)",
    ),
    "PatchWorkflowIds": taken(CONTRACT, ours="an app whose default it is follows"),
    "DeleteWorkflow": taken(
        CONTRACT, ours="the default workflow is refused (`delete_default_workflow_refused`)"
    ),
    "DeleteWorkflows": taken(CONTRACT, ours="as DeleteWorkflow"),
    "PostWorkflowResults": taken(
        CONTRACT, DOCUMENTED, RECORDED, ours="a node with nothing to do has an empty output"
    ),
    "ListWorkflowVersions": taken(CONTRACT),
    "GetWorkflowVersion": taken(CONTRACT),
    "PatchWorkflowVersions": taken(
        CONTRACT, ours="what overwriting drops (`overwrite_drops_unsent`)"
    ),
    "DeleteWorkflowVersions": taken(CONTRACT, ours="the current version is refused"),
}

_SEARCHES: Final = {
    "PostInputsSearches": taken(
        CONTRACT,
        DOCUMENTED,
        RECORDED,
        ours="how several ranks become one score; that an input without a prediction is no hit; "
        "keys of metadata (`metadata_filter_needs_all_keys`); the order of equals: newest first",
    ),
    "PostAnnotationsSearches": taken(
        CONTRACT, RECORDED, ours="an annotation is ranked as its input is"
    ),
    "PostSearches": taken(CONTRACT, RECORDED, ours="as PostInputsSearches"),
    "PostSearchesByID": taken(CONTRACT, RECORDED, ours="runs every search as it was saved"),
    "PatchInputsSearches": taken(CONTRACT),
    "PatchAnnotationsSearches": taken(CONTRACT),
    "PatchSearches": taken(CONTRACT),
    "ListSearches": taken(CONTRACT, ours="oldest first; however they were saved"),
    "GetSearch": taken(CONTRACT),
    "DeleteSearch": taken(CONTRACT),
}

METHODS: Final[Mapping[str, Evidence]] = MappingProxyType(
    _ANNOTATIONS
    | _APPS
    | _CONCEPTS
    | _DATASETS
    | _EVALUATIONS
    | _INPUTS
    | _KEYS
    | _MODELS
    | _TAGS
    | _RELATIONS
    | _OTHERS
    | _SEARCHES
    | _WORKFLOWS
)
"""By the name of the RPC."""

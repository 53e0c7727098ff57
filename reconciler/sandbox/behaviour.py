"""What the fact sheet does not settle, as named switches: each with its source and our choice.

The tool's own tests of convergence and ownership run under every value of every switch, so a wrong
guess here can cost a request, never a wrong result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One field per switch; ``SOURCES`` says for each what is known. The defaults are our choice."""

    post_keeps_version_metadata: bool = True
    lists_show_version_metadata: bool = True
    lists_show_output_info: bool = False
    version_lists_show_output_info: bool = False
    lists_show_version_times: bool = True
    overwrite_drops_unsent: bool = False
    version_patch_changes_concepts: bool = True
    identical_workflow_patch_mints_version: bool = True
    reorder_nodes: bool = True
    type_check_graph: bool = True
    batch_is_atomic: bool = True
    input_batch_is_atomic: bool = False
    input_lists_report_failures: bool = False
    inputs_bind_when_posted: bool = False
    mapper_follows_hypernyms: bool = True
    filter_other_concepts_default: bool = True
    missing_concepts_are_created: bool = True
    delete_default_workflow_refused: bool = True
    list_models_mixes_public: bool = False
    list_workflows_shows_foreign_default: bool = True
    app_workflow_shadows_public: bool = True
    deletes_are_slow_ms: int = 0
    input_delay_ms: int = 0
    training_delay_ms: int = 0
    duplicate_concept_code: int = 40003
    duplicate_relation_code: int = 40010
    duplicate_model_code: int = 40010
    duplicate_workflow_code: int = 22100
    duplicate_app_code: int = 40010
    missing_model_code: int = 11101
    malformed_authorization_http: int = 401
    oversized_page_refused: bool = True
    create_shows_nanoseconds: bool = True


SOURCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "post_keeps_version_metadata": "unknown: PATCH of versions lists metadata, POST does not say",
        "lists_show_version_metadata": "unknown",
        "lists_show_output_info": "documented as usual: lists put output_info.message in its place",
        "version_lists_show_output_info": "unknown; chosen like the model lists",
        "lists_show_version_times": "contract has created_at and modified_at; lists undocumented",
        "overwrite_drops_unsent": "old docs say sent object replaces all, their examples disagree",
        "version_patch_changes_concepts": "docs: output_info yes, training concepts no; we let the "
        "concepts of operators change, those of trainable types never",
        "identical_workflow_patch_mints_version": "unknown; the costly answer is the default",
        "reorder_nodes": "contract: the graph may come back in another order",
        "type_check_graph": "release 6.5; the published walkthrough's own graph breaks it",
        "batch_is_atomic": "unknown for concepts, relations, models, workflows",
        "input_batch_is_atomic": "recorded answers show single inputs failing in a good batch",
        "input_lists_report_failures": "recorded once: a list with failed inputs came back as 207",
        "inputs_bind_when_posted": "unknown; chosen: when processing starts, once",
        "mapper_follows_hypernyms": "walkthrough yes, operator page speaks of synonyms only",
        "filter_other_concepts_default": "unknown; unlisted concepts are dropped",
        "missing_concepts_are_created": "tested for inputs; inferred for annotations and versions",
        "delete_default_workflow_refused": "unknown; the other choice resets the app to Empty",
        "list_models_mixes_public": "listing used to mix in clarifai/main",
        "list_workflows_shows_foreign_default": "release 6.4",
        "app_workflow_shadows_public": "inferred for long URLs; the contract looks at public ones first",
        "deletes_are_slow_ms": "tested: a deleted input is still answered for a while",
        "input_delay_ms": "not a behaviour of the platform but its latency",
        "training_delay_ms": "not a behaviour of the platform but its latency",
        "duplicate_concept_code": "tested",
        "duplicate_relation_code": "rejected since 6.2, code unknown",
        "duplicate_model_code": "inferred",
        "duplicate_workflow_code": "inferred",
        "duplicate_app_code": "inferred",
        "missing_model_code": "11101 tested; 21200 seen by the newer SDK",
        "malformed_authorization_http": "11102 recorded, its HTTP status not",
        "oversized_page_refused": "unknown above 1000 a page",
        "create_shows_nanoseconds": "tested: later reads are cut to microseconds",
    }
)
"""What is known about each switch."""


def describe() -> tuple[tuple[str, object, str], ...]:
    """Every switch with its default and its source, in order."""
    return tuple((field.name, field.default, SOURCES[field.name]) for field in fields(Behaviour))

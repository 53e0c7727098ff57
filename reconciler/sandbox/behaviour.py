"""What the fact sheet does not settle, as named switches: each with its source and our choice.

The tool's own tests of convergence and ownership run under every value of every switch, so a wrong
guess here can cost a request, never a wrong result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Grade(StrEnum):
    """Where a behaviour is taken from, the firmest first."""

    CONTRACT = "contract"
    """The protobuf contract and its comments, or the official client."""
    DOCUMENTED = "documented"
    """The platform's documentation or release notes, old ones included."""
    RECORDED = "recorded"
    """The official test-suite, or an answer of the live service that somebody kept."""
    INFERRED = "inferred"
    """Our conclusion from one of these."""
    UNKNOWN = "unknown"
    """Nothing says so, or the sources contradict each other: our choice."""
    OURS = "ours"
    """No behaviour of the platform: something for tests and demonstrations."""


@dataclass(frozen=True, slots=True)
class Source:
    """What is known about a behaviour, and how well."""

    grade: Grade
    text: str


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
    get_model_finds_public: bool = True
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
    patched_media_is_refused: bool = True
    metadata_filter_needs_all_keys: bool = False
    annotations_per_page: int = 20
    annotations_newest_first: bool = False
    zero_labels_may_be_unset: bool = True


SOURCES: Final[Mapping[str, Source]] = MappingProxyType(
    {
        "post_keeps_version_metadata": Source(
            Grade.UNKNOWN, "PATCH of versions lists metadata, POST does not say"
        ),
        "lists_show_version_metadata": Source(Grade.UNKNOWN, "lists are described nowhere"),
        "lists_show_output_info": Source(
            Grade.DOCUMENTED, "lists usually put output_info.message in its place"
        ),
        "version_lists_show_output_info": Source(Grade.UNKNOWN, "chosen like the model lists"),
        "lists_show_version_times": Source(
            Grade.INFERRED, "the contract has created_at and modified_at; lists are undocumented"
        ),
        "overwrite_drops_unsent": Source(
            Grade.UNKNOWN,
            "old docs say that the sent object replaces all, their examples disagree",
        ),
        "version_patch_changes_concepts": Source(
            Grade.INFERRED,
            "docs: output_info yes, training concepts no; the concepts of operators change here, "
            "those of trainable types never",
        ),
        "identical_workflow_patch_mints_version": Source(
            Grade.UNKNOWN, "the costly answer is the default"
        ),
        "reorder_nodes": Source(Grade.CONTRACT, "the graph may come back in another order"),
        "type_check_graph": Source(
            Grade.DOCUMENTED, "release 6.5; the published walkthrough's own graph breaks it"
        ),
        "batch_is_atomic": Source(Grade.UNKNOWN, "for concepts, relations, models, workflows"),
        "input_batch_is_atomic": Source(
            Grade.RECORDED, "answers show single inputs failing in a good batch"
        ),
        "input_lists_report_failures": Source(
            Grade.UNKNOWN, "recorded once: a list with failed inputs came back as 207"
        ),
        "inputs_bind_when_posted": Source(Grade.UNKNOWN, "chosen: when processing starts, once"),
        "mapper_follows_hypernyms": Source(
            Grade.DOCUMENTED, "the walkthrough says so; the operator page speaks of synonyms only"
        ),
        "filter_other_concepts_default": Source(
            Grade.UNKNOWN, "concepts without a threshold are dropped"
        ),
        "missing_concepts_are_created": Source(
            Grade.RECORDED, "for inputs; inferred for annotations and model versions"
        ),
        "delete_default_workflow_refused": Source(
            Grade.UNKNOWN, "the other choice resets the app to Empty"
        ),
        "list_models_mixes_public": Source(
            Grade.DOCUMENTED, "listing used to mix in clarifai/main"
        ),
        "get_model_finds_public": Source(
            Grade.RECORDED,
            "the SDK's own suite builds a workflow from a public model that it names without an owner",
        ),
        "list_workflows_shows_foreign_default": Source(Grade.DOCUMENTED, "release 6.4"),
        "app_workflow_shadows_public": Source(
            Grade.INFERRED, "for long URLs; the contract looks at public ones first"
        ),
        "deletes_are_slow_ms": Source(
            Grade.RECORDED, "a deleted input is still answered for a while; how long, is unknown"
        ),
        "input_delay_ms": Source(Grade.OURS, "the latency of the platform, not its behaviour"),
        "training_delay_ms": Source(Grade.OURS, "the latency of the platform, not its behaviour"),
        "duplicate_concept_code": Source(Grade.RECORDED, "400 with 40003"),
        "duplicate_relation_code": Source(Grade.UNKNOWN, "refused since release 6.2"),
        "duplicate_model_code": Source(Grade.INFERRED, "the code's own name"),
        "duplicate_workflow_code": Source(Grade.INFERRED, "the code's own name"),
        "duplicate_app_code": Source(Grade.INFERRED, "the code's own name"),
        "missing_model_code": Source(
            Grade.RECORDED, "11101; the newer SDK expects the text of 21200"
        ),
        "malformed_authorization_http": Source(
            Grade.UNKNOWN, "code 11102 is recorded, its HTTP status is not"
        ),
        "oversized_page_refused": Source(
            Grade.UNKNOWN, "1,000 a page are documented, what more does is not"
        ),
        "create_shows_nanoseconds": Source(Grade.RECORDED, "later reads are cut to microseconds"),
        "patched_media_is_refused": Source(
            Grade.UNKNOWN, "a medium cannot be changed; whether an attempt is told, nothing says"
        ),
        "metadata_filter_needs_all_keys": Source(
            Grade.CONTRACT, "keys of a search are or-ed; an old recorded test needs all of them"
        ),
        "annotations_per_page": Source(
            Grade.DOCUMENTED, "unless the request says; the contract's comment has 128"
        ),
        "annotations_newest_first": Source(
            Grade.DOCUMENTED,
            "oldest first; a test of the SDK's suite finds the annotation that it made last in front",
        ),
        "zero_labels_may_be_unset": Source(
            Grade.RECORDED,
            "official clients write an unset value as 0.0, and their suite trains on such labels: where "
            "a concept has no other label they count as positive; a plain 0 in JSON is a denial",
        ),
    }
)
"""What is known about each switch."""


ALTERNATIVES: Final[Mapping[str, tuple[int, ...]]] = MappingProxyType(
    {
        "deletes_are_slow_ms": (100,),
        "input_delay_ms": (50,),
        "training_delay_ms": (50,),
        "duplicate_concept_code": (40010,),
        "duplicate_relation_code": (40003,),
        "duplicate_model_code": (21203,),
        "duplicate_workflow_code": (40010, 22999),
        "duplicate_app_code": (40003,),
        "missing_model_code": (21200,),
        "malformed_authorization_http": (400,),
        "annotations_per_page": (128,),
    }
)
"""The other values worth trying of the switches that are numbers."""


@dataclass(frozen=True, slots=True)
class Switch:
    """A switch with its default, the other values it may have, and what is known."""

    name: str
    default: bool | int
    others: tuple[bool | int, ...]
    source: Source


def switches() -> tuple[Switch, ...]:
    """Every switch, in order."""
    return tuple(
        Switch(
            field.name,
            field.default,
            (not field.default,) if isinstance(field.default, bool) else ALTERNATIVES[field.name],
            SOURCES[field.name],
        )
        for field in fields(Behaviour)
        if isinstance(field.default, int)
    )

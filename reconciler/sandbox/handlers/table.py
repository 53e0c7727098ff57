"""Every method that the sandbox has, with its handler."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from reconciler.sandbox.context import Entry
from reconciler.sandbox.handlers import (
    annotation,
    annotation_lists,
    apps,
    concepts,
    dataset_versions,
    datasets,
    evaluations,
    input_jobs,
    inputs,
    keys,
    languages,
    model_tags,
    model_types,
    models,
    outputs,
    relations,
    searches,
    status_codes,
    users,
    versions,
    workflow_versions,
    workflows,
)

_MODULES: Final = (
    annotation,
    annotation_lists,
    apps,
    concepts,
    dataset_versions,
    datasets,
    evaluations,
    input_jobs,
    inputs,
    keys,
    languages,
    model_tags,
    model_types,
    models,
    outputs,
    relations,
    searches,
    status_codes,
    users,
    versions,
    workflow_versions,
    workflows,
)

ENTRIES: Final[Mapping[str, Entry]] = MappingProxyType(
    {name: entry for module in _MODULES for name, entry in module.ENTRIES.items()}
)
"""Handlers by the name of their RPC."""

"""How the manifest's reference begins: what no single key can say. Its tables come from the schema."""

from __future__ import annotations

from typing import Final

OPENING: Final = """\
# The manifest

One manifest describes one Clarifai app: its concepts, how they relate, its models, its workflows, and
which workflow runs on every new input. The words are Clarifai's own, so that what the platform's
documentation says of a field holds here too.

```yaml
# yaml-language-server: $schema=../../schemas/manifest.schema.json
app: {id: my-app, default_workflow: auto-annotation}
concepts: [walker]
concept_relations:
  - {subject: walker, predicate: synonym, object: clarifai/main/ai_l8TKp2h5}
models:
  to-app-concepts: {model_type_id: concept-synonym-mapper}
  sure:
    model_type_id: concept-threshold
    concept_threshold_type: GREATER_THAN_OR_EQUAL
    thresholds: {walker: 0.9}
  write-label: {model_type_id: annotation-writer, annotation_status: ANNOTATION_SUCCESS, annotation_user_id: me}
workflows:
  auto-annotation:
    nodes:
      - {id: general, model: clarifai/main/general-image-recognition@aa7f35c01e0642fda5cf400f543e7c40}
      - {id: mapper, model: to-app-concepts, node_inputs: [general]}
      - {id: sure, model: sure, node_inputs: [mapper]}
      - {id: label, model: write-label, node_inputs: [sure]}
```

The first line makes an editor with a YAML language server complete and check the file while it is
typed. `reconciler validate PATH` checks all of it: every mistake of every file in one run, each with its
place and the way out; `reconciler explain CODE` says more of one.

## Files and folders

`PATH` is a file or a folder. Of a folder, every `*.yaml` and `*.yml` below it is read, files in
subfolders too; names that begin with `_` or `.` are left out, and that is where overlays and variable
files live. All documents of all files are one manifest: a section may stand in several of them, the same
id twice is an error that names both places. Keys that are not listed below are errors.

## YAML

Files are UTF-8 and read as YAML 1.2 with its core schema. `no`, `on` and `yes` are text, `1_0` and `1:30` are
no numbers, and a key given twice is an error. A field that holds text keeps what is written: the version
id `12e4` stays `12e4` without quotes. Anchors and aliases work as long as they do not multiply without end;
there are no merge keys (`<<`), no tags of one's own, no NaN and no infinity. Thresholds are compared as
the platform stores them, as 32-bit floats. Where a value is one of several words, the platform's
number for it is taken too.

What a manifest does not state is left as it is in the live app, and never compared. Empty text
(`description: ""`) states nothing either, since the platform cannot tell it from none. The one thing that
is made anew is a model version: it holds what the manifest states of it, and for all else what the
platform gives a new one.

## References

| Written | Meaning |
| --- | --- |
| `confident` | the model of this manifest; in a workflow node, the version that this manifest describes |
| `confident@VERSION` | that very version of it |
| `user/app/model@VERSION` | a model of another app, such as those of `clarifai/main` |
| `user/app/model` | its newest trained version when the plan is made; `validate` warns of it |
| `{model_id, model_version_id, user_id, app_id}` | the platform's long form; without owner it is the manifest's model, else the app's own, else one of `clarifai/main` |

A concept is its id, or `user/app/concept` at the far end of a relation. Every concept that a model or a
relation uses stands in `concepts`. `me` is the token's user.

## Variables

A variable is declared with a type (`string` unless it says otherwise) and perhaps a default, and used as
`"${NAME}"`. A value that is exactly that takes the declared type; inside other text it is text; `$${`
stands for the two characters themselves.

```yaml
variables:
  ENV: {default: staging}
  ADULT: {type: number, description: How sure 'adult' must be.}
app: {id: "people-${ENV}"}
```

Values come from `RECONCILER_VAR_NAME`, then from `--var-file FILE` (lines of `NAME: value`), then from
`--var NAME=VALUE`; the later wins. A mistake in what a variable put somewhere is reported where it is
used, with the place where it was set.

## Overlays

`--overlay FILE` lays a file over the manifest, so that staging and production share one: mappings are
merged key by key, a list replaces the other, except that the `nodes` of a workflow are matched by `id`, and
`null` takes a key out. `manifests/staged` shows one.

```yaml
app: {id: people-production}
models:
  confident: {thresholds: {adult: 0.97}, notes: null}
```

## Renames

`moved` tells that something has a new id and is otherwise the same: it is renamed in place and keeps its
history. Where only the new id is live, nothing happens, so that the lines can stay.

## Checks

Errors are what the platform would refuse, or what leads nowhere. Warnings are what it would take and
you would regret: scores that nobody writes, reviewers who get every 0.01, models that change under
your feet. `checks` sets a warning's level.

## Files of the official SDK

A workflow file of Clarifai's Python SDK (`workflow: {id, nodes}`) is a document of a manifest as it
stands, its nodes in any order. A model that a node describes inline becomes a model of the manifest. The
app comes from another document, or from `CLARIFAI_APP_ID`.

```yaml
app: {id: faces}
---
workflow:
  id: crop-faces
  nodes:
    - id: detect
      model: {model_id: face-detection, model_version_id: fe995da8cb73490f8556416ecf25cea3, user_id: clarifai, app_id: main}
    - id: crop
      model: {model_id: crop-130, model_type_id: image-crop, output_info: {params: {margin: 1.3}}}
      node_inputs: [{node_id: detect}]
```

## Key by key

*Field* is where the value goes in what the platform is sent; where there is none, the key is this
tool's own. Keys without *required* can be left out, and what is left out is not compared with the live app.
Take a key of a model out again, and the version that ran before it was put in runs again, if there is one;
else what runs stays as it is.
"""

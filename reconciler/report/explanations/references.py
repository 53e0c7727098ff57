"""RC2xx: references and the graph."""

from __future__ import annotations

from reconciler.report.explanations.form import Explanation

EXPLANATIONS = (
    Explanation(
        "RC201",
        "A model that this manifest does not declare. A short id never falls back to a public"
        " model; those are written user/app/model.",
        "The platform itself looks up a bare id in the app and then among its own public models, so"
        " that a slip of the pen could silently run somebody else's model.",
        "      - {id: confident, model: confidnet, node_inputs: [classify]}",
        "      - {id: confident, model: confident, node_inputs: [classify]}",
    ),
    Explanation(
        "RC202",
        "A model or a relation names a concept that does not stand under concepts.",
        "The service creates unknown concepts as it meets them. A mistyped id then lives on as a"
        " concept that nobody labels, and concepts cannot be deleted through the API.",
        "    thresholds: {poeple: 0.5}",
        "    thresholds: {people: 0.5}",
    ),
    Explanation(
        "RC203",
        "node_inputs names a node that this workflow does not have.",
        "Nodes are named by their own id, not by that of their model. The service would refuse the"
        " whole graph (22107).",
        "      - {id: success, model: write-success, node_inputs: [sure]}",
        "      - {id: success, model: write-success, node_inputs: [confident]}",
    ),
    Explanation(
        "RC204",
        "Nodes read from each other in a circle, or resources refer to each other so.",
        "A workflow is a graph without circles; there would be no node to begin with.",
        "      - {id: confident, model: confident, node_inputs: [plausible]}\n"
        "      - {id: plausible, model: plausible, node_inputs: [confident]}",
        "      - {id: confident, model: confident, node_inputs: [classify]}\n"
        "      - {id: plausible, model: plausible, node_inputs: [confident]}",
    ),
    Explanation(
        "RC205",
        "The default workflow is none of this manifest. Public ones are written with their owner.",
        "The default workflow runs on every new input. An id that is not found would leave the app"
        " on what it had before.",
        "app: {id: people, default_workflow: Empty}",
        "app: {id: people, default_workflow: clarifai/main/Empty}",
    ),
    Explanation(
        "RC206",
        "Neither the manifest nor CLARIFAI_APP_ID says which app this is.",
        "Every request names the app in its path.",
        "app:\n  description: Labels people.",
        "app:\n  id: people\n  description: Labels people.",
    ),
    Explanation(
        "RC207",
        "A node reads from nodes that do not give what its model takes, as the catalogue of model"
        " types knows it: an embedder gives embeddings, a thresholder takes concepts.",
        "The service checks the chain of types and refuses the graph (22107).",
        "      - {id: confident, model: confident, node_inputs: [embed]}",
        "      - {id: confident, model: confident, node_inputs: [classify]}",
    ),
    Explanation(
        "RC208",
        "A node without node_inputs gets the workflow's input, an image or a text, and its model"
        " takes something else.",
        "The published walkthrough has this very mistake: a clusterer that reads from nothing. The"
        " service checks it and refuses the graph.",
        "      - {id: confident, model: confident}",
        "      - {id: confident, model: confident, node_inputs: [classify]}",
    ),
    Explanation(
        "RC209",
        "A relation joins a concept with itself.",
        "It says nothing, and the service refuses it. Usually the object was to be the public"
        " concept of the same name, which is written with its owner.",
        "  - {subject: people, predicate: synonym, object: people}",
        "  - {subject: people, predicate: synonym, object: clarifai/main/ai_l8TKp2h5}",
    ),
    Explanation(
        "RC211",
        "A rename under moved that cannot be: the new address is not declared, the old one still"
        " is, or the API cannot change ids of that kind.",
        "A rename keeps an object with its versions and history. Without it, the old one would be"
        " left behind and a new one begun, a trained classifier with its training.",
        "moved:\n  - {from: concept.person, to: concept.people}",
        "moved:\n  - {from: model.sure, to: model.confident}",
    ),
)

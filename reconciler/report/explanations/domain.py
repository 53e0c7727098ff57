"""RC5xx: what only this domain knows."""

from __future__ import annotations

from reconciler.report.explanations.form import Explanation

EXPLANATIONS = (
    Explanation(
        "RC501",
        "A model of another app is used without a version. At plan time that is the newest trained"
        " one.",
        "Nodes never follow new versions by themselves, but the next plan does: the day the owner"
        " publishes a version, an unrelated apply changes what your app predicts.",
        "      - {id: embed, model: clarifai/main/general-image-embedding}",
        "      - {id: embed,"
        " model: clarifai/main/general-image-embedding@bb186755eda04f9cbb6fe32e816be104}",
    ),
    Explanation(
        "RC502",
        "A model in the long form has no user_id and app_id, and this manifest has none of that id.",
        "The platform looks for it in the app and then in clarifai/main. Which of them it is can"
        " change the day somebody adds a model of that id to the app.",
        "        model:\n"
        "          model_id: general-image-embedding\n"
        "          model_version_id: bb186755eda04f9cbb6fe32e816be104",
        "        model:\n"
        "          model_id: general-image-embedding\n"
        "          model_version_id: bb186755eda04f9cbb6fe32e816be104\n"
        "          user_id: clarifai\n"
        "          app_id: main",
    ),
    Explanation(
        "RC511",
        "Between two ranges of scores that are written lie scores that no path writes. What lies"
        " below all of them is no gap: screening out the improbable is what a floor is for.",
        "Images with such a score get no label and reach no reviewer; nothing in the app shows that"
        " they ever came. Scores and thresholds are float32, and the numbers told are exact in it.",
        "  confident:\n"
        "    model_type_id: concept-threshold\n"
        "    concept_threshold_type: GREATER_THAN_OR_EQUAL\n"
        "    thresholds: {people: 0.9}\n"
        "  doubtful:\n"
        "    model_type_id: concept-threshold\n"
        "    concept_threshold_type: LESS_THAN\n"
        "    thresholds: {people: 0.5}",
        "  confident:\n"
        "    model_type_id: concept-threshold\n"
        "    concept_threshold_type: GREATER_THAN_OR_EQUAL\n"
        "    thresholds: {people: 0.9}\n"
        "  doubtful:\n"
        "    model_type_id: concept-threshold\n"
        "    concept_threshold_type: LESS_THAN\n"
        "    thresholds: {people: 0.9}",
    ),
    Explanation(
        "RC512",
        "One single score is written by nobody: that of the threshold itself, where one path takes"
        " what is greater and the other what is less.",
        "The published walkthrough pairs GREATER_THAN with LESS_THAN and says that the former lets"
        " equal scores pass; the API compares strictly. A score exactly on 0.95 is rare for one"
        " image and certain among millions, and such an image is lost to labels and reviewers"
        " alike.",
        "    concept_threshold_type: GREATER_THAN",
        "    concept_threshold_type: GREATER_THAN_OR_EQUAL",
    ),
    Explanation(
        "RC513",
        "The same score of a concept is written with two statuses: as a label by one path, and for a"
        " reviewer by another.",
        "The label counts at once, in training and search, and a human is asked about it all the"
        " same. If they deny it, both stay on the input.",
        "    thresholds: {people: 0.5}",
        "    thresholds: {people: 0.9}",
    ),
    Explanation(
        "RC514",
        "A path to a reviewer lets every score pass, however low.",
        "A model says something about every concept it knows: an image without people is still 0.01"
        " people. Without a lower bound each of them waits for a human, and the few doubtful ones"
        " drown in what nobody ever doubted.",
        "      - {id: pending, model: write-pending, node_inputs: [doubtful]}",
        "      - {id: plausible, model: plausible, node_inputs: [doubtful]}\n"
        "      - {id: pending, model: write-pending, node_inputs: [plausible]}",
    ),
    Explanation(
        "RC515",
        "Above all scores that are written lie scores that nobody writes: the surest ones.",
        "Sending only doubtful images to review is a sound way to gather training data. In an app"
        " that annotates, it usually means that the success path was lost. If it is meant, switch"
        " the check off: checks: {RC515: off}.",
        "      - {id: pending, model: write-pending, node_inputs: [plausible]}",
        "      - {id: pending, model: write-pending, node_inputs: [plausible]}\n"
        "      - {id: confident, model: confident, node_inputs: [classify]}\n"
        "      - {id: success, model: write-success, node_inputs: [confident]}",
    ),
    Explanation(
        "RC516",
        "A threshold that no score can pass: it asks for more than 1 or less than 0, or for what"
        " thresholds further up have already held back.",
        "Whatever reads from this node never sees the concept. When all is filtered away, the"
        " platform runs the rest of the path with nothing and reports no error.",
        "    concept_threshold_type: GREATER_THAN\n    thresholds: {people: 1.0, adult: 0.9}",
        "    concept_threshold_type: GREATER_THAN\n    thresholds: {people: 0.9, adult: 0.9}",
    ),
    Explanation(
        "RC521",
        "A thresholder has a threshold for a concept that never reaches it: no classifier predicts"
        " it, no mapper has a relation for it, a thresholder further up drops it, or the thresholder"
        " stands right behind a public model. Those predict concepts of clarifai/main, whose ids look"
        " like ai_l8TKp2h5 and never equal an app's own; a concept-synonym-mapper turns one into the"
        " other. Models that this tool does not know, and pinned older versions, may give anything,"
        " so nothing is said behind those.",
        "The threshold looks as if the concept were taken care of, and not one image will ever be"
        " annotated with it; the platform runs the rest of the path with nothing and reports no"
        " error. The usual causes are a missing mapper and a missing synonym relation.",
        "      - {id: confident, model: confident, node_inputs: [general]}",
        "      - {id: mapper, model: mapper, node_inputs: [general]}\n"
        "      - {id: confident, model: confident, node_inputs: [mapper]}",
    ),
    Explanation(
        "RC522",
        "A concept is predicted by a classifier of the manifest, or made by a relation, and no"
        " thresholder that it meets has a threshold for it.",
        "By default a thresholder drops what it has no threshold for (filter_other_concepts), so the"
        " concept is trained and paid for and never annotated. Where others pass, every score of it"
        " is written, by every path.",
        "    thresholds: {people: 0.9}",
        "    thresholds: {people: 0.9, adult: 0.9}",
    ),
    Explanation(
        "RC531",
        "Nothing that could be written ever reaches a writer: it reads from nothing, from nodes that"
        " give no concepts, or from thresholds that exclude each other; or no workflow has it.",
        "The platform runs the writer with nothing and reports no error. The annotations are simply"
        " missing.",
        "      - {id: success, model: write-success, node_inputs: [embed]}",
        "      - {id: success, model: write-success, node_inputs: [confident]}",
    ),
    Explanation(
        "RC532",
        "Two writers write the same scores of a concept with the same status. Different tasks of"
        " one status are fine: that is how several reviewers see one image.",
        "Each writer makes an annotation of its own. The input then carries the label twice, and"
        " reviewers are asked twice.",
        "      - {id: again, model: write-success, node_inputs: [confident]}",
        "      - {id: sample, model: sample, node_inputs: [confident]}\n"
        "      - {id: again, model: write-pending, node_inputs: [sample]}",
    ),
    Explanation(
        "RC533",
        "A writer writes in the name of a user that is neither me nor the app's owner. Offline it"
        " cannot be known whether that is a person or an account made for machines.",
        "Annotations by the model then look as if that person had made them, in their statistics,"
        " in reviews and in consensus. The user also has to be a collaborator of the app; else the"
        " service refuses the model. For a machine's account: checks: {RC533: off}.",
        "    annotation_user_id: alice",
        "    annotation_user_id: me",
    ),
    Explanation(
        "RC541",
        "A workflow has the id of one that the platform publishes.",
        "When a workflow is asked for by its id, the platform looks among its own published ones"
        " first. A prediction through yours could run theirs.",
        "workflows:\n  General:",
        "workflows:\n  people-general:",
    ),
)

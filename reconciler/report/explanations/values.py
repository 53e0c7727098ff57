"""RC1xx and RC3xx: one value against the schema, ranges and limits."""

from __future__ import annotations

from reconciler.report.explanations.form import Explanation

EXPLANATIONS = (
    Explanation(
        "RC101",
        "A key that nothing here has. Keys are Clarifai's own words, and those of the model's type.",
        "The service ignores unknown keys without a word, so a misspelt one would simply never take"
        " effect. Here it is an error, with the nearest key that exists.",
        "    annotation_state: ANNOTATION_SUCCESS",
        "    annotation_status: ANNOTATION_SUCCESS",
    ),
    Explanation(
        "RC102",
        "A value of another type than its key takes: text for a number, a list for a mapping.",
        "YAML 1.2 is read strictly: no, on and yes are text, and quotes make text of a number."
        " Nothing is converted by guessing.",
        "    thresholds: {people: high}",
        "    thresholds: {people: 0.9}",
    ),
    Explanation(
        "RC103",
        "A key that has to be there is not.",
        "The service would refuse the object, after others had been written already.",
        "  write-success:\n    model_type_id: annotation-writer\n    annotation_user_id: me",
        "  write-success:\n    model_type_id: annotation-writer\n    annotation_user_id: me\n"
        "    annotation_status: ANNOTATION_SUCCESS",
    ),
    Explanation(
        "RC104",
        "A value that is none of those that the key takes. Comparators, statuses and visibilities"
        " may be written by name or by number, as the API knows both.",
        "An unknown comparator or status would be refused, or worse, be read as the unset value.",
        "    concept_threshold_type: GREATER_OR_EQUAL",
        "    concept_threshold_type: GREATER_THAN_OR_EQUAL",
    ),
    Explanation(
        "RC105",
        "One id is declared twice: in two files of the manifest, in one list, or as two nodes of one"
        " workflow.",
        "All files below a folder are one manifest. Which of the two would win is nobody's"
        " business to guess; both places are named.",
        "    concepts: [people, adult, people]",
        "    concepts: [people, adult]",
    ),
    Explanation(
        "RC106",
        "An id that the platform does not take. Ids of apps, models and workflows are up to 48"
        " letters and digits, with single '-' or '_' inside; concept and node ids are looser.",
        "Ids become parts of URLs and of every reference to the object. The service answers such an"
        " id with a code that does not say which one it was.",
        "  very confident:",
        "  very-confident:",
    ),
    Explanation(
        "RC107",
        "Two things that cannot be said together, such as a described model that is also pinned to"
        " a version.",
        "A pinned version says all about the model already. Of two answers to one question, the"
        " official SDK refuses both as well.",
        "          model_version_id: aa7f35c01e0642fda5cf400f543e7c40\n"
        "          model_type_id: visual-classifier",
        "          model_version_id: aa7f35c01e0642fda5cf400f543e7c40",
    ),
    Explanation(
        "RC108",
        "A parameter that the model's type needs is missing, or has a value of a sort that the type"
        " does not take. Which ones a type has stands in the catalogue of model types.",
        "The service refuses such a version (21202), after other parts of the same plan were made.",
        "  half: {model_type_id: random-sample}",
        "  half: {model_type_id: random-sample, params: {keep_fraction: 0.5}}",
    ),
    Explanation(
        "RC301",
        "A number outside its range. Scores and thresholds go from 0 to 1.",
        "Percent are the usual mistake: a threshold of 95 is a score that no model ever gives, so"
        " nothing would pass, or everything.",
        "    thresholds: {people: 95}",
        "    thresholds: {people: 0.95}",
    ),
    Explanation(
        "RC302",
        "A workflow with more than 20 nodes.",
        "The platform takes at most 20. One thresholder can hold the thresholds of all concepts, so"
        " that a model for each concept is rarely needed.",
        "# one thresholder node for each of twenty concepts",
        "# one thresholder node with twenty thresholds",
    ),
    Explanation(
        "RC303",
        "Notes of more than 64 KB.",
        "That is the platform's limit for the Markdown notes of apps, models and workflows.",
        "# notes: the whole handbook",
        "  notes: See the handbook, https://example.org/handbook",
    ),
)

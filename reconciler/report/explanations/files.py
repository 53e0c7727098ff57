"""RC0xx: the files and their YAML."""

from __future__ import annotations

from reconciler.report.explanations.form import Explanation

EXPLANATIONS = (
    Explanation(
        "RC001",
        "A path that was named, or a file below it, does not exist or may not be read.",
        "A manifest is all files of a folder together. With one of them missing, what it declares"
        " would look deleted, so nothing is planned before every file can be read.",
        "$ reconciler validate manifets/people\n# manifets/people: no such file or directory",
        "$ reconciler validate manifests/people",
    ),
    Explanation(
        "RC002",
        "The text is not YAML: a bracket or quote that nobody closes, a tab as indentation, a tag"
        " that means nothing here. Manifests are read as YAML 1.2 core.",
        "After such a place nobody can say what belongs to what. The rest of that document is left"
        " out; other documents and files are still checked in the same run.",
        "concepts: [people, adult",
        "concepts: [people, adult]",
    ),
    Explanation(
        "RC003",
        "A key stands twice in one mapping, or a single section such as app is given twice.",
        "Most YAML readers silently keep the last value. Here the first one could be the threshold"
        " that runs in production, so both places are named and neither wins.",
        "    thresholds:\n      people: 0.5\n      people: 0.9",
        "    thresholds:\n      people: 0.5",
    ),
    Explanation(
        "RC004",
        "Aliases that copy far more than is written, an alias inside its own value, or values nested"
        " deeper than a person would write.",
        "A few lines of aliases can stand for gigabytes. What is that large is a mistake or an"
        " attack on the machine that runs the plan.",
        "  metadata: &all\n    again: *all",
        "  metadata: &all\n    again: no",
    ),
    Explanation(
        "RC005",
        "A number that is infinite, not a number at all, or too long to be kept.",
        "JSON has no such numbers and the service refuses them. A threshold that is not a number"
        " compares with nothing.",
        "    thresholds: {people: .nan}",
        "    thresholds: {people: 0.5}",
    ),
    Explanation(
        "RC006",
        "The path holds no manifest: no file in it ends in .yaml or .yml. Names that begin with '_'"
        " or '.' are left out on purpose: overlays and variable files live there.",
        "An empty manifest would mean an app without anything. It is far more likely that the path"
        " is one folder too high or too deep.",
        "# the only file is called _app.yaml",
        "# the only file is called app.yaml",
    ),
    Explanation(
        "RC007",
        "A document is a list or a single value, where the top of a manifest is a mapping of"
        " sections.",
        "Nothing can be read from it: sections are what says which kind of resource an entry is.",
        "- people\n- adult",
        "concepts:\n  - people\n  - adult",
    ),
    Explanation(
        "RC008",
        "The file is not clean UTF-8: another encoding, or control characters inside the text.",
        "Ids, names and notes are sent to the service as UTF-8. Text that was guessed wrong would be"
        " stored wrong, and every later plan would show it as a change.",
        "# saved as Latin-1: the byte 0xE4 alone is no UTF-8\nconcepts: {b\\xe4r: {}}",
        "concepts: {bär: {}}",
    ),
)

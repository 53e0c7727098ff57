"""RC4xx: variables and overlays."""

from __future__ import annotations

from reconciler.report.explanations.form import Explanation

EXPLANATIONS = (
    Explanation(
        "RC401",
        '"${NAME}" uses a variable that the manifest does not declare, or stands where none may be.'
        ' Text that is to begin with ${ is written "$${".',
        "A variable that is declared nowhere has no type and no default; sent as it is, the text"
        " would become part of an id.",
        '    thresholds: {people: "${SURE}"}',
        '    thresholds: {people: "${CERTAIN}"}',
    ),
    Explanation(
        "RC402",
        "A variable without a default is used, and nothing sets it: neither --var, --var-file nor"
        " RECONCILER_VAR_NAME.",
        "Leaving the default out says that every run has to decide. A plan with an empty value would"
        " be a plan for another app.",
        "  CERTAIN: {type: number}",
        "  CERTAIN: {type: number, default: 0.9}",
    ),
    Explanation(
        "RC403",
        "The value of a variable is not of its declared type.",
        "Values from the command line and the environment are text; they become numbers or truth"
        " values by the declaration alone, never by how they look.",
        "  CERTAIN: {type: number, default: high}",
        "  CERTAIN: {type: number, default: 0.9}",
    ),
    Explanation(
        "RC404",
        "Defaults of variables use each other in a circle.",
        "None of them ever gets a value.",
        '  STAGE: {default: "${NAME}"}\n  NAME: {default: "${STAGE}"}',
        '  STAGE: {default: staging}\n  NAME: {default: "${STAGE}"}',
    ),
    Explanation(
        "RC405",
        "A variable has a name that cannot be used: other characters than letters, digits and _, a"
        " digit first, or FILE.",
        "RECONCILER_VAR_FILE already is the environment's name of the option --var-file.",
        "  FILE: {default: people}",
        "  NAME: {default: people}",
    ),
    Explanation(
        "RC406",
        "An overlay takes out, or changes a part of, something that the manifest does not have.",
        "An overlay says how one stage differs from the others. When what it changes was renamed or"
        " removed, it would silently do nothing, in production first of all.",
        "models:\n  confidnet: null",
        "models:\n  confident: {description: In production since May.}",
    ),
    Explanation(
        "RC407",
        "A value is given for a variable that the manifest does not declare.",
        "It would change nothing, while whoever gave it believes that it does.",
        "CERTIAN: 0.95",
        "CERTAIN: 0.95",
    ),
)

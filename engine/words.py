"""The closed vocabularies of the format: subjects, forces, kinds, reasons, topics.

One table for the loader, the checker, the API and the authors' page; their order is the order in
which they are shown.
"""

from __future__ import annotations

__all__ = [
    "AUTHORITIES",
    "BEARERS",
    "CAUSES",
    "CLAUSE_KINDS",
    "CLAUSE_REASONS",
    "CONTAINS",
    "EFFECTS",
    "EVIDENCE",
    "FACT_TYPES",
    "FORCES",
    "REACHES",
    "STRENGTHS",
    "SUBJECTS",
    "TOPICS",
]

SUBJECTS = (
    "city",
    "county",
    "school",
    "kindergarten",
    "vocational_school",
    "education_group",
    "training_institution",
    "teacher",
    "pupil",
    "project",
    "programme",
    "premises",
    "enterprise",
)

_INSTITUTIONS = (
    "school",
    "kindergarten",
    "vocational_school",
    "training_institution",
    "education_group",
    "project",
    "programme",
    "premises",
    "enterprise",
)

CONTAINS: dict[str, tuple[str, ...]] = {
    "city": ("county", *_INSTITUTIONS),
    "county": _INSTITUTIONS,
    "education_group": ("school", "kindergarten", "vocational_school"),
    "school": ("teacher", "pupil"),
    "kindergarten": ("teacher", "pupil"),
    "vocational_school": ("teacher", "pupil"),
}
"""Which subjects may be direct members of which."""


def _reached(subject: str) -> frozenset[str]:
    direct = CONTAINS.get(subject, ())
    return frozenset(direct).union(*map(_reached, direct))


REACHES: dict[str, frozenset[str]] = {subject: _reached(subject) for subject in SUBJECTS}
"""Which subjects may be members of which, through any depth."""

FACT_TYPES = ("boolean", "integer", "number", "percent", "category", "grade", "date", "checklist")
EVIDENCE = ("measured", "attested", "judged")
"""From the strongest to the weakest."""
FORCES = ("binding", "expected", "advisory")
CAUSES = ("breach_of", "result_of", "fact", "after")
"""What a consequence follows from: a rule not met; a rule judged, met or not; an attested event; another one."""
EFFECTS = (
    "bar",
    "veto",
    "accountability",
    "rating_lowest",
    "appraisal_basis",
    "reward_basis",
    "correction",
    "notice",
    "preference",
    "other",
)
"""What follows: shut out from something; ruled out by one failing; held to account; rated as the lowest member;
counted in appraisal; counted for reward; set right; told publicly; put first; anything else."""
STRENGTHS = ("automatic", "basis", "discretionary", "unspecified")
"""Follows of itself; is weighed by whoever decides; may follow; the text does not say."""
BEARERS = (*SUBJECTS, "head", "leader", "responsible_person", "responsible_unit")
"""Whom a consequence meets: a subject, or those in its service whom a text names by their office."""
AUTHORITIES = ("in_force", "consultation_draft", "unofficial_copy", "unclear", "repealed")
CLAUSE_KINDS = ("front_matter", "heading", "preamble", "principle", "target", "duty", "consequence", "closing")
CLAUSE_REASONS = (
    "background",
    "organisational",
    "no_concrete_duty",
    "permission",
    "procedural",
    "duplicate_of",
)
TOPICS = (
    "planning",
    "facilities",
    "class-size",
    "school-size",
    "equipment",
    "informatization",
    "management",
    "balance",
    "resource-sharing",
    "teacher-staffing",
    "teacher-rotation",
    "teacher-titles",
    "teacher-training",
    "teacher-ethics",
    "teacher-pay",
    "weak-schools",
    "enrolment",
    "class-division",
    "homework",
    "curriculum",
    "physical-education",
    "arts",
    "labour",
    "moral-education",
    "culture",
    "quality",
    "special-education",
    "migrant-children",
    "left-behind-children",
    "funding",
    "safety",
    "evaluation",
    "governance",
    "accountability",
    "preschool",
    "senior-secondary",
    "vocational",
    "lifelong",
    "tutoring",
    "health",
    "party",
    "retention",
)

"""The two source lists in our own words: the table of integration issues, and the pre-deployment list.

Numbers are those of the lists: `T4` is the fourth row of the table, `3.2` the second question under the third heading.
"""

from __future__ import annotations

ROWS: dict[str, str] = {
    "T1": "Research's model and production's predict differently",
    "T2": "Features made in research and in production differ",
    "T3": "The two places obtained different data",
    "T4": "Rows fell to training and test otherwise",
    "T5": "No score: nulls or words that training did not have",
    "T6": "No score, or a strange one: values unlike those of training",
    "T7": "Most predictions match, a few do not",
    "T8": "A variable the model needs is not to be had in live",
    "T9": "Scores match, and the model does worse than expected",
}
BEYOND: dict[str, str] = {"X": "Beyond the table"}
"""What the doctor names too, and no row of the table asks for."""

HEADINGS: dict[str, str] = {
    "1": "Data quality",
    "2": "Model performance",
    "3": "Robustness",
    "4": "Scalability",
    "5": "Security",
    "6": "Explainability",
    "7": "Compliance",
    "8": "Monitoring and logging",
    "9": "Deployment readiness",
    "10": "Backup and rollback",
}
BULLETS: dict[str, str] = {
    "1.1": "Integrity: nothing missing or corrupted",
    "1.2": "Integrity: formats and types hold",
    "1.3": "Consistency across data sets",
    "1.4": "Consistency of sources and pipelines",
    "1.5": "Bias: found and dealt with",
    "1.6": "Bias: the sample is representative",
    "2.1": "Accuracy on test data",
    "2.2": "Accuracy beside a baseline",
    "2.3": "Precision and recall: assessed",
    "2.4": "Precision and recall: balanced",
    "2.5": "Confusion matrix: looked into",
    "2.6": "ROC-AUC",
    "3.1": "Overfitting: generalizes to unseen data",
    "3.2": "Overfitting: cross-validation",
    "3.3": "Sensitivity to small changes of input",
    "3.4": "Stress: extreme conditions",
    "4.1": "Resources: computing and memory",
    "4.2": "Load: answers under high load",
    "4.3": "Latency",
    "5.1": "Privacy: data protection law is kept",
    "5.2": "Privacy: data is made anonymous",
    "5.3": "Model: protected against attack",
    "5.4": "Model: sealed against being changed",
    "6.1": "Decisions can be explained",
    "6.2": "Tools of explanation are used",
    "6.3": "Logic and decisions are documented",
    "7.1": "Regulations of the trade are met",
    "7.2": "Ethical consequences are assessed",
    "7.3": "Training and deployment leave a trail",
    "8.1": "Performance is monitored",
    "8.2": "Errors are logged",
    "8.3": "Degradation alerts somebody",
    "9.1": "Model and code are under version control",
    "9.2": "Documentation is complete",
    "9.3": "Stakeholders approved",
    "10.1": "Models and data are backed up",
    "10.2": "Changes can be rolled back",
}


def heading(bullet: str) -> str:
    """Of which part of which list a row or bullet is."""
    number = bullet.partition(".")[0]
    return HEADINGS.get(number, "Research and production disagree")


def words(bullet: str) -> str:
    return {**ROWS, **BEYOND, **BULLETS}[bullet]

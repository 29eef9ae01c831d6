"""Pictures of one training, drawn without a screen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from holdfast.training.rows import Floats
from holdfast.training.train import Trained

SHOWN_FEATURES = 20
MOST_POINTS = 2_000


def draw(trained: Trained, folder: Path) -> list[Path]:
    """Precision–recall, ROC, calibration, confusion and importance as PNG files in `folder`."""
    pictures = {
        "precision_recall": _precision_recall,
        "roc": _roc,
        "calibration": _calibration,
        "confusion": _confusion,
        "importance": _importance,
    }
    paths = []
    for name, picture in pictures.items():
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=(6, 5), layout="constrained")
        FigureCanvasAgg(figure)
        picture(trained, figure.add_subplot())
        path = folder / f"{name}.png"
        figure.savefig(path, dpi=110)
        paths.append(path)
    return paths


def _curve(trained: Trained) -> tuple[Floats, Floats, Floats]:
    """True and false positives and the rows flagged, from the highest probability down; thinned for drawing."""
    order = np.argsort(-trained.test.probability, kind="stable")
    p, y = trained.test.probability[order], trained.test.y[order].astype(np.float64)
    ends = np.flatnonzero(np.append(p[1:] != p[:-1], True))
    tp = np.cumsum(y)[ends]
    keep = np.unique(np.linspace(0, len(ends) - 1, min(len(ends), MOST_POINTS)).astype(np.int64))
    return tp[keep], (ends + 1 - tp)[keep], (ends + 1).astype(np.float64)[keep]


def _precision_recall(trained: Trained, axes: Any) -> None:
    tp, _, flagged = _curve(trained)
    share, found = float(trained.test.y.mean()), trained.metrics["test"]["average_precision"]
    axes.step(tp / tp[-1], tp / flagged, where="post", label=f"average precision {found.value:.3f}")
    axes.axhline(share, linestyle=":", color="grey", label=f"by chance {share:.3f}")
    axes.plot(*(trained.metrics["test"][name].value for name in ("recall", "precision")), "o", label="threshold")
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02), title="Test rows")
    axes.legend()


def _roc(trained: Trained, axes: Any) -> None:
    tp, fp, _ = _curve(trained)
    area = trained.metrics["test"]["roc_auc"].value
    axes.plot(np.append(0, fp / fp[-1]), np.append(0, tp / tp[-1]), label=f"area {area:.3f}")
    axes.plot([0, 1], [0, 1], linestyle=":", color="grey")
    axes.set(xlabel="false positive share", ylabel="true positive share", title="Test rows")
    axes.legend(loc="lower right")


def _calibration(trained: Trained, axes: Any) -> None:
    p, y = trained.test.probability, trained.test.y
    order = np.argsort(p, kind="stable")
    groups = [group for group in np.array_split(order, 10) if len(group)]
    axes.plot([p[group].mean() for group in groups], [y[group].mean() for group in groups], "o-")
    top = max(float(p[groups[-1]].mean()), float(y[groups[-1]].mean()))
    axes.plot([0, top], [0, top], linestyle=":", color="grey")
    axes.set(xlabel="probability said", ylabel="share seen", title="Test rows, ten groups of equal size")


def _confusion(trained: Trained, axes: Any) -> None:
    seen = trained.confusion
    table = np.array([[seen.true_negative, seen.false_positive], [seen.false_negative, seen.true_positive]])
    axes.imshow(table / table.sum(axis=1, keepdims=True).clip(min=1), cmap="Blues", vmin=0, vmax=1)
    for (i, j), count in np.ndenumerate(table):
        axes.text(j, i, f"{count:,}", ha="center", va="center")
    axes.set(xticks=[0, 1], yticks=[0, 1], xlabel="said", ylabel="true", title="Test rows at the threshold")
    axes.set_xticklabels(["no", "yes"])
    axes.set_yticklabels(["no", "yes"])


def _importance(trained: Trained, axes: Any) -> None:
    shown = trained.importance[:SHOWN_FEATURES][::-1]
    axes.barh([item.feature for item in shown], [item.value for item in shown], xerr=[item.spread for item in shown])
    axes.set(xlabel=trained.settings.importance, title="Importance")

"""Claims about how facts are learned (L1 to L4)."""

from collections.abc import Iterable

import numpy as np

from recall.experiments.learning_stages import summary
from recall.stats import claims
from recall.stats.claims import Check, Claim


def _stage(tables: claims.Tables) -> Iterable[Check]:
    for setting in summary.settings(tables["sequential_learning"]):
        plateau, distance = setting.share, setting.distance
        yield Check(
            "part of training near H(a | r)", plateau.median, 0.2, 1.0, *plateau[1:]
        )
        yield Check(
            "least distance to p(a | r)", distance.median, 0.0, 0.02, *distance[1:]
        )


def _ratio(tables: claims.Tables) -> Iterable[Check]:
    settings = summary.settings(tables["stage_ratio"])
    ratio = [s.row["subjects"] / s.row["relations"] for s in settings]
    plateau = [setting.share.median for setting in settings]
    yield claims.rank_correlation(
        "rank correlation of S/R and the part near H(a | r)", ratio, plateau, least=0.7
    )
    most, least = int(np.argmax(ratio)), int(np.argmin(ratio))
    yield Check(f"that part at S/R = {ratio[most]:g}", plateau[most], least=0.5)
    yield Check(f"that part at S/R = {ratio[least]:g}", plateau[least], most=0.05)


def _optimizers(tables: claims.Tables) -> Iterable[Check]:
    settings = summary.settings(tables["stage_optimizer"])
    # Of other embeddings tokens overlap: the stage is no matter of optimizers alone.
    plateaus = {
        (s.row["attention"], s.row["optimizer"]): s.share.median
        for s in reversed(settings)  # of several rates the first counts
        if s.row["embedding"] == "onehot"
    }
    label = "part of training near H(a | r)"
    yield Check(f"{label}, gradient descent", plateaus["linear", "sgd"], least=0.3)
    yield Check(f"{label}, softmax attention", plateaus["softmax", "sgd"], least=0.3)
    for optimizer in ("adam", "sign", "muon"):
        yield Check(f"{label}, {optimizer}", plateaus["linear", optimizer], most=0.1)
    large = [
        s
        for s in settings
        if s.row["model"] == "transformer" and s.row["optimizer"] == "sgd"
    ]
    by_scale = sorted(large, key=lambda s: s.row["init_scale"])
    yield Check(
        "that part at a scale of .1 over that at 1, transformer",
        by_scale[0].share.median / by_scale[-1].share.median,
        least=1.5,
    )


def _times(tables: claims.Tables) -> Iterable[Check]:
    settings = summary.settings(tables["stage_ratio"])
    worst = np.nanmax(np.abs(summary.deviations(settings)), axis=0)
    for name, deviation in zip(("relations", "facts"), worst, strict=True):
        yield Check(
            f"largest deviation of the time of {name} from theory, "
            f"{len(settings)} settings",
            float(deviation),
            most=0.05,
        )


CLAIMS = (
    Claim(
        "L1",
        "Before the facts a model learns p(a | r): it hallucinates",
        "Theorem 6, Figure 5",
        ("sequential_learning",),
        "sequential_learning.py",
        _stage,
    ),
    Claim(
        "L2",
        "This takes S >> R: as S/R falls the stage shortens and vanishes",
        "Theorem 6: S >= 8 R sqrt(2 D)",
        ("stage_ratio",),
        "stage_ratio.py:cpu",
        _ratio,
    ),
    Claim(
        "L3",
        "With one-hot embeddings small weights and plain gradient descent make the "
        "stage; Adam and sign descent remove it of linear attention, softmax keeps it",
        "not published",
        ("stage_optimizer",),
        "stage_optimizer.py:cpu",
        _optimizers,
    ),
    Claim(
        "L4",
        "Stage times follow the rates of the flow from small weights",
        "derived here",
        ("stage_ratio",),
        "stage_ratio.py:cpu",
        _times,
    ),
)

"""Failures of memories: coherent embeddings, less than theory says, wrong degrees."""

import itertools
import math
import statistics
from collections.abc import Sequence

from recall.diagnosis import finding
from recall.diagnosis.finding import Row, Symptom
from recall.stats import points as rows_lib

COHERENT = 1.25  # times the root mean square cosine of random points, 1 / sqrt d
SHORT = 0.7  # of what theory says; seeds and recipes alone move capacities by less
_RANDOM = ("sphere", "gaussian")
_HERMITE = ("hermite", "gated_hermite")
_LINEAR = ("outer_product", "low_rank", "random_low_rank", "whitened", "linear")


def coherent_embeddings(rows: Sequence[Row]) -> Symptom | None:
    """Finds embeddings that overlap more than random ones, and store too little.

    Rows of kind "embedding" hold root mean square and mean cosine of a kind's points.
    """
    points = finding.of_kind(rows, "embedding")
    bad = [r for r in points if r["rms_cosine"] * math.sqrt(r["d"]) > COHERENT]
    kinds = {row["embedding"] for row in bad}
    weak = [p for p in _short(rows) if p.embedding in kinds]
    failed = [r for r in _starved(rows) if r.get("embedding") in kinds]
    # Overlap alone is no failure: a memory that whitens undoes it.
    if not bad or not (weak or failed):
        return None
    worst = max(bad, key=lambda row: row["rms_cosine"] * math.sqrt(row["d"]))
    cost = f"{len(failed)} trainings failed though their parameters suffice."
    if weak:
        stored = _median_part(weak)
        cost = f"{len(weak)} sizes store {stored:.2f} of what theory gives random ones."
    return Symptom(
        f"{worst['embedding']} embeddings overlap: root mean square cosine "
        f"{worst['rms_cosine']:.3f} at d = {worst['d']}, for {worst['d'] ** -0.5:.3f} "
        f"of random points (mean {worst['mean_cosine']:.3f}); {cost}",
        "Use --config.embedding=sphere or orthonormal_blocks, or a memory that whitens "
        "(--config.memories=\"('whitened',)\").",
    )


def below_theory(rows: Sequence[Row]) -> Symptom | None:
    """Finds trained memories of random embeddings that store less than theory says."""
    points = [p for p in _points(rows) if p.trained and p.embedding in _RANDOM]
    known = [p for p in points if p.exact and rows_lib.predicted(p).facts > 0]
    weak = [p for p in _short(rows) if p in known]
    if 2 * len(weak) <= len(known) or not weak:  # a few sizes may be bad luck
        return None
    sizes = ", ".join(sorted({f"d = {p.d}" for p in weak}))
    return Symptom(
        f"{finding.fraction(weak, known, 'trained sizes')} store less than {SHORT:g} "
        "of what theory or the published guide says, "
        f"{_median_part(weak):.2f} in the median ({sizes}).",
        "Train longer or at several rates (--config.training.num_steps, "
        ".learning_rates); of a transformer, more attention: H d_h near d, not far "
        "above or below.",
    )


def enough_parameters(rows: Sequence[Row]) -> Symptom | None:
    """Finds transformers that fail with the parameters for their facts."""
    failed = _starved(rows)
    if not failed:
        return None
    density = max(row["n"] / row["parameters"] for row in failed)
    where = finding.settings(failed, "heads", "m", "embedding")
    return Symptom(
        f"{len(failed):,} transformers fail (at best {max(map(_accuracy, failed)):.4f})"
        f" with at most {density:.3f} facts a parameter, where .15 is usual: {where}.",
        "Parameters are not what is missing. Attention must tell noise apart: H d_h of "
        "d or more; embeddings must not overlap; then more steps and rates.",
    )


def hermite_degree(rows: Sequence[Row]) -> Symptom | None:
    """Finds Hermite memories that store less than those of a lower degree."""
    sizes: dict[tuple, dict[int, rows_lib.Point]] = {}
    for point in _points(rows):
        if point.memory in _HERMITE and point.degree is not None:
            kind = point.memory, point.d, point.m, point.threshold
            sizes.setdefault(kind, {})[point.degree] = point
    worse = [
        (low, high)
        for by_degree in sizes.values()
        for (i, low), (k, high) in itertools.permutations(by_degree.items(), 2)
        if i < k and low.median >= 2 * high.median
    ]
    if not worse:
        return None
    low, high = max(worse, key=lambda pair: pair[0].median / max(1, pair[1].median))
    return Symptom(
        f"At d = {high.d}, m = {high.m} degree {high.degree} stores {high.median:g} "
        f"facts and degree {low.degree} {low.median:g}; so do {len(worse)} pairs, by a "
        "factor of 2 or more: a high degree needs thousands of neurons.",
        "Take the lowest k with d^(k+2) >> N ln N: 1, unless facts share outputs.",
    )


def shared_outputs(rows: Sequence[Row]) -> Symptom | None:
    """Finds linear memories of facts that share outputs: they store like d, not d^2."""
    points = [p for p in _points(rows) if p.memory in _LINEAR and p.num_outputs]
    if not points:
        return None
    most = max(points, key=lambda point: point.median)
    return Symptom(
        f"{len(points)} sizes of linear memories hold facts that share "
        f"{most.num_outputs} outputs: {most.median:g} facts at d = {most.d} at most.",
        "A linear memory wants an output of its own for each fact; for shared ones use "
        "an MLP, which stores like m d either way.",
    )


def _points(rows: Sequence[Row]) -> list[rows_lib.Point]:
    return rows_lib.capacities(finding.of_kind(rows, "capacity"))


def _short(rows: Sequence[Row]) -> list[rows_lib.Point]:
    """Lists sizes that store less than SHORT of what theory gives random points."""
    known = [(p, rows_lib.predicted(p).facts) for p in _points(rows) if p.exact]
    return [p for p, facts in known if facts > 0 and p.median < SHORT * facts]


def _median_part(weak: Sequence[rows_lib.Point]) -> float:
    return statistics.median(p.median / rows_lib.predicted(p).facts for p in weak)


def _starved(rows: Sequence[Row]) -> list[Row]:
    """Lists single trainings of transformers that fail below .1 facts a parameter."""
    kind = ("single", "transformer")
    tried = finding.of_kind(rows, "probe", "model")
    tried = [r for r in tried if (r.get("method"), r.get("memory")) == kind]
    few = [r for r in tried if r.get("n") and r["n"] < 0.1 * r["parameters"]]
    return [row for row in few if _accuracy(row) < min(0.99, row["threshold"])]


def _accuracy(row: Row) -> float:
    """Returns the best accuracy of a training, or else its last; nan with neither."""
    known = [row.get(name) for name in ("best_accuracy", "accuracy")]
    return next((float(value) for value in known if value is not None), math.nan)

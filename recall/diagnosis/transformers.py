"""Failures inside transformers: heads that mix or blur, keys that do not exist."""

import statistics
from collections.abc import Sequence

from recall.diagnosis import finding
from recall.diagnosis.finding import Row, Symptom

SHARP = 20.0  # from which softmax picks one token of 256


def mixed_heads(rows: Sequence[Row]) -> Symptom | None:
    """Finds heads that attend to subjects and to relations, in models that fail."""
    built = [r for r in _claims(rows) if r["beta"] >= SHARP and not r["stored"]]
    # Softmax breaks the tie: constructions saturate at 1 - 1/(2 H).
    tied = [r for r in built if abs(_saturated(r) - r["accuracy"]) < 1 / 8 / r["heads"]]
    failing = _failing(rows)
    both = [r for r in failing if min(r["to_subject"], r["to_relation"]) > 0.25]
    if not tied and not both:
        return None
    parts = []
    if both:
        parts.append(f"{finding.fraction(both, failing, 'heads')} of trained models")
    if tied:
        accuracy, level = tied[0]["accuracy"], _saturated(tied[0])
        near = f"{accuracy:.3f}, near 1 - 1/(2 H) = {level:.3f}"
        parts.append(f"{len(tied)} constructions end at {near} and")
    return Symptom(
        f"{' and '.join(parts)} attend to a subject and a relation at once.",
        "Give subjects and relations heads of their own; when training, more heads.",
    )


def soft_attention(rows: Sequence[Row]) -> Symptom | None:
    """Finds models that fail while most of their attention is on noise."""
    failing = _failing(rows)
    blurred = [row for row in failing if row["to_noise"] > 0.5]
    if 2 * len(blurred) <= len(failing) or not blurred:
        return None
    noise = statistics.median(row["to_noise"] for row in failing)
    return Symptom(
        f"{finding.fraction(blurred, failing, 'heads')} of models that fail spend most "
        f"of their attention on noise ({noise:.0%} in the median head): facts drown.",
        "Train longer, or with more attention: H d_h of d or more (--config.heads, "
        "--config.head_dim).",
    )


def blunt_softmax(rows: Sequence[Row]) -> Symptom | None:
    """Finds constructions that fail at an inverse temperature too low for them."""
    probes = [r for r in finding.of_kind(rows, "probe") if r.get("beta") is not None]
    sharp = {_place(row) for row in probes if row["stored"]}
    # Others are probed at temperatures that the config did not set, to compare.
    set_at = [row for row in probes if row["beta"] == row.get("sharpness")]
    failed = [row for row in set_at if not row["stored"]]
    blunt = [row for row in failed if _place(row) in sharp]
    # Exact keys need 10 at 32 tokens and 15 at 256 (measured).
    low = [r for r in failed if r["beta"] < (10 if r["length"] <= 32 else 15)]
    bad = list({id(row): row for row in blunt + low}.values())
    if not bad:
        return None
    beta, length = bad[0]["beta"], max(row["length"] for row in bad)
    return Symptom(
        f"{finding.fraction(bad, set_at, 'constructions')} fail at sharpness {beta:g} "
        f"with sequences of {length} tokens, whose noise takes part of the attention.",
        "--config.sharpness=60 (10 suffices for 32 tokens and 15 for 256 where keys "
        "are exact).",
    )


def narrow_vocabulary(rows: Sequence[Row]) -> Symptom | None:
    """Finds failed constructions with least-squares keys of more tokens than d."""
    # With as many dimensions as tokens, keys fit each of them exactly.
    failed = [r for r in _claims(rows) if not r["stored"] and r["d"] < _tokens(r)]
    keyed = [row for row in failed if row.get("keys") == "least_squares"]
    if not keyed:
        return None
    row = keyed[0]
    return Symptom(
        f"{len(keyed)} constructions whose keys are fitted to every token fail at "
        f"d = {row['d']}, below their {_tokens(row)} tokens (accuracy "
        f"{row['accuracy']:.3f}).",
        f"Widths of {_tokens(row)} or more, or "
        "--config.head_keys.<construction>=widest.",
    )


def _claims(rows: Sequence[Row]) -> list[Row]:
    """Lists the constructions at the size that was claimed to be enough, or above."""
    probes = finding.of_kind(rows, "probe")
    built = [row for row in probes if row.get("construction") is not None]
    return [row for row in built if row["size"] >= row["claim"]]


def _failing(rows: Sequence[Row]) -> list[Row]:
    """Lists the heads of trained models that recall less than was wanted."""
    heads = finding.of_kind(rows, "head")
    return [row for row in heads if row["accuracy"] < min(0.99, row["threshold"])]


def _saturated(row: Row) -> float:
    return 1 - 1 / (2 * row["heads"])


def _tokens(row: Row) -> int:
    # Subjects, relations, as much noise, and the end.
    return 2 * (row["subjects"] + row["relations"]) + 1


def _place(row: Row) -> tuple:
    return row["search"], row["size"], row["length"]

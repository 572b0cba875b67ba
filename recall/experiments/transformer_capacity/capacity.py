"""Facts stored by one-layer transformers (Figure 4, left; Figures 7 to 9)."""

import dataclasses
import itertools
import math
from typing import Any, NamedTuple

from recall.experiments.transformer_capacity import shared
from recall.models import transformer
from recall.sweeps import fields, packing, transformer_search
from recall.sweeps.batch import Plan

FACTS_PER_PARAMETER = 0.15  # the published guide: where brackets open


class Widths(NamedTuple):
    """The widths of one transformer, and the ratios that they came from."""

    alpha: float
    beta: float
    d: int
    heads: int
    head_dim: int
    m: int

    @property
    def parameters(self) -> int:
        """4 H d_h d + 2 m d."""
        return transformer.num_parameters(*self[2:])


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """The axes of the sweep and how each point is measured.

    Attributes:
        widths: the transformers.
        skipped: those that cannot be, with the reason.
        thresholds: fractions of the facts that must be recalled.
        seeds: of worlds, embeddings and initial weights.
        size_max: ceiling on the size of worlds.
        model: what all transformers share.
    """

    widths: tuple[Widths, ...]
    skipped: tuple[str, ...]
    thresholds: tuple[float, ...]
    seeds: tuple[int, ...]
    size_max: int
    model: shared.Model


def settings(config: Any) -> Settings:
    """Reads and checks a config; a bad field is named in a ValueError."""
    asked = _widths(config)
    most = fields.integer("max_parameters", config.max_parameters, 1)
    possible = tuple(w for w in asked if w.head_dim > 0 and w.parameters <= most)
    if not possible:
        raise ValueError(
            f"Expected max_parameters and d to admit a transformer; got "
            f"max_parameters={most}, d={tuple(config.d)}."
        )
    return Settings(
        widths=possible,
        skipped=_skipped([w for w in asked if w.head_dim == 0]),
        thresholds=fields.fractions("thresholds", config.thresholds),
        seeds=fields.seeds("seeds", config.seeds),
        size_max=fields.integer("size_max", config.size_max, 2),
        model=shared.model(config),
    )


def _skipped(impossible: list[Widths]) -> tuple[str, ...]:
    """Names transformers that have no head dimension, a line for all of their betas."""
    betas: dict[tuple, list[str]] = {}
    for w in impossible:
        betas.setdefault((w.alpha, w.d, w.heads), []).append(f"{w.beta:g}")
    return tuple(
        f"alpha={alpha:g}, beta={' '.join(own)}, d={d}, heads={heads}: head_dim = "
        "int(alpha d / heads) is 0; expected alpha d >= heads"
        for (alpha, d, heads), own in betas.items()
    )


def plan_of(config: Any) -> Plan:
    """Plans what a config asks for.

    Raises:
        ValueError: naming a field that is wrong, its value, and what is allowed.
    """
    chosen = settings(config)
    return packing.plan(plan(chosen), chosen.skipped)


def plan(chosen: Settings) -> list[transformer_search.RecallSearch]:
    """Lists the searches, one for each transformer, threshold and seed."""
    found = []
    axes = itertools.product(chosen.widths, chosen.thresholds, chosen.seeds)
    for widths, threshold, seed in axes:
        found += shared.searches_of(
            chosen.model,
            {"d": widths.d, "heads": widths.heads}
            | {"head_dim": widths.head_dim, "m": widths.m},
            threshold=threshold,
            seed=seed,
            expected=min(chosen.size_max, expected(chosen.model, widths.parameters)),
            limit=chosen.size_max,
        )
    return found


def expected(model: shared.Model, parameters: int) -> int:
    """The size at which a world has as many facts as the published guide says."""
    facts = FACTS_PER_PARAMETER * parameters
    exponents = {"S=R": 1 / 2, "D=S": 1 / 2, "R=sqrt(S)": 2 / 3, "S=R^2": 1 / 3}
    return max(2, math.floor(facts ** exponents[model.world]))


def _widths(config: Any) -> list[Widths]:
    """All of d x alpha x beta, d_h = int(alpha d / H), m = int(beta d)."""
    d = fields.integers("d", config.d, 1)
    heads = fields.integer("heads", config.heads, 1)
    alphas = fields.numbers("alphas", config.alphas, "(0, inf)")
    betas = fields.numbers("betas", config.betas, "[0, inf)")
    return [
        Widths(alpha, beta, width, heads, int(alpha * width / heads), int(beta * width))
        for width, alpha, beta in itertools.product(d, alphas, betas)
    ]

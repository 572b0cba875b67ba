"""Facts stored by one-layer transformers (Figure 4, left; Figures 7 to 9)."""

import itertools
import math
from collections.abc import Iterable
from typing import Any, NamedTuple

from recall.experiments.transformer_capacity import shared
from recall.models import transformer
from recall.sweeps import fields, packing, transformer_search
from recall.sweeps.batch import Plan

FACTS_PER_PARAMETER = 0.15  # the published guide: where brackets open
# Size of a world over a power of its facts, for instance sqrt(facts) where S = R.
EXPONENTS = {"S=R": 1 / 2, "D=S": 1 / 2, "R=sqrt(S)": 2 / 3, "S=R^2": 1 / 3}


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
        """The number of weights, 4 H d_h d + 2 m d."""
        return transformer.num_parameters(*self[2:])


def plan_of(config: Any) -> Plan:
    """Plans the searches, and names the transformers that cannot be.

    Raises:
        ValueError: naming a field that is wrong, its value, and what is allowed.
    """
    return packing.plan(work(config), _skipped(_widths(config)))


def work(config: Any) -> list[transformer_search.RecallSearch]:
    """Lists a search for each transformer, threshold and seed.

    Raises:
        ValueError: naming a field that is wrong, its value, and what is allowed.
    """
    most = fields.integer("max_parameters", config.max_parameters, 1)
    possible = [w for w in _widths(config) if w.head_dim > 0 and w.parameters <= most]
    if not possible:
        raise ValueError(
            f"Expected max_parameters and d to admit a transformer; got "
            f"max_parameters={most}, d={tuple(config.d)}."
        )
    axes = itertools.product(
        possible,
        fields.fractions("thresholds", config.thresholds),
        fields.seeds("seeds", config.seeds),
        shared.searches(config),
    )
    limit = fields.integer("size_max", config.size_max, 2)

    def expected(parameters: int) -> int:
        facts = FACTS_PER_PARAMETER * parameters
        return min(limit, max(2, math.floor(facts ** EXPONENTS[config.world])))

    return [
        search(
            **{name: getattr(w, name) for name in ("d", "heads", "head_dim", "m")},
            threshold=threshold,
            seed=seed,
            expected=expected(w.parameters),
            limit=limit,
        )
        for w, threshold, seed, search in axes
    ]


def _widths(config: Any) -> list[Widths]:
    """Reads all of d x alpha x beta, d_h = int(alpha d / H), m = int(beta d)."""
    H = fields.integer("heads", config.heads, 1)
    axes = itertools.product(
        fields.integers("d", config.d, 1),
        fields.numbers("alphas", config.alphas, "(0, inf)"),
        fields.numbers("betas", config.betas, "[0, inf)"),
    )
    return [
        Widths(alpha, beta, d, H, int(alpha * d / H), int(beta * d))
        for d, alpha, beta in axes
    ]


def _skipped(widths: Iterable[Widths]) -> list[str]:
    """Names transformers that have no head dimension, a line for all of their betas."""
    betas: dict[tuple, list[str]] = {}
    for w in widths:
        if w.head_dim == 0:
            betas.setdefault((w.alpha, w.d, w.heads), []).append(f"{w.beta:g}")
    return [
        f"alpha={alpha:g}, beta={' '.join(some)}, d={d}, heads={heads}: head_dim = "
        "int(alpha d / heads) is 0; expected alpha d >= heads"
        for (alpha, d, heads), some in betas.items()  # by alpha: betas change nothing
    ]

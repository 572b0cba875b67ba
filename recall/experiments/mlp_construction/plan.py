"""Facts stored by MLP memories that are constructed, not trained (Theorem 2)."""

import itertools
from typing import Any

from recall.memories import hermite, kinds
from recall.sweeps import fields, memory_search, packing
from recall.sweeps.batch import Plan
from recall.theory import features

HERMITE = ("gated_hermite", "hermite")
FEATURES = ("bilinear", "relu_features", "hebbian", "data_dependent")
MEMORIES = (*HERMITE, "sign_gates", *FEATURES)
# Facts per feature of early runs, and of the raw readout: where brackets open.
GUESSES = {"data_dependent": 4.0, "hebbian": 0.15}


def plan_of(config: Any) -> Plan:
    """Plans the searches, and names the sizes that are too small for a degree.

    Raises:
        ValueError: naming a field that is wrong, its value, and what is allowed.
    """
    return packing.plan(work(config), _possible(config)[1])


def work(config: Any) -> list[memory_search.MemorySearch]:
    """Lists a search for each memory, size, count of outputs, threshold and seed.

    Raises:
        ValueError: naming a field that is wrong, its value, and what is allowed.
    """
    fields.pick("search.method", config.search.method, ("bisect", "single"))
    axes = itertools.product(
        _possible(config)[0],
        fields.num_outputs(config),
        fields.fractions("thresholds", config.thresholds),
        fields.seeds("seeds", config.seeds),
    )
    embedding, limit = fields.embedding(config), fields.n_max(config)
    strategy = fields.strategy(config)
    return [
        memory_search.MemorySearch(
            memory=memory,
            d=design.d,
            m=design.m,
            activation=design.activation or None,
            degree=design.degree if memory in HERMITE else None,
            num_outputs=num_outputs,
            threshold=threshold,
            seed=seed,
            expected=min(limit, expected(memory, design, threshold)),
            limit=limit,
            embedding=embedding,
            strategy=strategy,
        )
        for (memory, design), num_outputs, threshold, seed in axes
    ]


def expected(memory: str, design: kinds.Design, threshold: float) -> int:
    """Returns the facts at which a bracket opens: theory, with a margin."""
    # Theory is pessimistic, and recall is not monotone in the number of facts: of fewer
    # than a hundred none may be missed. From above a search finds the larger answer.
    m, d, k = design.m, design.d, design.degree
    if memory in HERMITE:
        factor = 2.5 if k < 2 else 4.0
        facts = factor * features.hermite_facts(m, d, k, threshold) + 10
    elif memory == "sign_gates":
        facts = 1.4 * features.sign_gate_facts(m, d, threshold) + 4
    elif memory in GUESSES:
        rank = min(m, d * (d + 1) // 2) if memory == "data_dependent" else m
        facts = GUESSES[memory] * rank
    else:
        facts = features.feature_facts(min(m, d * (d + 1) // 2), d, threshold)
    return max(2, int(facts))


def _possible(config: Any) -> tuple[list[tuple[str, kinds.Design]], list[str]]:
    """Returns the memories that can be built, and why other sizes cannot.

    Raises:
        ValueError: if no size of an activation and a degree can be built.
    """
    designs = _designs(config)
    groups: dict[tuple[str, int], set[int]] = {}
    for memory, design in designs:
        if memory in HERMITE:
            groups.setdefault((design.activation, design.degree), set()).add(design.m)
    reasons = []
    for (activation, degree), sizes in groups.items():
        fewest = _fewest(activation, degree)
        small = sorted(m for m in sizes if m < fewest)
        condition = (
            f"m >= {fewest} for degree={degree} and activation={activation!r}, so that "
            "a fact's own score fluctuates by at most "
            f"{hermite.MAX_FLUCTUATION:g} times its mean"
        )
        if len(small) == len(sizes):
            other = (activation, degree) in map(tuple, config.others)
            field = "other_ratio" if other else "ratios"
            raise ValueError(f"Expected {field} to give {condition}; got m={small}.")
        reasons += [f"m={m}; it takes {condition}." for m in small]
    possible = [
        (memory, design)
        for memory, design in designs
        if memory not in HERMITE
        or design.m >= _fewest(design.activation, design.degree)
    ]
    return possible, reasons


def _fewest(activation: str, degree: int) -> int:
    """Returns the smallest m = 2 m0 of a Hermite memory."""
    return 2 * hermite.fewest_units(activation, degree)


def _designs(config: Any) -> list[tuple[str, kinds.Design]]:
    """Reads the memories and their sizes, whether they can be built or not."""
    shapes = _hermite(config)
    gates = fields.integers("gates", config.gates, 1)
    ratios = fields.integers("feature_ratios", config.feature_ratios, 1)
    most = fields.integer("max_feature_weights", config.max_feature_weights, 1)
    designs = []
    for memory, d in itertools.product(
        fields.each("memories", config.memories, MEMORIES),
        fields.integers("d", config.d, 1),
    ):
        if memory == "sign_gates":
            sizes = [(count * (d + 1), "", 0) for count in gates]
        elif memory in FEATURES:
            sizes = [(ratio * d, "", 0) for ratio in ratios if ratio * d * d <= most]
        else:
            sizes = [
                (2 * max(1, ratio * d // 2), *pair) for ratio, pair in shapes[memory]
            ]
        designs += [
            (memory, kinds.Design(d=d, m=m, activation=activation, degree=degree))
            for m, activation, degree in sizes
        ]
    return designs


def _hermite(config: Any) -> dict[str, list[tuple[int, tuple[str, int]]]]:
    """Reads m / d, the activation and the degree of each Hermite memory."""
    degrees = fields.integers("degrees", config.degrees, 0, 3)
    pairs = [(f"hermite{k + 1}", k) for k in degrees]  # an activation of slope h_k
    gated = [*itertools.product(fields.integers("ratios", config.ratios, 1), pairs)]
    ratio = fields.integer("other_ratio", config.other_ratio, 1)
    # Plain MLPs of other activations are tried beside them.
    others = [(ratio, pair) for pair in _others(config.others) if pair not in pairs]
    return {"gated_hermite": gated, "hermite": gated + others}


def _others(pairs: Any) -> tuple[tuple[str, int], ...]:
    """Reads pairs (activation, k) at which the activation has a component h_k."""
    for pair in pairs:
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise ValueError(
                f"Expected others to hold pairs (activation, k); got {pair!r}."
            )
        fields.integer(f"k of others {tuple(pair)}", pair[1], 0, 7)
        try:
            hermite.moments(*pair)
        except ValueError as error:
            reason = str(error).removesuffix(".")
            raise ValueError(f"{reason}, in others {tuple(pair)}.") from None
    return tuple((activation, k) for activation, k in pairs)

"""Facts stored by MLP memories that are constructed, not trained (Theorem 2)."""

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any

from recall import capacity
from recall.memories import hermite, kinds
from recall.sweeps import fields, memory_search, packing
from recall.sweeps.batch import Plan
from recall.theory import features

HERMITE = ("gated_hermite", "hermite")
FEATURES = ("bilinear", "relu_features", "hebbian", "data_dependent")
MEMORIES = (*HERMITE, "sign_gates", *FEATURES)
# Facts per feature of early runs, and of the raw readout: where brackets open.
GUESSES = {"data_dependent": 4.0, "hebbian": 0.15}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """The axes of the sweep.

    Attributes:
        memories: any of MEMORIES.
        d: widths of the embeddings.
        ratios: m / d of Hermite memories, with m = 2 m0 hidden units.
        degrees: k of Hermite memories whose activation has the slope h_k.
        others: pairs (activation, k) that are tried beside them, as plain MLPs.
        other_ratio: m / d of those.
        gates: G of sign gates, with m = G (d + 1) hidden units.
        feature_ratios: m / d of features that are read out.
        max_feature_weights: the largest m d of those.
        num_outputs: outputs shared by all facts; None for one output per fact.
        thresholds: fractions of the facts that must be recalled.
        seeds: of embeddings and of whatever a construction draws.
        embedding: kind of the embeddings.
        n_max: ceiling on the number of facts.
        strategy: how capacities are searched.
        skipped: sizes too small for a degree, with reasons.
    """

    memories: tuple[str, ...]
    d: tuple[int, ...]
    ratios: tuple[int, ...]
    degrees: tuple[int, ...]
    others: tuple[tuple[str, int], ...]
    other_ratio: int
    gates: tuple[int, ...]
    feature_ratios: tuple[int, ...]
    max_feature_weights: int
    num_outputs: tuple[int | None, ...]
    thresholds: tuple[float, ...]
    seeds: tuple[int, ...]
    embedding: str
    n_max: int
    strategy: capacity.Strategy
    skipped: tuple[str, ...] = ()


def settings(config: Any) -> Settings:
    """Reads and checks a config; a bad field is named in a ValueError."""
    fields.pick("search.method", config.search.method, ("bisect", "single"))
    least = "max_feature_weights", config.max_feature_weights, 1
    chosen = Settings(
        memories=fields.each("memories", config.memories, MEMORIES),
        d=fields.integers("d", config.d, 1),
        ratios=fields.integers("ratios", config.ratios, 1),
        degrees=fields.integers("degrees", config.degrees, 0, 3),
        others=_others(config.others),
        other_ratio=fields.integer("other_ratio", config.other_ratio, 1),
        gates=fields.integers("gates", config.gates, 1),
        feature_ratios=fields.integers("feature_ratios", config.feature_ratios, 1),
        max_feature_weights=fields.integer(*least),
        num_outputs=fields.num_outputs(config),
        thresholds=fields.fractions("thresholds", config.thresholds),
        seeds=fields.seeds("seeds", config.seeds),
        embedding=fields.embedding(config),
        n_max=fields.n_max(config),
        strategy=fields.strategy(config),
    )
    return dataclasses.replace(chosen, skipped=_skipped(chosen))


def plan_of(config: Any) -> Plan:
    """Plans what a config asks for.

    Raises:
        ValueError: naming a field that is wrong, its value, and what is allowed.
    """
    chosen = settings(config)
    return packing.plan(plan(chosen), chosen.skipped)


def work(config: Any) -> list[memory_search.MemorySearch]:
    """Returns the searches and batches that a config names."""
    return plan(settings(config))


def plan(chosen: Settings) -> list[memory_search.MemorySearch]:
    """Lists the searches, one for each memory, size, threshold and seed."""
    axes = chosen.num_outputs, chosen.thresholds, chosen.seeds
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
            expected=min(chosen.n_max, expected(memory, design, threshold)),
            limit=chosen.n_max,
            embedding=chosen.embedding,
            strategy=chosen.strategy,
        )
        for memory, design in _designs(chosen)
        if memory not in HERMITE or _enough(design)
        for num_outputs, threshold, seed in itertools.product(*axes)
    ]


def expected(memory: str, design: kinds.Design, threshold: float) -> int:
    """Where to open a bracket: theory, with a margin, for theory is pessimistic.

    What these memories recall is not monotone in the number of facts: of fewer than a
    hundred none may be missed. From above a search finds the larger answer.
    """
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


def _designs(chosen: Settings) -> Iterator[tuple[str, kinds.Design]]:
    """Every memory and size that the settings name, whether it can be built or not."""
    for memory, d in itertools.product(chosen.memories, chosen.d):
        if memory == "sign_gates":
            for gates in chosen.gates:
                yield memory, kinds.Design(d=d, m=gates * (d + 1))
        elif memory in FEATURES:
            for m in (ratio * d for ratio in chosen.feature_ratios):
                if m * d <= chosen.max_feature_weights:
                    yield memory, kinds.Design(d=d, m=m)
        else:
            yield from ((memory, design) for design in _hermite(chosen, memory, d))


def _hermite(chosen: Settings, memory: str, d: int) -> Iterator[kinds.Design]:
    """Hermite memories of a width: of every degree, and of other activations."""
    own = [(f"hermite{k + 1}", k) for k in chosen.degrees]
    sizes = [
        (2 * max(1, ratio * d // 2), pair) for ratio in chosen.ratios for pair in own
    ]
    if memory == "hermite":
        m = 2 * max(1, chosen.other_ratio * d // 2)
        sizes += [(m, pair) for pair in chosen.others if pair not in own]
    for m, (activation, k) in sizes:
        yield kinds.Design(d=d, m=m, activation=activation, degree=k)


def _fewest(design: kinds.Design) -> int:
    """The smallest m of a Hermite memory."""
    return 2 * hermite.fewest_units(design.activation, design.degree)


def _enough(design: kinds.Design) -> bool:
    return design.m >= _fewest(design)


def _skipped(chosen: Settings) -> tuple[str, ...]:
    """Sizes left out, by activation; if all of them are, the degree is an error."""
    groups: dict[tuple[str, int], list[kinds.Design]] = {}
    for memory, design in _designs(chosen):
        if memory in HERMITE:
            groups.setdefault((design.activation, design.degree), []).append(design)
    reasons = []
    for (activation, degree), designs in groups.items():
        small = sorted({design.m for design in designs if not _enough(design)})
        condition = (
            f"m >= {_fewest(designs[0])} for degree={degree} and "
            f"activation={activation!r}, so that a fact's own score fluctuates by at "
            f"most {hermite.MAX_FLUCTUATION:g} times its mean"
        )
        if small and not any(_enough(design) for design in designs):
            field = "other_ratio" if (activation, degree) in chosen.others else "ratios"
            raise ValueError(f"Expected {field} to give {condition}; got m={small}.")
        reasons += [f"m={m}; it takes {condition}." for m in small]
    return tuple(reasons)


def _others(given: Any) -> tuple[tuple[str, int], ...]:
    """Pairs (activation, k) at which the activation has a component h_k."""
    for pair in given:
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
    return tuple((activation, k) for activation, k in given)

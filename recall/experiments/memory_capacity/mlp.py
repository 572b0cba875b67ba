"""Facts stored by trained MLP memories (Figure 1, right; Figure 6; activations)."""

import dataclasses
import itertools
from typing import Any

from recall import capacity, training
from recall.memories import mlp
from recall.sweeps import fields, memory_search, packing
from recall.sweeps.batch import Plan
from recall.theory import laws

# "published" is the recipe of the paper's code. "decay" is ours and the default: a
# quarter of the budget and a decaying rate, for 1 to 3 % fewer facts in a third of the
# time.
RECIPES = {
    "decay": fields.Training(
        name="decay",
        recipe=training.Recipe(num_steps=8192, check_every=64, cosine=True),
        learning_rates=(0.03,),
    ),
    "published": fields.Training(
        name="published",
        recipe=training.Recipe(num_steps=32768, check_every=256),
        learning_rates=(0.03,),
    ),
}

# N ln N / (m d) of early runs with N outputs: where brackets open, nothing more.
GUESSES = {"relu": 2.9, "gelu": 3.2, "silu": 3.4, "tanh": 3.3, "sin": 3.8}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """The axes of the sweep and how each point is measured.

    Attributes:
        sizes: pairs (d, m): width of the embeddings, hidden units.
        num_outputs: outputs shared by all facts; None for one output per fact.
        activations: of the hidden units.
        thresholds: fractions of the facts that must be recalled.
        seeds: of embeddings and initial weights.
        embedding: kind of the embeddings.
        n_max: ceiling on the number of facts.
        training: recipe.
        strategy: how capacities are searched.
    """

    sizes: tuple[tuple[int, int], ...]
    num_outputs: tuple[int | None, ...]
    activations: tuple[str, ...]
    thresholds: tuple[float, ...]
    seeds: tuple[int, ...]
    embedding: str
    n_max: int
    training: fields.Training
    strategy: capacity.Strategy


def settings(config: Any) -> Settings:
    """Reads and checks a config; a bad field is named in a ValueError."""
    return Settings(
        sizes=_sizes(config),
        num_outputs=fields.num_outputs(config),
        activations=fields.each("activations", config.activations, mlp.ACTIVATIONS),
        thresholds=fields.fractions("thresholds", config.thresholds),
        seeds=fields.seeds("seeds", config.seeds),
        embedding=fields.embedding(config),
        n_max=fields.n_max(config),
        training=fields.recipe(config, RECIPES),
        strategy=fields.strategy(config),
    )


def plan_of(config: Any) -> Plan:
    """Plans what a config asks for.

    Raises:
        ValueError: naming a field that is wrong, its value, and what is allowed.
    """
    chosen = settings(config)
    return packing.plan(plan(chosen))


def work(config: Any) -> list[memory_search.MemorySearch]:
    """Returns the searches and batches that a config names."""
    return plan(settings(config))


def plan(chosen: Settings) -> list[memory_search.MemorySearch]:
    """Lists the searches, one for each size, activation, threshold and seed."""
    axes = itertools.product(
        chosen.sizes,
        chosen.num_outputs,
        chosen.activations,
        chosen.thresholds,
        chosen.seeds,
    )
    return [
        memory_search.MemorySearch(
            memory="mlp",
            d=d,
            m=m,
            num_outputs=num_outputs,
            activation=activation,
            threshold=threshold,
            seed=seed,
            expected=expected(d, m, num_outputs, activation),
            limit=chosen.n_max,
            embedding=chosen.embedding,
            strategy=chosen.strategy,
            recipe_name=chosen.training.name,
            recipe=chosen.training.recipe,
            learning_rates=chosen.training.learning_rates,
        )
        for (d, m), num_outputs, activation, threshold, seed in axes
    ]


def expected(d: int, m: int, num_outputs: int | None, activation: str) -> int:
    """Where to open a bracket: the published line, or a fit to early runs."""
    if num_outputs is not None:
        return max(2, int(m * d * GUESSES.get(activation, 2.5) / 2.9))
    return int(laws.facts_at(m * d, 1 / GUESSES.get(activation, 2.5)))


def _sizes(config: Any) -> tuple[tuple[int, int], ...]:
    """Pairs (d, m): all of d x ratios with m d <= max_weights, unless listed."""
    if config.sizes:
        for pair in fields.nonempty("sizes", config.sizes):
            if not isinstance(pair, tuple | list) or len(pair) != 2:
                raise ValueError(f"Expected sizes to hold pairs (d, m); got {pair!r}.")
            for name, size in zip("dm", pair, strict=True):
                fields.integer(f"{name} of sizes {pair}", size, 1)
        return tuple((d, m) for d, m in config.sizes)
    widths = fields.integers("d", config.d, 1)
    ratios = fields.integers("ratios", config.ratios, 1)
    most = fields.integer("max_weights", config.max_weights, 1)
    pairs = [(d, d * ratio) for d, ratio in itertools.product(widths, ratios)]
    kept = tuple(pair for pair in pairs if pair[0] * pair[1] <= most)
    if not kept:
        raise ValueError(f"Expected max_weights to admit a size; got {most}.")
    return kept

"""Facts stored by trained MLP memories (Figure 1, right; Figure 6; activations)."""

import itertools
from typing import Any

from recall import training
from recall.memories import mlp
from recall.sweeps import fields, memory_search, packing
from recall.sweeps.batch import Plan
from recall.theory import laws

# "published" is the recipe of the paper's code, "decay" ours and the default. At 99 %,
# over 5 seeds, "decay" stores 157 facts at (d, m) = (16, 16) and 163 at (8, 32) in
# 21 s, "published" 159 and 168 in 62 s.
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


def plan_of(config: Any) -> Plan:
    """Plans the searches that a config names.

    Raises:
        ValueError: naming a field that is wrong, its value, and what is allowed.
    """
    return packing.plan(work(config))


def work(config: Any) -> list[memory_search.MemorySearch]:
    """Lists a search for each size, activation, threshold and seed.

    Raises:
        ValueError: naming a field that is wrong, its value, and what is allowed.
    """
    axes = itertools.product(
        _sizes(config),
        fields.num_outputs(config),
        fields.each("activations", config.activations, mlp.ACTIVATIONS),
        fields.fractions("thresholds", config.thresholds),
        fields.seeds("seeds", config.seeds),
    )
    embedding, limit = fields.embedding(config), fields.n_max(config)
    recipe, strategy = fields.recipe(config, RECIPES), fields.strategy(config)
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
            limit=limit,
            embedding=embedding,
            strategy=strategy,
            recipe_name=recipe.name,
            recipe=recipe.recipe,
            learning_rates=recipe.learning_rates,
        )
        for (d, m), num_outputs, activation, threshold, seed in axes
    ]


def expected(d: int, m: int, num_outputs: int | None, activation: str) -> int:
    """Returns the facts at which a bracket opens: the published line, or early runs."""
    if num_outputs is not None:
        return max(2, int(m * d * GUESSES.get(activation, 2.5) / 2.9))
    return int(laws.facts_at(m * d, 1 / GUESSES.get(activation, 2.5)))


def _sizes(config: Any) -> tuple[tuple[int, int], ...]:
    """Reads pairs (d, m): those listed, or all d x ratios with m d <= max_weights."""
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

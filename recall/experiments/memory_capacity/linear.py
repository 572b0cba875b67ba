"""Facts stored by linear memories: outer product, low rank, trained (Figure 1)."""

import dataclasses
import functools
import itertools
from typing import Any

from recall import capacity, training
from recall.sweeps import fields, memory_search, packing
from recall.sweeps.batch import Plan
from recall.theory import features, laws

LOW_RANK = ("low_rank", "random_low_rank")
MEMORIES = ("outer_product", *LOW_RANK, "whitened", "centred", "pseudo_inverse")
MEMORIES += ("linear",)
# Facts over those of the outer product, in early runs: where brackets open.
GUESSES = {"whitened": 1.9, "pseudo_inverse": 1.5}

# "published" is the recipe of the paper's code. "decay" is ours and the default: a
# learning rate of 10 that decays stores within tens of steps what 1000 needs
# thousands for, and reaches the separability threshold where 1000 stalls below it.
RECIPES = {
    "decay": fields.Training(
        name="decay",
        recipe=training.Recipe(num_steps=2048, check_every=32, cosine=True),
        learning_rates=(10.0,),
    ),
    "published": fields.Training(
        name="published",
        recipe=training.Recipe(num_steps=4096, check_every=32),
        learning_rates=(1000.0,),
    ),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """The axes of the sweep and how each point is measured.

    Attributes:
        memories: any of MEMORIES; "linear" is the trained one.
        d: widths of the embeddings.
        rank_fractions: ranks of the low-rank memories, as fractions of d.
        max_trained_d: widths above it are constructed only.
        thresholds: fractions of the facts that must be recalled.
        seeds: of embeddings and initial weights of trained memories.
        constructed_seeds: of the embeddings of constructed memories, which cost little
            and differ a lot: at d = 128 one seed stores 198 facts, another 403.
        embedding: kind of the embeddings.
        n_max: ceiling on the number of facts.
        training: recipe of the trained memory.
        strategy: how the capacity of a trained memory is searched; constructions
            are bisected, for they have nothing to grow.
    """

    memories: tuple[str, ...]
    d: tuple[int, ...]
    rank_fractions: tuple[float, ...]
    max_trained_d: int
    thresholds: tuple[float, ...]
    seeds: tuple[int, ...]
    constructed_seeds: tuple[int, ...]
    embedding: str
    n_max: int
    training: fields.Training
    strategy: capacity.Strategy


def settings(config: Any) -> Settings:
    """Reads and checks a config; a bad field is named in a ValueError."""
    chosen = Settings(
        memories=fields.each("memories", config.memories, MEMORIES),
        d=fields.integers("d", config.d, 1),
        rank_fractions=fields.fractions("rank_fractions", config.rank_fractions),
        max_trained_d=fields.integer("max_trained_d", config.max_trained_d, 0),
        thresholds=fields.fractions("thresholds", config.thresholds),
        seeds=fields.seeds("seeds", config.seeds),
        constructed_seeds=fields.seeds("constructed_seeds", config.constructed_seeds),
        embedding=fields.embedding(config),
        n_max=fields.n_max(config),
        training=fields.recipe(config, RECIPES),
        strategy=fields.strategy(config),
    )
    if chosen.memories == ("linear",) and min(chosen.d) > chosen.max_trained_d:
        raise ValueError(
            f"Expected max_trained_d to admit a width in d={chosen.d}; got "
            f"{chosen.max_trained_d}."
        )
    return chosen


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
    """Lists the searches, one for each memory, width, threshold and seed."""
    found = []
    for memory, d in itertools.product(chosen.memories, chosen.d):
        if memory == "linear" and d > chosen.max_trained_d:
            continue
        fractions = chosen.rank_fractions if memory in LOW_RANK else (None,)
        # Small fractions of a small d may round to the same rank.
        ranks = dict.fromkeys(_rank(d, fraction) for fraction in fractions)
        seeds = chosen.seeds if memory == "linear" else chosen.constructed_seeds
        for axes in itertools.product(ranks, chosen.thresholds, seeds):
            found.append(_search(chosen, memory, d, *axes))
    return found


@functools.cache  # seeds share it, and theory takes milliseconds
def expected(memory: str, d: int, rank: int | None, threshold: float) -> int:
    """Where to open a bracket: theory, or for trained memories a fit to early runs."""
    if memory == "linear":
        return separable(d**2)
    if memory == "random_low_rank":  # the Hermite memory of degree 0
        return max(
            2, int(1.5 * features.hermite_facts(2 * (rank or d), d, 0, threshold))
        )
    energy = 1.0 if rank is None else laws.low_rank_energy(rank / d)
    facts = laws.outer_product_facts(d, threshold, energy)
    return max(2, int(GUESSES.get(memory, 1.0) * facts))


def separable(num_weights: int) -> int:
    """Facts that so many weights store if their memory is linear in them.

    N ln N / d^2 was .93 for W at d = 32 and .83 at d = 128 in early runs.
    """
    return max(2, int(laws.facts_at(num_weights, num_weights**0.045 / 1.3)))


def _bisect(resolution: float) -> capacity.Strategy:
    return capacity.Strategy(
        method="bisect", resolution=resolution, opening=1.0, headroom=1.6
    )


def _rank(d: int, fraction: float | None) -> int | None:
    return None if fraction is None else max(1, round(fraction * d))


def _search(
    chosen: Settings, memory: str, d: int, rank: int | None, threshold: float, seed: int
) -> memory_search.MemorySearch:
    same = {
        "memory": memory,
        "d": d,
        "rank": rank,
        "threshold": threshold,
        "seed": seed,
        "expected": expected(memory, d, rank, threshold),
        "limit": chosen.n_max,
        "embedding": chosen.embedding,
    }
    if memory != "linear":
        resolution = chosen.strategy.resolution
        return memory_search.MemorySearch(**same, strategy=_bisect(resolution))
    return memory_search.MemorySearch(
        **same,
        strategy=chosen.strategy,
        recipe_name=chosen.training.name,
        recipe=chosen.training.recipe,
        learning_rates=chosen.training.learning_rates,
    )

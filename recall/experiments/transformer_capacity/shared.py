"""Fields of a config that all experiments on the one-layer transformer have."""

import functools
from collections.abc import Callable
from typing import Any

from recall import training
from recall.data import sequences
from recall.memories import mlp
from recall.models import transformer
from recall.sweeps import fields, transformer_search

# "published" is the recipe of the paper's code. "decay" is ours and the default: see
# CONTRIBUTING.md for what it was measured against.
RECIPES = {
    "decay": fields.Training(
        name="decay",
        recipe=training.Recipe(num_steps=8192, check_every=128, cosine=True),
        learning_rates=(0.03, 0.01),
    ),
    "published": fields.Training(
        name="published",
        recipe=training.Recipe(num_steps=16384, check_every=128),
        learning_rates=(0.001, 0.003, 0.01),
    ),
}


def searches(config: Any) -> list[Callable[..., transformer_search.RecallSearch]]:
    """Reads the fields that all experiments on transformers have.

    Returns:
        A search that lacks its widths, threshold, seed and sizes; one for each learning
        rate where rates run side by side, else one that tries them in order.

    Raises:
        ValueError: naming a field that is wrong, and what is allowed.
    """
    world = fields.pick("world", config.world, transformer_search.WORLDS)
    search = functools.partial(
        transformer_search.RecallSearch,
        world=world,
        answers=None
        if world == "D=S"  # its answers grow with the size
        else fields.integer("answers", config.answers, 2),
        architecture=transformer.Architecture(
            activation=fields.pick("activation", config.activation, mlp.ACTIVATIONS),
            mlp_weight=fields.number("mlp_weight", config.mlp_weight, "(-inf, inf)"),
            biases=fields.boolean("biases", config.biases),
        ),
        reads=reads(config),
        exponents=(  # of Zipf laws
            fields.number("subject_exponent", config.subject_exponent, "[0, inf)"),
            fields.number("relation_exponent", config.relation_exponent, "[0, inf)"),
        ),
        embedding=fields.embedding(config),
        train_embeddings=fields.boolean("train_embeddings", config.train_embeddings),
        strategy=fields.strategy(config),
    )
    if world == "D=S" and config.search.method.startswith("grow"):
        raise ValueError(
            "Expected search.method in ['bisect', 'single'] for world='D=S', whose "
            f"facts change as it grows; got {config.search.method!r}."
        )
    tried = fields.recipe(config, RECIPES)
    beside = fields.boolean("side_by_side", config.side_by_side)
    rates = tried.learning_rates
    return [
        functools.partial(
            search,
            recipe_name=tried.name,
            recipe=tried.recipe,
            learning_rates=some,
        )
        for some in ([(rate,) for rate in rates] if beside else [rates])
    ]


def reads(config: Any) -> transformer_search.Reads:
    """Reads the sizes of a step and of a check."""
    section = config.reads
    return transformer_search.Reads(
        length=fields.integer("reads.length", section.length, 4),
        layout=fields.pick("reads.layout", section.layout, sequences.LAYOUTS),
        batch=fields.integer("reads.batch", section.batch, 1),
        share=fields.integer("reads.share", section.share, 1),
        checks=fields.integer("reads.checks", section.checks, 1),
    )

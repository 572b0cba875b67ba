"""Fields of a config that all experiments on the one-layer transformer have."""

import functools
from collections.abc import Callable
from typing import Any

from recall import training
from recall.data import sequences
from recall.memories import mlp
from recall.models import transformer
from recall.sweeps import fields, transformer_search

# Facts of 5 seeds at d = 16, 1,536 parameters, by `benchmarks.recall_methods`: 144,
# 169, 225, 225, 225 with the rates of the paper's code, by bisection, in 139,000 steps
# a lane; 144, 196, 196, 225, 256 with the default, growth and then fresh starts, in
# 44,000 (58 s). Fresh starts alone take 41,000; growth alone 16,000 (21 s), with a mean
# bias of -10 %.
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
    answers = None  # of a world D = S they grow with its size
    if world != "D=S":
        answers = fields.integer("answers", config.answers, 2)
    search = functools.partial(
        transformer_search.RecallSearch,
        world=world,
        answers=answers,
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
    training_of = fields.recipe(config, RECIPES)
    search = functools.partial(
        search, recipe_name=training_of.name, recipe=training_of.recipe
    )
    rates = training_of.learning_rates
    # Side by side costs more steps, and takes less time where devices would idle.
    beside = fields.boolean("side_by_side", config.side_by_side)
    groups = [(rate,) for rate in rates] if beside else [rates]
    return [functools.partial(search, learning_rates=group) for group in groups]


def reads(config: Any) -> transformer_search.Reads:
    """Reads the sizes of the prompts of a step and of a check."""
    section = config.reads
    return transformer_search.Reads(
        length=fields.integer("reads.length", section.length, 4),
        layout=fields.pick("reads.layout", section.layout, sequences.LAYOUTS),
        batch=fields.integer("reads.batch", section.batch, 1),
        share=fields.integer("reads.share", section.share, 1),
        checks=fields.integer("reads.checks", section.checks, 1),
    )

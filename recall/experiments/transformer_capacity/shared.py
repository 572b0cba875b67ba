"""What experiments on the one-layer transformer share: fields of a config, searches."""

import dataclasses
from typing import Any

from recall import capacity, training
from recall.data import sequences
from recall.memories import mlp
from recall.models import transformer
from recall.sweeps import fields as common
from recall.sweeps import transformer_search

# "published" is the recipe of the paper's code. "decay" is ours and the default: see
# CONTRIBUTING.md for what it was measured against.
RECIPES = {
    "decay": common.Training(
        name="decay",
        recipe=training.Recipe(num_steps=8192, check_every=128, cosine=True),
        learning_rates=(0.03, 0.01),
    ),
    "published": common.Training(
        name="published",
        recipe=training.Recipe(num_steps=16384, check_every=128),
        learning_rates=(0.001, 0.003, 0.01),
    ),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Model:
    """What all searches of a sweep share.

    Attributes:
        world: one of `transformer_search.WORLDS`.
        answers: D; None where it grows with the size.
        architecture: activation, biases, weight of the MLP.
        reads: what a step and a check read.
        exponents: of Zipf laws over subjects and relations.
        embedding: kind of the embeddings.
        train_embeddings: whether they are trained along.
        training: recipe.
        side_by_side: whether each learning rate is a lane of its own, rather than
            tried in order.
        strategy: how sizes are searched.
    """

    world: str
    answers: int | None
    architecture: transformer.Architecture
    reads: transformer_search.Reads
    exponents: tuple[float, float]
    embedding: str
    train_embeddings: bool
    training: common.Training
    side_by_side: bool
    strategy: capacity.Strategy


def model(config: Any) -> Model:
    """Reads and checks the fields that all experiments on transformers have.

    Raises:
        ValueError: naming a field that is wrong, and what is allowed.
    """
    world = common.pick("world", config.world, transformer_search.WORLDS)
    chosen = Model(
        world=world,
        answers=None
        if world == "D=S"
        else common.integer("answers", config.answers, 2),
        architecture=architecture(config),
        reads=reads(config),
        exponents=(
            common.number("subject_exponent", config.subject_exponent, "[0, inf)"),
            common.number("relation_exponent", config.relation_exponent, "[0, inf)"),
        ),
        embedding=common.embedding(config),
        train_embeddings=common.boolean("train_embeddings", config.train_embeddings),
        training=common.recipe(config, RECIPES),
        side_by_side=common.boolean("side_by_side", config.side_by_side),
        strategy=common.strategy(config),
    )
    if world == "D=S" and chosen.strategy.method.startswith("grow"):
        raise ValueError(
            "Expected search.method in ['bisect', 'single'] for world='D=S', whose "
            f"facts change as it grows; got {chosen.strategy.method!r}."
        )
    return chosen


def architecture(config: Any) -> transformer.Architecture:
    """Reads what weights do not say."""
    return transformer.Architecture(
        activation=common.pick("activation", config.activation, mlp.ACTIVATIONS),
        mlp_weight=common.number("mlp_weight", config.mlp_weight, "(-inf, inf)"),
        biases=common.boolean("biases", config.biases),
    )


def reads(config: Any) -> transformer_search.Reads:
    """Reads what a step and a check read."""
    given = config.reads
    return transformer_search.Reads(
        length=common.integer("reads.length", given.length, 4),
        layout=common.pick("reads.layout", given.layout, sequences.LAYOUTS),
        batch=common.integer("reads.batch", given.batch, 1),
        share=common.integer("reads.share", given.share, 1),
        checks=common.integer("reads.checks", given.checks, 1),
    )


def searches_of(
    chosen: Model, widths: dict[str, int], **fields: Any
) -> list[transformer_search.RecallSearch]:
    """The searches of one shape: one, or one for each rate where side by side."""
    rates = chosen.training.learning_rates
    tries = [(rate,) for rate in rates] if chosen.side_by_side else [rates]
    return [
        transformer_search.RecallSearch(
            **widths,
            **fields,
            world=chosen.world,
            answers=chosen.answers,
            architecture=chosen.architecture,
            reads=chosen.reads,
            exponents=chosen.exponents,
            embedding=chosen.embedding,
            train_embeddings=chosen.train_embeddings,
            recipe_name=chosen.training.name,
            recipe=chosen.training.recipe,
            learning_rates=some,
            strategy=chosen.strategy,
        )
        for some in tries
    ]

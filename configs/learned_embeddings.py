r"""Learned embeddings store facts themselves: two to a few dimensions do for hundreds.

An open question beside the paper, whose embeddings are random: how capacity and the
width that facts take change once inputs, outputs or both are learned. That a width of
order log N may do is a secondary reading of 2605.12426, tested here.

Times: quick 46 s; cpu about 10 min of one core.

    python -m recall.main --config=configs/learned_embeddings.py --workdir=runs/learned
"""

import ml_collections

from recall.sweeps import presets


def get_config(arg: str | None = None) -> ml_collections.ConfigDict:
    preset = presets.preset(arg)
    c = ml_collections.ConfigDict({"experiment": "learned_embeddings"})
    c.preset = preset
    c.seeds = (0, 1, 2, 3, 4)
    c.parts = ("width", "survival", "transformer")
    c.memories = ("linear", "mlp")
    c.modes = ("frozen", "inputs", "outputs", "both")
    c.num_outputs = (0, 32)
    c.facts = (64, 128, 256, 512, 1024)
    c.facts_frozen = (64, 128, 256, 512)
    c.learning_rate = 0.1
    c.num_steps, c.check_every = 2048, 32
    c.survival = ml_collections.ConfigDict({"facts": 128, "d": 24})
    c.transformer = ml_collections.ConfigDict(
        {"sizes": (12, 16, 20, 24, 28), "answers": 8, "d": 16, "heads": 8}
    )
    c.transformer.head_dim, c.transformer.m = 2, 16
    c.transformer.learning_rate, c.transformer.num_steps = 0.03, 8192
    if preset == "cpu":
        c.facts, c.facts_frozen = (64, 128, 256, 512), (64, 128, 256)
        c.num_steps = 1024
        c.transformer.sizes, c.transformer.num_steps = (12, 16, 20), 2048
    if preset == "quick":
        c.seeds, c.num_steps = (0, 1), 256
        c.num_outputs, c.facts, c.facts_frozen = (0,), (16, 32), (16, 32)
        c.transformer.sizes, c.transformer.num_steps = (6, 8), 256
        c.survival.facts, c.survival.d = 48, 16
    return c

r"""Learned embeddings store facts themselves: two to a few dimensions do for hundreds.

The paper's embeddings are random. With learned inputs, outputs or both this measures
how wide a memory of so many facts must be, and which facts are left when learned parts
are exchanged. A width of order log N, as 2605.12426 may be read, is tested too.

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
    c.memories = ("linear", "mlp")  # an MLP has 2 d hidden units
    c.modes = ("frozen", "inputs", "outputs", "both")  # embeddings that are learned
    c.num_outputs = (0, 32)  # 0: one for each fact
    c.facts = (64, 128, 256, 512, 1024)  # whose smallest width is searched
    c.facts_frozen = (64, 128, 256, 512)  # fewer: random embeddings need wide memories
    c.learning_rate = 0.1  # of Adam, for weights and embeddings alike
    c.num_steps, c.check_every = 2048, 32  # steps at each width, at most
    c.survival = ml_collections.ConfigDict({"facts": 128, "d": 24})
    # Sizes are S = R, the first of which has learned parts exchanged at the end.
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

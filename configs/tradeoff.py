r"""Attention and MLP trade off at 1,024 facts (Figure 4, right).

Accuracy over heads H and hidden units m, for S = R = 32, D = 8, d = 32 and d_h = 8. In
the paper the line is MLP = 2300 - attention / 2, from a minimum of attention on, 1280,
each counted in weights of one matrix.

Times: quick 40 s; cpu 36 min beside other work, 27 min of two cores.

    python -m recall.main --config=configs/tradeoff.py --workdir=runs/tradeoff
"""

import ml_collections

from recall.sweeps import presets


def get_config(arg: str | None = None) -> ml_collections.ConfigDict:
    preset = presets.preset(arg)
    c = presets.recall_sweep("tradeoff", preset)
    c.d, c.head_dim, c.size = 32, 8, 32  # size: S = R
    c.heads = (1, 2, 4, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32)
    c.m = (1, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128)
    if preset == "quick":
        c.d, c.head_dim, c.size = 8, 2, 8
        c.heads, c.m = (1, 2, 4), (1, 8, 16)
    c.seeds = (0, 1, 2, 3, 4)
    if preset == "cpu":
        c.seeds = (0,)
        # Half the facts a step, for half the time. In 25 cells that were trained on
        # 1,024, too, accuracy differs by -.001 in the mean and by .08 at most.
        c.update(reads={"batch": 512})
    c.threshold = 1.0  # fraction of the facts at which training ends
    c.recipe = "published"
    c.update(training={"learning_rates": (0.01,)})
    c.update(search={"method": "single", "opening": 1.0, "headroom": 1.0})
    return c

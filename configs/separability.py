r"""The exact capacity of every memory that is linear in its weights, proved both ways.

Up to the lower end weights are given that store all facts; from the upper end on a
certificate says that none do. Linear memories: near .9 d^2 / ln N facts at the widths
one runs, against d^2 / (2 ln N) conjectured as d grows (2605.05189).

Times: quick 37 s; linear memories up to d = 64: 46 s.

    python -m recall.main --config=configs/separability.py --workdir=runs/separability
"""

import ml_collections

from recall.sweeps import presets


def get_config(arg: str | None = None) -> ml_collections.ConfigDict:
    preset = presets.preset(arg)
    c = ml_collections.ConfigDict({"experiment": "separability", "preset": preset})
    c.memories = (
        *("linear", "sign_gates"),
        *("relu_features", "bilinear_features", "attention"),
    )
    c.d = (8, 11, 16, 22, 32, 45, 64, 90, 128, 181, 256)
    c.feature_d, c.gates, c.ratios = (16, 32, 64), (1, 2, 4, 8), (1, 2, 4, 8)
    c.heads, c.head_ratios = 8, (1, 2, 4, 8)
    if preset == "quick":
        c.memories, c.d = ("linear", "sign_gates", "attention"), (8, 16, 32)
        c.feature_d, c.gates, c.head_ratios = (16,), (1,), (2,)
    if preset == "cpu":
        c.d = (8, 11, 16, 22, 32, 45, 64, 90, 128)
        c.feature_d, c.gates, c.ratios = (16, 32), (1, 2, 4), (1, 2, 4)
        c.head_ratios = (1, 2, 4)
    c.seeds = (0, 1, 2, 3, 4)
    c.embedding = "sphere"
    c.n_max = 10**6
    c.resolution = 0.01
    c.solver = {
        **{"cycles": 12, "steps": 512, "check_every": 64},
        **{"rate": 300.0, "share": 0.3, "corrections": 64},
    }
    return c

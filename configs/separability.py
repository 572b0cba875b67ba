r"""The exact capacity of every memory that is linear in its weights, proved both ways.

The lower end of a capacity has weights that store all facts, the upper end a
certificate that none do. Linear memories of these widths store near .9 d^2 / ln N
facts, against d^2 / (2 ln N) conjectured as d grows (2605.05189).

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
    c.d = (8, 11, 16, 22, 32, 45, 64, 90, 128, 181, 256)  # of linear memories
    c.feature_d = (16, 32, 64)  # of all others
    c.gates = (1, 2, 4, 8)  # of d features each
    c.ratios = (1, 2, 4, 8)  # features / d
    c.heads, c.head_ratios = 8, (1, 2, 4, 8)  # H; H d_h / d
    if preset == "quick":
        c.memories, c.d = ("linear", "sign_gates", "attention"), (8, 16, 32)
        c.feature_d, c.gates, c.head_ratios = (16,), (1,), (2,)
    if preset == "cpu":
        c.d = (8, 11, 16, 22, 32, 45, 64, 90, 128)
        c.feature_d, c.gates, c.ratios = (16, 32), (1, 2, 4), (1, 2, 4)
        c.head_ratios = (1, 2, 4)
    c.seeds = (0, 1, 2, 3, 4)
    c.embedding = "sphere"
    c.n_max = 10**6  # facts; a memory that stores as many is censored
    c.resolution = 0.01  # gap between the two ends, as a fraction
    c.solver = {
        **{"cycles": 12, "steps": 512, "check_every": 64},  # steps of each cycle
        "rate": 300.0,  # change of scores that the first steps may make
        "share": 0.3,  # rate of later cycles, over the root mean square weight
        "corrections": 64,  # steps of conjugate gradients that mend a certificate
    }
    return c

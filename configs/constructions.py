r"""Transformers of explicit weights recall every fact (Theorems 3 and 4).

Attention alone does at a width d of about 4 (R + D) ln(S R (R + D)) with answer codes
that are sums, at d = R D with decorrelated codes, and below with codes fitted by a
convex solver. With an MLP, heads copy the tokens, and Hermite product duals or fitted
sign gates recall. Every fact is asked in noise contexts of 32 and of 256 tokens.

Times: quick 22 s; cpu 23 min, beside other work.

    python -m recall.main --config=configs/constructions.py --workdir=runs/constructions
"""

import ml_collections

from recall.sweeps import presets


def get_config(arg: str | None = None) -> ml_collections.ConfigDict:
    preset = presets.preset(arg)
    c = ml_collections.ConfigDict({"experiment": "constructions", "preset": preset})
    c.seeds = (0, 1, 2, 3, 4)
    c.embedding = "sphere"
    c.attention = (  # codes, subjects S, relations R, answers D, width d claimed enough
        ("plain", 16, 16, 8, 1024),
        ("plain", 32, 32, 8, 2048),
        ("plain", 64, 16, 8, 1024),
        ("decorrelated", 16, 16, 8, 128),
        ("decorrelated", 32, 32, 8, 256),
        ("decorrelated", 64, 16, 8, 512),
        ("decorrelated", 64, 64, 8, 512),
        ("fitted", 16, 16, 8, 32),
        ("fitted", 32, 32, 8, 64),
        ("fitted", 64, 16, 8, 40),
    )
    c.mlp = (  # memory, S, R, D, d, hidden units or gates claimed to be enough
        ("product_duals", 16, 16, 8, 64, 8192),
        ("fitted_gates", 16, 16, 8, 32, 6),
        ("fitted_gates", 16, 16, 8, 64, 6),
        ("fitted_gates", 32, 32, 8, 32, 8),
        ("fitted_gates", 32, 32, 8, 64, 8),
        ("fitted_gates", 64, 16, 8, 32, 8),
    )
    if preset == "":  # minutes a seed on a CPU
        c.attention += (("plain", 64, 64, 8, 4096), ("fitted", 64, 64, 8, 128))
        c.mlp += (("product_duals", 32, 32, 8, 128, 32768),)
        c.mlp += (("fitted_gates", 64, 64, 8, 64, 12),)
    c.ratios = tuple(2.0 ** (k / 8) for k in range(-12, 9))  # to the predicted width
    # Hidden units of product duals that are tried, half a doubling apart.
    c.units = (512, 724, 1024, 1448, 2048, 2896, 4096, 5792, 8192, 11584, 16384, 23170)
    c.gates = tuple(range(1, 17))  # of an MLP with fitted gates, d + 1 units each
    c.head_size = 4  # tokens that each constructed head attends to
    c.head_keys = {  # "widest": largest gap of scores; "least_squares": no solver
        "plain": "least_squares",
        "decorrelated": "least_squares",
        "fitted": "widest",
        "product_duals": "widest",
        "fitted_gates": "widest",
    }
    c.sharpness = 60.0  # inverse temperature of attention in the search for a size
    c.ladder = (5.0, 7.0, 10.0, 14.0, 20.0, 28.0, 40.0)  # lower ones, at that size
    c.lengths = (32, 256)  # tokens of a sequence
    c.contexts = 8  # of noise, for each subject and length
    if preset == "quick":
        c.attention = (("decorrelated", 8, 8, 4, 32), ("fitted", 8, 8, 4, 20))
        c.mlp = (("fitted_gates", 8, 8, 4, 16, 4),)
        c.seeds, c.contexts, c.ladder = (0, 1), 4, (10.0, 20.0)
        c.gates = (2, 4)
        c.ratios = (0.5, 1.0, 1.5)
    return c

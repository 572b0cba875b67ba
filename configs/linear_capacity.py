r"""A linear memory stores ~ d^2 / log d facts (Figure 1, left).

Expect d^2 = 1.3 N ln N for trained memories (the paper's), d^2 ~ 8 N ln N for outer
products that recall all facts, and most of the full capacity at rank d / 2. Other
constructions: --config.memories="('whitened','pseudo_inverse','random_low_rank')".

Times: quick 11 s; cpu 18 min, beside other work.

    python -m recall.main --config=configs/linear_capacity.py --workdir=runs/linear
"""

import ml_collections

from recall.sweeps import presets

WIDTHS = (8, 11, 16, 22, 32, 45, 64, 90, 128, 181, 256)


def get_config(arg: str | None = None) -> ml_collections.ConfigDict:
    preset = presets.preset(arg)
    c = presets.capacity_sweep("linear_capacity", preset)
    c.memories = ("outer_product", "low_rank", "linear")
    c.d = (8, 11, 16, 22, 32) if preset == "quick" else WIDTHS
    c.rank_fractions = (0.125, 0.25, 0.5)  # of d
    # Cheap, and seeds differ a lot: at d = 128 one stores 198 facts, another 403.
    c.constructed_seeds = tuple(range(5 if preset == "quick" else 25))
    c.max_trained_d = 128 if preset == "cpu" else 256  # a wider one trains for hours
    c.update({"search": {"opening": 0.85, "headroom": 1.15}})  # a law known closely
    return c

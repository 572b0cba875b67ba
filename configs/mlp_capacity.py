r"""An MLP memory stores ~ m d facts, injective or not (Figure 1, right; Figure 6).

Expect m d = .35 N ln N with N outputs and m d = 1.2 N with 32, as in the paper.

Times: quick 21 s; cpu 30 min, beside other work.

    python -m recall.main --config=configs/mlp_capacity.py --workdir=runs/mlp
"""

import ml_collections

from recall.sweeps import presets


def get_config(arg: str | None = None) -> ml_collections.ConfigDict:
    preset = presets.preset(arg)
    c = presets.capacity_sweep("mlp_capacity", preset)
    c.d = (8, 11, 16, 22, 32, 45, 64, 90)
    c.ratios = (1, 2, 4, 8)  # m / d
    c.max_weights = {"quick": 128, "cpu": 1024}.get(preset, 90 * 90 * 8)  # m d
    c.sizes = ()  # pairs (d, m) in place of the grid of d and ratios
    c.num_outputs = (0, 32)  # 0: one for each fact
    c.activations = ("relu",)
    c.update({"search": {"resolution": 0.02}})  # a gap of growth is a gap of the answer
    return c

r"""The activation moves the constant of trained MLP memories (not in the paper).

Facts of the same sizes with seven activations, over those with ReLU.

Times: quick 35 s; cpu 50 min, beside other work.

python -m recall.main --config=configs/mlp_activation.py --workdir=runs/activation
"""

import ml_collections

from recall.sweeps import presets


def get_config(arg: str | None = None) -> ml_collections.ConfigDict:
    preset = presets.preset(arg)
    c = presets.capacity_sweep("mlp_activation", preset)
    sizes = ((16, 16), (32, 32), (16, 64))  # (d, m)
    c.sizes = sizes[:1] if preset == "quick" else sizes
    c.num_outputs = (0,)  # one for each fact
    c.thresholds = (1.0,)
    # Growth favours ReLU; fresh starts at two rates are fairer, and the better counts.
    c.update(
        search={"method": "bisect", "resolution": 0.02, "opening": 1.0, "headroom": 1.2}
    )
    c.update(training={"learning_rates": (0.1, 0.3), "num_steps": 4096})
    c.activations = ("relu", "gelu", "silu", "tanh", "sin", "abs", "square")
    if preset == "quick":
        c.activations = ("relu", "gelu", "sin", "square")
    return c

r"""Alternating convex solves store facts in as few weights as gradient descent.

Keys are points of the sphere and values the same points permuted; all facts must be
recalled. For F = 256 and 512 facts at d = 32 and 1,024 at d = 64, published closed
forms take 7,104, 17,280 and 37,632 weights, and gradient descent 960 and 1,920 for the
first two (2607.10034, which counts 3 m d).

Times: quick 12 s; cpu 30 min, beside other work.

    python -m recall.main --config=configs/memory_weights.py --workdir=runs/weights
"""

import ml_collections

from recall.sweeps import presets


def get_config(arg: str | None = None) -> ml_collections.ConfigDict:
    preset = presets.preset(arg)
    c = ml_collections.ConfigDict({"experiment": "memory_weights", "preset": preset})
    c.methods = ("sign_gates", "alternating", "whitened", "data_dependent")
    c.cells = ((32, 256), (32, 512), (64, 1024), (64, 2048))  # (d, facts)
    if preset == "quick":
        c.methods, c.cells = ("sign_gates", "alternating"), ((16, 64), (16, 128))
    if preset == "cpu":
        c.cells = ((32, 256), (32, 512), (64, 1024))
    c.seeds = (0, 1, 2, 3, 4)
    c.most = 4.0  # widest that is tried, over the expected width
    c.resolution = 0.02  # gap between enough and too narrow, as a fraction
    return c

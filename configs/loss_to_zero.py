r"""Gradient flow drives the loss of linear attention to zero (Theorem 5).

Random and balanced facts, initial scales from .1 to .001, the integrated flow and
gradient descent. Once all facts are recalled the loss falls as t^-s with
s = li(u) ln(u)/u at u = 1/loss, a little above 1 (derived). With `:cpu` 90 flows end
below 3e-5 nats, with slopes .97 to 1.00 of theory; descent's are .90 to 1.00 of it.
Times: quick 11 s; cpu 9 min.

    python -m recall.main --config=configs/loss_to_zero.py --workdir=runs/loss_to_zero
"""

import ml_collections

from recall.sweeps import presets


def get_config(arg: str | None = None) -> ml_collections.ConfigDict:
    preset = presets.preset(arg)
    c = ml_collections.ConfigDict({"experiment": "loss_to_zero", "preset": preset})
    c.seeds = (0, 1) if preset == "quick" else (0, 1, 2, 3, 4)
    c.worlds = ((16, 4, 8), (32, 4, 8), (16, 8, 4))  # (S, R, D); a program for each
    c.facts = ("random", "structured")
    c.methods = ("flow", "descent")
    c.init, c.init_scales = "paper", (0.1, 0.01, 0.001)
    c.noise, c.length = 20, 32  # noise tokens |N|; tokens T of a sequence
    c.learning_rate = 0.1  # of descent; the flow has none
    c.duration, c.doublings = 50.0, 11  # learning rate x steps: 1e5 in all
    if preset == "quick":
        c.worlds, c.doublings = c.worlds[:1], 7
    return c

r"""A one-layer transformer stores ~ .15 facts a parameter (Figure 4, left; 7 to 9).

25 shapes at each width d: H = 8 heads of d_h = int(alpha d / H), m = int(beta d) hidden
units. There are as many subjects S as relations R, each of D = 8 answers; for other
numbers --config.world="R=sqrt(S)", "S=R^2" or "D=S".

Times: quick 53 s; cpu 32 min beside other work, 24 min of two cores.

    python -m recall.main --config=configs/recall_capacity.py --workdir=runs/recall
"""

import ml_collections

from recall.sweeps import presets

WIDTHS = (8, 11, 16, 22, 32, 45, 64, 90, 128, 181)


def get_config(arg: str | None = None) -> ml_collections.ConfigDict:
    preset = presets.preset(arg)
    c = presets.recall_sweep("recall_capacity", preset)
    c.d = {"quick": (8, 16), "cpu": (8, 16, 32)}.get(preset, WIDTHS)
    ratios = {"quick": (1.0,), "cpu": (4.0, 1.0, 0.25)}
    # H d_h / d and m / d.
    c.alphas = c.betas = ratios.get(preset, (4.0, 2.0, 1.0, 0.5, 0.25))
    c.heads = 8
    # Larger ones are left out: time grows like parameters x facts.
    c.max_parameters = {"quick": 2000, "cpu": 6200}.get(preset, 10**6)
    c.size_max = 512  # S = R; a transformer that stores as many is censored
    c.thresholds = (0.99,)  # fraction of the facts, the paper's
    c.update(search={"method": "grow+bisect", "opening": 0.8, "headroom": 1.2})
    return c

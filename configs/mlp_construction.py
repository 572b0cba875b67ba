r"""An MLP built by hand stores ~ m d facts, far fewer than a trained one (Theorem 2).

Hermite duals of degree k need m d ~ N ln N, d^(k + 2) well above N ln N, and a width
that grows with k; any activation whose slope has a component h_k serves. Sign gates and
readouts of random or fitted features are measured beside them.

Times: quick 11 s; cpu 20 min, beside other work.

    python -m recall.main --config=configs/mlp_construction.py --workdir=runs/built
"""

import ml_collections

from recall.sweeps import presets

MEMORIES = (
    *("gated_hermite", "hermite", "sign_gates", "bilinear", "relu_features"),
    *("hebbian", "data_dependent"),
)
QUICK = ("hermite", "sign_gates", "bilinear", "data_dependent")
OTHERS = (  # activation, degree k
    *(("relu", 0), ("relu", 1), ("relu", 3), ("gelu", 1), ("silu", 1), ("abs", 1)),
    *(("tanh", 0), ("tanh", 2), ("sin", 0), ("sin", 2)),
)


def get_config(arg: str | None = None) -> ml_collections.ConfigDict:
    preset = presets.preset(arg)
    c = presets.construction_sweep("mlp_construction", preset)
    quick = preset == "quick"
    c.seeds = tuple(range(25 if preset == "" else 5))
    c.memories = QUICK if quick else MEMORIES
    c.d = (16, 32) if quick else (16, 32, 64)
    c.ratios = (4, 8) if quick else (2, 4, 8, 16, 32, 64)  # m / d, m = 2 m0
    c.degrees = (0, 1, 2) if quick else (0, 1, 2, 3)
    c.others = OTHERS[1:2] if quick else OTHERS
    c.other_ratio = 8  # m / d of the others
    c.gates = (1, 4) if quick else (1, 2, 4, 8)  # G, of m = G (d + 1) units
    c.feature_ratios = (1, 4) if quick else (1, 2, 4, 8)  # m / d
    # Largest m d: a readout solves a system of m unknowns at every size that is tried.
    c.max_feature_weights = {"quick": 2**11, "cpu": 2**13}.get(preset, 2**15)
    c.num_outputs = (0,)  # one for each fact
    c.thresholds = (0.99,) if quick else (0.99, 1.0)
    return c

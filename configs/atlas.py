r"""Every memory on one pair of axes: facts against parameters, bits per parameter.

Constructions hold .02 to .25 bits a parameter, convex fits 1.1 to 2, trained MLPs 1.8
to 2.4. Each is drawn with its range over seeds, beside the laws of theory.

Times: quick 43 s; cpu 18 min, beside other work.

    python -m recall.main --config=configs/atlas.py --workdir=runs/atlas
"""

import ml_collections

from recall.sweeps import presets


def get_config(arg: str | None = None) -> ml_collections.ConfigDict:
    preset = presets.preset(arg)
    quick, full = preset == "quick", preset == ""
    c = ml_collections.ConfigDict({"experiment": "atlas", "preset": preset})
    c.seeds = (0, 1, 2, 3, 4)
    c.parts = ("linear", "built", "separable", "weights")  # configs, as fields below
    c.parts += () if quick else ("constructed", "mlp", "transformer")
    c.linear = presets.config("linear_capacity", preset)
    c.linear.d = (16, 32) if quick else (16, 32, 64, 128) if full else (16, 32, 64)
    c.linear.thresholds = (1.0,)  # all facts, as bits per parameter ask for
    c.built = presets.config("mlp_construction", "quick")  # its own cpu: 20 min
    c.built.d, c.built.thresholds = (16,) if quick else (16, 32, 64), (1.0,)
    c.built.degrees, c.built.others = (1,), ()
    c.separable = presets.config("separability", "cpu")
    c.separable.memories = ("linear", "sign_gates")
    c.separable.d = c.linear.d
    c.separable.feature_d = (16,) if quick else (16, 32)
    c.weights = presets.config("memory_weights", "cpu")
    c.weights.methods = ("sign_gates", "alternating", "data_dependent")
    cells = ((16, 64), (16, 128), (32, 256), (32, 512))  # (d, facts)
    c.weights.cells = cells[:1] if quick else cells if full else cells[:3]
    c.constructed = presets.config("constructions", "quick")
    c.mlp = presets.config("mlp_capacity", preset)
    sizes = ((16, 16), (16, 32), (32, 32))  # (d, m)
    c.mlp.sizes = sizes if full else sizes[:2]
    c.mlp.num_outputs, c.mlp.thresholds = (0,), (1.0,)  # 0: an output for each fact
    c.mlp.activations = ("relu", "tanh", "sin")
    c.transformer = presets.config("recall_capacity", preset)
    c.transformer.d = (16, 32) if full else (16,)
    c.transformer.alphas = (1.0,)  # H d_h / d
    c.transformer.betas = (4.0, 1.0)  # m / d
    return c

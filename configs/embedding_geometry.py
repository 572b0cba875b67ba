r"""Capacity falls with the coherence of embeddings; whitening gives most of it back.

Second moments of the embeddings predict the facts of an outer product; whitened and
trained memories store nearly as many as random embeddings allow. This is open question
1 of the paper. As to its remark on orthogonal embeddings: a union of orthonormal bases
stores more than random points.

Times: quick 11 s; cpu 8 min of one core.

    python -m recall.main --config=configs/embedding_geometry.py --workdir=runs/geometry
"""

import ml_collections

from recall.sweeps import presets

FEW = ("sphere", "power_law:1", "shared_mean:0.7")
SOME = (
    *("sphere", "gaussian", "orthonormal_blocks", "power_law:1", "unit:power_law:1"),
    *("shared_mean:0.3", "shared_mean:0.7", "low_rank:8", "mixture:8:0.7"),
)
ALL = (
    *("sphere", "gaussian", "orthonormal_blocks"),
    *(f"power_law:{a}" for a in ("0.25", "0.5", "1", "2")),
    *(f"unit:power_law:{a}" for a in ("0.25", "0.5", "1", "1.5", "2")),
    *(f"shared_mean:{mu}" for mu in ("0.1", "0.2", "0.3", "0.5", "0.7", "0.9")),
    *("low_rank:16", "low_rank:32", "low_rank:16:0.2"),
    *("mixture:4:0.5", "mixture:16:0.5", "mixture:16:0.8"),
    *("shared_mean:0.7>sphere", "sphere>shared_mean:0.7"),
    *("unit:power_law:1>sphere", "sphere>unit:power_law:1"),
)


def get_config(arg: str | None = None) -> ml_collections.ConfigDict:
    preset = presets.preset(arg)
    quick = preset == "quick"
    c = ml_collections.ConfigDict({"experiment": "embedding_geometry"})
    c.preset = preset
    c.seeds = (0, 1, 2, 3, 4)
    c.threshold = 0.99  # fraction of the facts, in what second moments predict
    c.num_points = 1024  # points of a geometry whose coherence is measured
    c.parts = ("built",) if quick else ("built", "trained", "exact", "mlp")
    c.parts += () if quick else ("transformer",)  # configs, as fields below
    c.built = presets.config("linear_capacity", preset)
    c.built.memories = ("outer_product", "whitened", "centred")
    c.trained = presets.config("linear_capacity", preset)
    c.trained.memories = ("linear",)
    c.exact = presets.config("separability", preset)
    c.exact.memories = ("linear",)
    c.mlp = presets.config("mlp_capacity", preset)
    c.mlp.sizes, c.mlp.num_outputs = ((16, 16),), (0,)  # (d, m); 0: as many as facts
    c.transformer = presets.config("recall_capacity", "quick")  # its cpu: 32 min
    for part in (c.built, c.trained, c.mlp, c.transformer):
        part.thresholds = (0.99,)
    c.built.geometries = FEW + SOME[1:3] if quick else ALL
    c.trained.geometries = c.exact.geometries = c.mlp.geometries = SOME
    c.transformer.geometries, c.transformer.d = FEW, (16,)
    full = preset == ""
    c.built.d, c.trained.d, c.exact.d = (64,), (64,) if full else (32,), (32,)
    return c

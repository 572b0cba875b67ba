r"""One transformer learns 1,024 facts and is asked (the task of Figure 2).

The model is saved beside its curves, and answers prompts with its favourites.

Times: quick 10 s; 15 s.

python -m recall.main --config=configs/recall_train.py --workdir=runs/train
bash scripts/ask.sh "s3 r5" --workdir=runs/train
"""

import ml_collections

from recall.sweeps import presets


def get_config(arg: str | None = None) -> ml_collections.ConfigDict:
    preset = presets.preset(arg)
    c = presets.recall_sweep("recall_train", preset)
    c.d, c.heads, c.head_dim, c.m, c.size = 32, 16, 8, 112, 32  # size: S = R
    if preset == "quick":
        c.d, c.heads, c.head_dim, c.m, c.size = 16, 4, 4, 32, 10
    c.seeds = (0,)
    c.threshold = 1.0  # fraction of the facts at which training ends
    c.table = ""  # a file of your own facts: a line per subject, an answer per relation
    c.update(search={"method": "single", "opening": 1.0, "headroom": 1.0})
    return c

r"""Facts are learned in stages: first p(answer | relation), a hallucination (Figure 5).

With S = 16 subjects, R = 4 relations and D = 8 answers each, the relation-only loss
halves near step 1,684, the loss stays within .1 of ln 8 for steps 1,920 to 3,904, and
falls below ln 8 / 2 near step 4,376. Theory has these times as integrals
(recall/theory/stages.py).

Times: 12 s for five seeds, 7 s for one, of which 3 s training.

    python -m recall.main --config=configs/sequential_learning.py --workdir=runs/stages
"""

import ml_collections

from recall.sweeps import presets


def get_config(arg: str | None = None) -> ml_collections.ConfigDict:
    preset = presets.preset(arg)
    c = presets.stages("sequential_learning", preset)
    c.subjects, c.relations, c.answers = 16, 4, 8
    c.structured = True  # a subject has the same answer in each relation's own eight
    c.learning_rate = 0.1  # times of stages are learning rate x steps
    c.num_steps = 8192
    if preset == "quick":
        c.init_scale, c.num_steps = 1e-2, 3072
    if preset != "":
        c.seeds = (0,)
    return c

r"""The stage of hallucination is made by small weights and plain gradient descent.

Facts take 2.6 times the steps of relations under gradient descent, 1.8 under Muon, 1.4
under Adam and 1.3 under sign descent, which have no plateau, and 21 with softmax
attention. A transformer keeps a short stage even under Adam. Theory agrees within 7 %:
flows of six variables (recall/theory/stages.py), training of eight
(recall/theory/reduced.py).

Times: 4.5 min of one core.

    python -m recall.main --config=configs/stage_optimizer.py --workdir=runs/stage_opt
"""

import ml_collections

from recall.sweeps import presets


def get_config(arg: str | None = None) -> ml_collections.ConfigDict:
    preset = presets.preset(arg)
    c = presets.stages("stage_optimizer", preset)
    del c.attention, c.init, c.init_scale, c.optimizer
    c.subjects, c.relations, c.answers, c.structured = 16, 4, 8, True
    c.d = 128  # where embeddings are not one-hot
    c.heads, c.head_dim, c.m = 4, 8, 0  # of transformers
    c.check_every = 8  # steps
    # Model, attention, embedding, optimizer, learning rate, initial scale, steps.
    c.cases = (
        ("simplified", "linear", "onehot", "sgd", 0.1, 1e-5, 8192),
        ("simplified", "linear", "onehot", "flow", 0.1, 1e-5, 8192),
        ("simplified", "linear", "onehot", "momentum", 0.01, 1e-5, 8192),
        ("simplified", "linear", "onehot", "adam", 1e-3, 1e-5, 4096),
        ("simplified", "linear", "onehot", "sign", 1e-3, 1e-5, 4096),
        ("simplified", "linear", "onehot", "muon", 5e-3, 1e-5, 8192),
    )
    if preset != "quick":
        c.cases += (
            ("simplified", "softmax", "onehot", "sgd", 1.0, 1e-5, 16384),
            ("simplified", "softmax", "onehot", "momentum", 0.1, 1e-5, 16384),
            ("simplified", "softmax", "onehot", "adam", 1e-2, 1e-5, 4096),
            ("simplified", "softmax", "onehot", "sign", 1e-3, 1e-5, 4096),
            ("simplified", "softmax", "onehot", "muon", 5e-3, 1e-5, 8192),
            ("simplified", "linear", "sphere", "sgd", 0.02, 1e-5, 16384),
            ("simplified", "softmax", "sphere", "sgd", 1.0, 1e-5, 8192),
            ("simplified", "softmax", "sphere", "adam", 1e-3, 1e-5, 4096),
            ("transformer", "softmax", "sphere", "sgd", 1.0, 1.0, 4096),
            ("transformer", "softmax", "sphere", "sgd", 1.0, 0.1, 8192),
            ("transformer", "softmax", "sphere", "adam", 1e-3, 1.0, 4096),
        )
    if preset == "quick":
        c.seeds = (0,)
    if preset == "cpu":
        c.seeds = (0, 1, 2, 3, 4)
    return c

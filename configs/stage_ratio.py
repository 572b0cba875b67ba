r"""The stage of hallucination needs many subjects a relation: a map over S / R.

It lasts from the time of relations, about ln(2 / alpha) R sqrt(D) / sqrt(1 - 1/R), to
that of facts, about ln(2 / alpha) S sqrt(R) / sqrt(1 - 1/D), for weights of scale alpha
at first; there is none where the two are equal. Times are learning rate x steps.
Theorem 6 of the paper is related. Over 50 settings of 5 seeds (`:cpu`) all times are
within 2.1 % of theory.

Times: cpu 3.5 min.

    python -m recall.main --config=configs/stage_ratio.py --workdir=runs/stage_ratio
"""

import ml_collections

from recall.sweeps import presets


def get_config(arg: str | None = None) -> ml_collections.ConfigDict:
    preset = presets.preset(arg)
    c = presets.stages("stage_ratio", preset)
    c.ratios = (0.25, 0.5, 1, 2, 4, 8, 16, 32, 64)  # S / R
    c.relations, c.answers = (2, 4, 8, 16), (2, 4, 8)
    c.max_subjects = 512  # time of a step grows in proportion
    c.base = (16, 4, 8)  # S, R, D beside which scales and noise are varied
    c.scales = (1e-1, 1e-2, 1e-3, 1e-4, 1e-6, 1e-7)  # of all weights at first
    c.noise_sizes = (5, 10, 40, 80, 160)  # noise tokens in all
    # A rate is chosen so that theory expects each stage after these steps or more.
    c.steps_to_relation, c.steps_to_facts, c.checks = 384, 3072, 1
    if preset != "":
        c.relations, c.answers = (2, 4, 16), (2, 8)
        c.max_subjects = 256
    if preset == "quick":
        c.ratios, c.scales, c.noise_sizes = (0.5, 2, 8), (1e-1, 1e-3), (80,)
        c.relations, c.seeds = (4,), (0,)
        c.steps_to_relation, c.steps_to_facts = 128, 1024
        c.check_every = 16
    return c

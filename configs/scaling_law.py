r"""Loss falls with a memory's bits as fast as bits allow: B^(1 - alpha) of Zipf facts.

Facts have probabilities p(x) ~ x^-alpha and independent, uniform answers out of M
(Theorem 7 of the paper, section 5). Theory: weights of B bits lose at least ln M times
the probability of all but the B / log2 M most frequent facts, a slope of 1 - alpha.
Measured with `:cpu`: MLPs of 3 to 4 bits a weight, trained on the most frequent facts
alone, fall like B^-.57 at alpha = 1.5 and B^-.96 at 2, where the bound falls like
B^-.65 and B^-1.07 at the same bits; they use a quarter of their bits. MLPs of P weights
of 32 bits, trained on all facts, fall like P^-.54 and P^-.82.

Times: quick 29 s; cpu 8 min of one core.

    python -m recall.main --config=configs/scaling_law.py --workdir=runs/scaling_law
"""

import ml_collections

from recall.sweeps import presets


def get_config(arg: str | None = None) -> ml_collections.ConfigDict:
    preset = presets.preset(arg)
    c = ml_collections.ConfigDict({"experiment": "scaling_law", "preset": preset})
    c.seeds = (0, 1, 2, 3, 4)
    c.alphas = (1.5, 2.0)  # exponents of the law of frequencies
    c.facts, c.outputs = 16384, 32  # time of a step grows in proportion to facts
    c.ways = ("trained", "trained_top", "outer_product", "outer_product_top")
    c.linear = ml_collections.ConfigDict({"d": (8, 11, 16, 23, 32)})
    c.mlp = ml_collections.ConfigDict(
        {"d": 16, "m": (8, 16, 32, 64, 128), "activation": "relu"}
    )
    c.trained = ml_collections.ConfigDict(
        {
            "linear_rates": (0.3, 1.0, 10.0),  # learning rates; the best run counts
            "mlp_rates": (0.03, 0.1, 0.3),
            "powers": (1.0,),  # facts weigh p^power in the loss
            "num_steps": 2048,
        }
    )
    c.trained_top = ml_collections.ConfigDict(
        {
            "linear_rates": (3.0, 10.0),
            "mlp_rates": (0.03, 0.1),
            # Facts that are trained, for each parameter; the best number counts.
            "linear_shares": (0.07, 0.1, 0.14, 0.2, 0.24, 0.28, 0.34),
            "mlp_shares": (0.14, 0.2, 0.28, 0.34, 0.4, 0.46),
            "powers": (0.5, 1.0),
            "num_steps": 4096,
        }
    )
    c.outer_product = {
        "powers": (0.0, 0.25, 0.5, 0.75, 1.0),
        "shares": (0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.14, 0.2),
    }
    c.bits = (2, 3, 4, 6, 8, 16)  # a weight, rounded after training
    c.loop_bits = (2, 3, 4)  # a weight, rounded in each step of further training
    c.loop_steps = 512  # of that
    if preset:
        c.facts = 8192
        c.mlp.m = (8, 11, 16, 23, 32, 45)
        c.trained.linear_rates, c.trained.mlp_rates = (1.0, 10.0), (0.1, 0.3)
        c.trained.num_steps, c.trained_top.num_steps = 1024, 2048
        c.trained_top.linear_shares = (0.1, 0.14, 0.2, 0.28)
        c.trained_top.mlp_shares = (0.2, 0.28, 0.34, 0.4)
        c.trained_top.powers = (0.5,)
        c.loop_steps = 256
    if preset == "quick":
        c.facts, c.seeds = 2048, (0, 1)
        c.linear.d, c.mlp.m = (8, 11, 16), (8, 11, 16)
        c.trained.num_steps, c.trained_top.num_steps = 256, 512
        c.bits, c.loop_steps = (2, 4, 8), 64
    return c

r"""Facts of the world, countries and their capitals, are stored as random ones are.

Which real facts a transformer, a construction or an associative memory stores, at what
size, beside random facts of the same numbers; what relations that share answers break;
what a model answers before it has heard the subject. Needs the extra `real`.

Times: quick 36 s; cpu 10 min of one core.

    python -m recall.main --config=configs/real_facts.py --workdir=runs/real_facts
    bash scripts/ask.sh "capital of France?" --workdir=runs/real_facts
"""

import ml_collections
from ml_collections import config_dict

from configs import common

WIDTHS = (*range(12, 41, 4), *range(48, 97, 16), *range(128, 321, 32))
RELATIONS = (
    *("capital", "continent", "currency", "language 1", "top-level domain"),
    *("neighbour 1", "neighbour 2"),
)
UNITS = (48, 56, 64, 72, 80, 88, 96, 104, 112, 120, 128, 144, 160, 192, 224, 256)
GATES = (4, 6, 8, 10, 12, 14, 16, 18, 20, 24, 28, 32)


def get_config(arg: str | None = None) -> ml_collections.ConfigDict:
    preset = common.preset(arg)
    c = ml_collections.ConfigDict({"experiment": "real_facts", "preset": preset})
    c.seeds = (0, 1, 2, 3, 4)
    c.facts = {
        "source": "countries",  # or "cities", a file of JSON lines, a folder of them
        "relations": RELATIONS,  # () for all
        "several": "numbered",
        "on_conflict": "error",
        "limit": 0,
        "model": "minilm",  # whose word pieces embed names; "" for none
    }
    c.noise = 32
    trained = ("sphere", "", 0, WIDTHS, 32, 2048)
    memory = ("sum", 32, UNITS, 88, 2048)
    bilinear = ("sphere", "sum", 32, UNITS, 56, 150)
    c.cases = (  # method, facts, embedding, keys, d, sizes, claim, budget
        ("trained", "real", *trained),
        ("gates", "real", "sphere", "", 40, GATES, 8, 3),
        ("bilinear", "real", *bilinear),
        ("mlp", "real", "sphere", *memory),
        ("mlp", "synthetic", "sphere", *memory),
        ("mlp", "real", "names", *memory),
        ("mlp", "real", "names_centred", *memory),
        ("trained", "synthetic", *trained),
        ("trained", "real", "names_centred", *trained[1:]),
        ("bilinear", "synthetic", *bilinear),
    )
    if preset == "":  # minutes a seed
        wide = ("copies", "sphere", "", 0, WIDTHS, 192, 3)
        c.cases += (
            ("codes", *wide),
            ("codes", "real", *wide[1:]),
            ("linear", "copies", "sphere", "sum", *wide[3:]),
            ("linear", "copies", "sphere", "concatenated", *wide[3:]),
        )
    else:
        c.facts.update(relations=RELATIONS[:4] + RELATIONS[5:])
    c.model = {
        **{"width": 32, "heads": 32, "head_dim": 8, "hidden": 128},
        **{"threshold": 1.0, "seeds": (0,)},
    }
    c.reads = {"length": 32, "layout": "grid", "batch": 512, "share": 32, "checks": 4}
    c.recipe = "decay"
    c.training = {
        "learning_rates": (0.01,),
        "num_steps": 2048,
        "check_every": 128,
        "cosine": config_dict.placeholder(bool),
        "certificate": config_dict.placeholder(float),
        "patience": config_dict.placeholder(int),
    }
    c.stages = {
        "prompts": (("currency", "Switzerland"), ("language 1", "Brazil")),
        "init_scale": 1e-2,
        "learning_rate": 1.0,
        "num_steps": 5120,
        "check_every": 64,
    }
    if preset == "quick":
        c.seeds = (0,)
        c.facts.update(limit=64)
        c.cases = (
            ("trained", "real", "sphere", "", 0, WIDTHS, 16, 1024),
            ("gates", "real", "sphere", "", 24, GATES, 6, 2),
            ("mlp", "real", "sphere", "sum", 16, UNITS, 56, 1024),
        )
        c.model.update(heads=16, hidden=64)
        c.training.update(num_steps=512)
        prompts = (("currency", "Switzerland"),)
        c.stages.update(prompts=prompts, num_steps=1024, check_every=32)
    return c

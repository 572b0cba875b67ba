r"""Facts of the world, countries and their capitals, are stored as random ones are.

Transformers, constructions and associative memories are about as large for real facts
as for random ones of the same counts. Also measured: relations that share answers, and
a model's answers before it attends to the subject. Needs the extra `real`.

Times: quick 36 s; cpu 10 min of one core.

    python -m recall.main --config=configs/real_facts.py --workdir=runs/real_facts
    bash scripts/ask.sh "capital of France?" --workdir=runs/real_facts
"""

from typing import Any

import ml_collections
from ml_collections import config_dict

from recall.sweeps import presets

WIDTHS = (*range(12, 41, 4), *range(48, 97, 16), *range(128, 321, 32))
RELATIONS = (
    *("capital", "continent", "currency", "language 1", "top-level domain"),
    *("neighbour 1", "neighbour 2"),
)
UNITS = (48, 56, 64, 72, 80, 88, 96, 104, 112, 120, 128, 144, 160, 192, 224, 256)
GATES = (4, 6, 8, 10, 12, 14, 16, 18, 20, 24, 28, 32)


def get_config(arg: str | None = None) -> ml_collections.ConfigDict:
    preset = presets.preset(arg)
    c = ml_collections.ConfigDict({"experiment": "real_facts", "preset": preset})
    c.seeds = (0, 1, 2, 3, 4)
    c.facts = {
        "source": "countries",  # or "cities", a file of JSON lines, a folder of them
        "relations": RELATIONS,  # () for all
        "several": "numbered",  # a second answer is a relation of its own
        "on_conflict": "error",  # or "first", "last": the answer that counts
        "limit": 0,  # subjects; 0 for all
        "model": "minilm",  # whose word pieces embed names; "" for none
    }
    c.noise = 32  # noise tokens in all
    trained = _case("trained", sizes=WIDTHS, claim=32, budget=2048)
    gates = _case("gates", d=40, sizes=GATES, claim=8, budget=3)
    bilinear = _case("bilinear", keys="sum", d=32, sizes=UNITS, claim=56, budget=150)
    memory = _case("mlp", keys="sum", d=32, sizes=UNITS, claim=88, budget=2048)
    codes = _case("codes", facts="copies", sizes=WIDTHS, claim=192, budget=3)
    linear = codes | {"method": "linear"}
    c.cases = (
        *(trained, gates, bilinear, memory),
        memory | {"facts": "synthetic"},
        memory | {"embedding": "names"},
        memory | {"embedding": "names_centred"},
        trained | {"facts": "synthetic"},
        trained | {"embedding": "names_centred"},
        bilinear | {"facts": "synthetic"},
    )
    if preset == "":  # minutes a seed
        c.cases += (codes, codes | {"facts": "real"})
        c.cases += tuple(linear | {"keys": keys} for keys in ("sum", "concatenated"))
    else:
        c.facts.update(relations=RELATIONS[:4] + RELATIONS[5:])
    c.model = {  # a transformer that is kept, to be asked by name
        **{"width": 32, "heads": 32, "head_dim": 8, "hidden": 128},
        **{"threshold": 1.0, "seeds": (0,)},  # fraction of the facts; (): no model
    }
    # Tokens of a sequence; facts a step, facts in a noise context, contexts of a check.
    c.reads = {"length": 32, "layout": "grid", "batch": 512, "share": 32, "checks": 4}
    c.recipe = "decay"
    c.training = {  # of the model; None keeps what the recipe says
        "learning_rates": (0.01,),
        "num_steps": 2048,
        "check_every": 128,
        "cosine": config_dict.placeholder(bool),
        "certificate": config_dict.placeholder(float),
        "patience": config_dict.placeholder(int),
    }
    c.stages = {
        "prompts": (("currency", "Switzerland"), ("language 1", "Brazil")),
        "init_scale": 1e-2,  # all weights at first: small ones make stages
        "learning_rate": 1.0,  # of plain gradient descent
        "num_steps": 5120,  # 0: no stages
        "check_every": 64,  # steps
    }
    if preset == "quick":
        c.seeds = (0,)
        c.facts.update(limit=64)
        c.cases = (
            trained | {"claim": 16, "budget": 1024},
            gates | {"d": 24, "claim": 6, "budget": 2},
            memory | {"d": 16, "claim": 56, "budget": 1024},
        )
        c.model.update(heads=16, hidden=64)
        c.training.update(num_steps=512)
        prompts = (("currency", "Switzerland"),)
        c.stages.update(prompts=prompts, num_steps=1024, check_every=32)
    return c


def _case(method: str, **fields: Any) -> dict[str, Any]:
    """Returns a kind of memory whose smallest size is searched, of real facts."""
    return {
        "method": method,
        "facts": "real",  # "copies": answers for each relation; "synthetic": at random
        "embedding": "sphere",  # or "names" and "names_centred", from a language model
        "keys": "",  # of an associative memory: "sum" or "concatenated"
        "d": 0,  # width of the embeddings; 0 where it is the size
        "sizes": (),  # in rising order
        "claim": 0,  # the size that is tried first
        "budget": 0,  # steps of training, sweeps or cycles of descent
    } | fields

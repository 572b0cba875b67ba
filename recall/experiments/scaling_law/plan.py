"""Loss of memories of Zipf facts against their parameters and their bits."""

import functools
import itertools
from typing import Any

from recall.experiments.scaling_law import lanes as zipf_lanes
from recall.experiments.scaling_law import measure
from recall.memories import mlp
from recall.sweeps import fields, packing
from recall.sweeps.batch import Plan

MEMORIES = ("linear", "mlp")


def plan_of(config: Any) -> Plan:
    """Plans a batch for each size and method, the cheapest first.

    Raises:
        ValueError: naming a field that is wrong, its value, and what is allowed.
    """
    facts = fields.integer("facts", config.facts, 2)
    # "loop" fields are of quantization-aware training (QAT), "bits" of PTQ.
    lane = functools.partial(
        zipf_lanes.ZipfLane,
        facts=facts,
        outputs=fields.integer("outputs", config.outputs, 2, facts),
        bits=fields.integers("bits", config.bits, 2, 16),
        loop_steps=fields.integer("loop_steps", config.loop_steps, 1),
    )
    methods = fields.each("ways", config.ways, zipf_lanes.METHODS)
    alphas = fields.numbers("alphas", config.alphas, "(0, inf)")
    seeds = fields.seeds("seeds", config.seeds)
    sizes = [size for memory in MEMORIES for size in _sizes(config, memory)]
    if not sizes:
        raise ValueError("Expected sizes of linear.d or mlp.m; got none.")
    batches = []
    for size, method in itertools.product(sizes, methods):
        if method.startswith("outer_product") and size["memory"] != "linear":
            continue  # an MLP has no such construction
        model = size | _tries(config, size["memory"], method)
        lanes = [lane(**model, alpha=a, seed=s) for a in alphas for s in seeds]
        batches.append(measure.ZipfBatch(lanes=tuple(lanes)))
    batches.sort(key=lambda batch: batch.about().core_seconds)
    return packing.plan(batches)


def _sizes(config: Any, memory: str) -> list[dict[str, Any]]:
    """Reads the sizes of a memory."""
    section = config[memory]  # () leaves a memory out; `integers` takes no empty list
    if memory == "linear":
        widths = section.d and fields.integers("linear.d", section.d, 1)
        return [
            {"memory": memory, "d": d, "m": 0, "activation": ""} for d in widths or ()
        ]
    activations = sorted(mlp.ACTIVATIONS)
    same = {
        "memory": memory,
        "activation": fields.pick("mlp.activation", section.activation, activations),
        "d": fields.integer("mlp.d", section.d, 1),
    }
    units = section.m and fields.integers("mlp.m", section.m, 1)
    return [same | {"m": m} for m in units or ()]


def _tries(config: Any, memory: str, method: str) -> dict[str, Any]:
    """Reads the values among which a method picks the best for its memory."""
    built = method.startswith("outer_product")
    name = "outer_product" if built else method
    section, ratios = config[name], ()
    if method.endswith("top"):  # knows some facts alone: so many for each parameter
        field = "shares" if built else f"{memory}_shares"
        ratios = fields.numbers(f"{name}.{field}", section[field], "(0, inf)")
    powers = fields.numbers(f"{name}.powers", section.powers, "[0, inf)")
    tries: dict[str, Any] = {"way": method, "shares": ratios, "powers": powers}
    if built:  # one try a power: nothing is trained, so nothing is trained further
        return tries | {"learning_rates": (0.0,), "num_steps": 1, "loop_bits": ()}
    rates = f"{memory}_rates"
    return tries | {
        "learning_rates": fields.numbers(f"{name}.{rates}", section[rates], "(0, inf)"),
        "num_steps": fields.integer(f"{name}.num_steps", section.num_steps, 1),
        "loop_bits": fields.integers("loop_bits", config.loop_bits, 2, 16),
    }

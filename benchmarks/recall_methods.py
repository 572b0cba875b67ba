"""Search methods and recipes for one-layer transformers, on the same worlds.

Prints for each the facts stored by every seed at 99 %, the steps of all lanes, and the
bias against the first line: fresh starts of the published recipe, three rates of
16,384 steps each.

    python -m benchmarks.recall_methods [--seeds 5] [--d 16]
"""

import argparse
from statistics import mean, median

from benchmarks import methods
from configs import recall_capacity as config_file
from recall.experiments.transformer_capacity import capacity as recall_capacity
from recall.runs import setup

VARIANTS = {
    "published, bisect": {"recipe": "published", "search.method": "bisect"},
    "published, grow": {"recipe": "published", "search.method": "grow"},
    "published, grow+bisect": {"recipe": "published"},
    "decay, bisect": {"search.method": "bisect"},
    "decay, grow": {"search.method": "grow"},
    "decay, grow+bisect (default)": {},
    "default, sin": {"activation": "sin"},
    "default, trained embeddings": {"train_embeddings": True},
}


def searches_of(changes: dict, seeds: int, d: int) -> list:
    config = config_file.get_config("quick")
    config.update_from_flattened_dict(
        {"d": (d,), "seeds": tuple(range(seeds)), "max_parameters": 10**6, **changes}
    )
    return recall_capacity.work(config)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--d", type=int, default=16)
    parser.add_argument("--only", nargs="+", default=list(VARIANTS))
    args = parser.parse_args()
    setup.configure(compile_cache=True)
    reference: dict = {}
    for name in args.only:
        stored, seconds, steps = methods.run(
            searches_of(VARIANTS[name], args.seeds, args.d)
        )
        reference = reference or stored
        bias = mean(stored[lane] / max(reference[lane], 1) - 1 for lane in stored)
        facts = [stored[lane] for lane in sorted(stored)]
        print(
            f"{name}: {seconds:.0f} s, {steps // len(stored):,} steps a lane, mean "
            f"bias {bias:+.1%}, median {median(facts):g} facts, {facts}",
            flush=True,
        )


if __name__ == "__main__":
    main()

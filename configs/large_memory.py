r"""Memories of more facts than a device can hold the scores of.

Facts and outputs are spread over P devices (recall/experiments/large_memory/ring.py):
each holds N / P of them and the scores of a chunk, so that its memory grows like
N d / P. The full grid trains 80,000 facts at d = 1024 and constructs memories of up to
a million, on one accelerator or more.

Times: quick 19 s; cpu 3 min.

    python -m recall.main --config=configs/large_memory.py --workdir=runs/large_memory
"""

import ml_collections

from recall.sweeps import presets


def get_config(arg: str | None = None) -> ml_collections.ConfigDict:
    preset = presets.preset(arg)
    c = ml_collections.ConfigDict({"experiment": "large_memory", "preset": preset})
    c.memories = (  # memory, d, hidden units (0: none), facts
        *(("outer_product", 1024, 0, n) for n in (25_000, 50_000, 100_000)),
        *(("outer_product", 4096, 0, n) for n in (250_000, 500_000, 1_000_000)),
        *(("linear", 1024, 0, n) for n in (60_000, 70_000, 80_000)),
        ("mlp", 512, 1024, 80_000),
    )
    c.seeds = (0,)
    c.parts = (0,)  # devices that hold a memory; 0: all
    c.chunk = 4096  # facts scored at once: 4 bytes x chunk x N / P on each device
    if preset == "cpu":
        built, trained = (1000, 2000, 4000, 8000), (500, 600)
        c.memories = (
            *(("outer_product", 256, 0, n) for n in built),
            *(("linear", 64, 0, n) for n in trained),
            ("mlp", 32, 32, 400),
        )
        c.parts, c.chunk = (1, 2), 1024
        c.seeds = (0, 1, 2, 3, 4)
    if preset == "quick":
        c.memories = (
            *(("outer_product", 64, 0, n) for n in (100, 200, 400, 800)),
            *(("linear", 32, 0, n) for n in (140, 170, 200)),
            ("mlp", 16, 32, 300),
        )
        c.parts, c.chunk = (1, 2), 128
    c.embedding, c.activation = "sphere", "relu"
    c.num_steps = {
        "linear": 2048,
        "mlp": 8192,
    }  # at most: a memory that recalls all ends
    c.learning_rates = {"linear": 10.0, "mlp": 0.03}  # of Adam, decaying to zero
    c.check_every = 32  # steps between counts, which also save the state
    return c

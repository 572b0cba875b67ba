# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # How many facts fit into a memory?
#
# A fact is an arrow x -> f(x). Inputs and outputs have random embeddings e_x and u_y in
# d dimensions; a memory is a map F, and the answer to x is the y whose u_y has the
# largest inner product with F(e_x). This notebook stores facts in a matrix, recalls
# them, breaks the memory, and measures where it breaks.
#
# It takes about half a minute on one CPU core. On a GPU or a TPU nothing changes: JAX
# uses what there is (on Colab: *Runtime, Change runtime type*, before the first cell).

# %%
# On Colab this installs recall and what Colab lacks; elsewhere it does nothing. It
# leaves Colab's own JAX, which fits Colab's accelerators, where it is.
import subprocess
import sys

REPOSITORY = "OWNER/recall"  # see notebooks/README.md
if "google.colab" in sys.modules:
    source = f"git+https://github.com/{REPOSITORY}"
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", source], check=True)

# %%
import pathlib

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

from configs import atlas, linear_capacity
from recall import embeddings, experiments, facts, plotting, readout
from recall.memories import linear
from recall.runs import planning, setup
from recall.store import csv_files
from recall.theory import laws

setup.configure(compile_cache=True)  # devices, float32 throughout, programs kept
plt.rcParams.update(
    plotting.RC | {"axes.prop_cycle": plt.cycler(color=plotting.PALETTE)}
)
# %matplotlib inline
jax.local_devices()

# %% [markdown]
# ## A memory in ten lines
#
# The outer product W = sum_x u_f(x) e_x^T, Theorem 1 of [Nichani, Lee,
# Bietti](https://arxiv.org/abs/2412.06538): 60 facts in a 64 x 64 matrix.

# %%
d = 64
key_in, key_out = jax.random.split(jax.random.key(0))
everything = facts.injective(
    embeddings.sphere(key_in, 400, d), embeddings.sphere(key_out, 400, d)
)
few = facts.take(everything, 60)
memory = linear.outer_product(few)
recalled = linear.apply(memory, few.inputs)
print(f"{int(readout.num_correct(recalled, few))} of {int(few.n)} facts are recalled")

# %% [markdown]
# ## What it says when asked
#
# One fact, and the scores of all outputs; orange is the right one. With 60 facts it
# stands out; with 400 in the same matrix it drowns in crosstalk, whose standard
# deviation is sqrt(N) / d (dotted: twice that).

# %%
recalled = linear.apply(linear.outer_product(everything), everything.inputs)
x = int(readout.margins(recalled, everything)[:60].argmin())  # the first to be lost

figure, panels = plt.subplots(1, 2, figsize=(9, 2.8), layout="constrained", sharey=True)
for axes, n in zip(panels, (60, 400), strict=True):
    some = facts.take(everything, n)
    recalled = linear.apply(linear.outer_product(some), some.inputs)
    scores = np.array(readout.scores(recalled, some)[x, :n])
    axes.plot(scores, ".", markersize=4)
    axes.plot(x, scores[x], "o", markersize=8)
    for side in (-2, 2):
        axes.axhline(side * np.sqrt(n) / d, linestyle=":", color=plotting.GREY)
    axes.set(xlabel="output", title=f"N = {n}: right is {x}, it says {scores.argmax()}")
panels[0].set_ylabel("score")

# %% [markdown]
# ## Break it
#
# Accuracy against the number of facts, 16 seeds at once. The number of facts is a value
# and not a shape (`facts.take` only marks rows as dead), so that one compiled program
# serves all seeds and all sizes: `vmap` over seeds, `lax.map` over sizes.


# %%
def accuracy(key, n):
    """Returns the accuracy of one memory of one seed, without a batch axis."""
    key_in, key_out = jax.random.split(key)
    drawn = facts.injective(
        embeddings.sphere(key_in, 400, d), embeddings.sphere(key_out, 400, d)
    )
    some = facts.take(drawn, n)
    recalled = linear.apply(linear.outer_product(some), some.inputs)
    return readout.accuracy(recalled, some)


keys = jax.random.split(jax.random.key(1), 16)
sizes = jnp.arange(20, 401, 10)
curves = jax.jit(
    lambda keys: jax.lax.map(lambda n: jax.vmap(accuracy, (0, None))(keys, n), sizes)
)(keys)

figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
axes.fill_between(
    sizes, curves.min(1), curves.max(1), alpha=0.25, label="16 seeds", linewidth=0
)
axes.plot(sizes, jnp.median(curves, 1), label="median")
theory = laws.outer_product_accuracy(np.array(sizes), d)
axes.plot(sizes, theory, "--", color="black", label="theory (derived)")
for threshold in (1.0, 0.99):
    n = float(laws.outer_product_facts(d, threshold))
    axes.axvline(n, color=plotting.GREY, linewidth=0.8, linestyle=":")
    side = "right" if threshold == 1 else "left"
    axes.text(
        n, 0.86, f" {100 * threshold:g} %: {n:.0f} ", ha=side, color=plotting.GREY
    )
axes.set(xlabel="facts N", ylabel="accuracy", title=f"outer product, d = {d}")
axes.legend()

# %% [markdown]
# ## Measure the capacity
#
# A capacity is the largest N that was probed and stored, found by a search. The
# project's own machinery runs it: a config says what is asked for, `planning.rows_of`
# yields rows (a probe or a capacity each), and a figure is a function of rows. Trained
# memories store several times as many facts as outer products.

# %%
config = linear_capacity.get_config("quick")
config.memories = ("outer_product", "linear")
config.d = (8, 16)
config.seeds, config.constructed_seeds = (0, 1, 2), (0, 1, 2, 3, 4)
config.thresholds = (1.0,)
rows = list(planning.rows_of(config, jax.local_devices()))
print(f"{len(rows)} rows; the last one says:")
{name: rows[-1][name] for name in ("memory", "d", "seed", "capacity", "num_probes")}

# %%
experiments.draw("linear_capacity", rows)

# %% [markdown]
# ## Every memory on one pair of axes
#
# The atlas: facts against parameters, and bits for each parameter at a memory's best
# size. In a checkout it is drawn from the committed rows, of 19 memories from
# constructions to trained transformers (`configs/atlas.py` makes them). Elsewhere it
# has the memories of above, and sign gates that are built here and now.

# %%
committed = pathlib.Path("../results/atlas.csv")
if committed.exists():
    rows = csv_files.read(committed)
else:
    config = atlas.get_config("quick")
    config.parts, config.seeds = ("built",), (0, 1, 2)
    config.built.memories, config.built.d = ("sign_gates",), (16,)
    rows += planning.rows_of(config, jax.local_devices())
experiments.draw("atlas", rows)

# %% [markdown]
# Next: [hallucination](hallucination.ipynb), how facts are learned;
# [your_own](your_own.ipynb), your embeddings, memories and tables of facts.

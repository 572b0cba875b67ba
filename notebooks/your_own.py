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
# # Your embeddings, your memory, your facts
#
# Three things that you may plug in, each run by the project's own machinery: a kind of
# embeddings, a kind of memory, and a table of facts that a transformer learns.
# [docs/extending.md](../docs/extending.md) adds experiments and figures.
#
# It takes about half a minute on one CPU core. On a GPU or a TPU nothing changes.

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
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

from configs import linear_capacity, recall_train
from recall import capacity, embeddings, facts, plotting, readout
from recall.cli import ask
from recall.memories import kinds, linear
from recall.runs import checkpoints, planning, setup
from recall.stats import points as rows
from recall.sweeps import memory_search, packing
from recall.theory import laws

setup.configure(compile_cache=True)
plt.rcParams.update(
    plotting.RC | {"axes.prop_cycle": plt.cycler(color=plotting.PALETTE)}
)
# %matplotlib inline
devices = jax.local_devices()
print(devices)

# %% [markdown]
# ## Embeddings: a sampler
#
# A sampler draws points from a key. It has to be nested: the first n points of a larger
# draw are the smaller draw, so that a search may add facts to those it has. Ours are
# anisotropic, as those of language models are: coordinate i has variance 1 / i.


# %%
def spectrum(key, num_points, d):
    """Draws points of the sphere whose coordinates have a power-law spectrum."""
    points = jax.random.normal(key, (num_points, d))
    points = points * jnp.arange(1.0, d + 1)[None, :] ** -0.5
    return points / jnp.linalg.norm(points, axis=-1, keepdims=True)


embeddings.SAMPLERS["spectrum"] = spectrum

# %% [markdown]
# Every config now knows it by name. Correlation breaks on such embeddings, and
# whitening them first mends most of it:

# %%
measured = []
for kind in ("sphere", "spectrum"):
    config = linear_capacity.get_config("quick")
    config.memories, config.d = ("outer_product", "whitened"), (32,)
    config.constructed_seeds, config.thresholds = (0, 1, 2, 3, 4), (1.0,)
    config.embedding = kind
    measured += planning.rows_of(config, devices)
points = rows.capacities(measured)
for point in points:
    print(
        f"{point.embedding:9} {point.memory:14} d={point.d:3} {point.median:5g} facts"
    )

# %% [markdown]
# ## A memory: a kind
#
# A kind says what a lane draws, what is built or trained from it, and how many
# parameters it has. Ours keeps one bit of each weight of the outer product: its sign.
# The sign of a Gaussian keeps 2/pi of its energy, so we expect 2/pi of the
# facts; it is our guess, and the search is there to test it.


# %%
def one_bit(stored, drawn):
    """W = sign(sum_x u_f(x) e_x^T); nothing is drawn."""
    del drawn
    return linear.Params(W=jnp.sign(linear.outer_product(stored).W))


kinds.KINDS["one_bit"] = kinds.KINDS["outer_product"]._replace(
    construct=lambda design: one_bit
)

key_in, key_out = jax.random.split(jax.random.key(0))
stored = facts.injective(
    embeddings.sphere(key_in, 50, 64), embeddings.sphere(key_out, 50, 64)
)
answered = linear.apply(one_bit(stored, ()), stored.inputs)
print(f"{float(readout.accuracy(answered, stored)):.0%} of 50 facts, one bit a weight")

# %%
searches = [
    memory_search.MemorySearch(
        memory=memory, d=d, seed=seed, threshold=1.0, limit=10**5,
        expected=int(laws.outer_product_facts(d, 1.0)),
        strategy=capacity.Strategy(method="bisect", opening=1.0, headroom=1.6),
    )
    for memory in ("outer_product", "one_bit")
    for d in (16, 32, 64)
    for seed in range(5)
]  # fmt: skip
measured = [
    row | {"experiment": "your own"}
    for batch in packing.group(searches)
    for step in batch.run(devices)
    for row in step.rows
]

# %%
figure, axes = plt.subplots(figsize=(5.5, 3.4), layout="constrained")
x = np.geomspace(150, 7000)
for index, memory in enumerate(("outer_product", "one_bit")):
    points = [point for point in rows.capacities(measured) if point.memory == memory]
    ends = [point.low for point in points], [point.high for point in points]
    at = [point.d**2 for point in points]
    plotting.series(
        axes, at, [point.median for point in points], ends, plotting.look(index),
        filled=True, joined=True, label=memory.replace("_", " "),
    )  # fmt: skip
    energy = (1.0, 2 / np.pi)[index]
    theory = laws.outer_product_facts(np.sqrt(x), 1.0, energy)
    plotting.theory_line(axes, x, theory, plotting.look(index).colour)
plotting.log_axis(axes.xaxis, x[0], x[-1])
plotting.log_axis(axes.yaxis, 4, 250)
axes.set(xlabel="weights $d^2$", ylabel="facts stored, all of them")
axes.set_title("medians of 5 seeds; dashed: the law, with energies 1 and 2/pi")
axes.legend(loc="upper left")

# %% [markdown]
# ## Facts: a table
#
# A line for each subject, a number for each relation: which of the relation's answers
# is right. Nine bodies, three relations, four answers each, among twelve noise tokens.

# %%
bodies = ("Mercury", "Venus", "Earth", "Mars", "Jupiter", "Saturn", "Uranus")
bodies += ("Neptune", "Pluto")
relations = {
    "kind": ("rocky", "gas giant", "ice giant", "dwarf"),
    "moons": ("none", "one or two", "five", "over ten"),
    "size": ("below 3000 km", "below 10,000 km", "below 60,000 km", "larger"),
}
table = (
    (0, 0, 1), (0, 0, 2), (0, 1, 2), (0, 1, 1), (1, 3, 3),
    (1, 3, 3), (2, 3, 2), (2, 3, 2), (3, 2, 0),
)  # fmt: skip

# %%
config = recall_train.get_config("quick")
config.world, config.size, config.answers = "R=sqrt(S)", 9, 4
config.d, config.heads, config.head_dim, config.m = 16, 4, 4, 16
config.reads.batch, config.training.check_every = 256, 32
with config.ignore_type():
    config.table = table  # on the command line: the name of a file
(batch,) = planning.plan_of(config).batches
trace, models = [], []
for step in batch.run(devices):
    trace += [row for row in step.rows if row["kind"] == "trace"]
    models += step.models
print(f"accuracy {trace[-1]['accuracy']:.0%} after {trace[-1]['steps']} steps")

# %%
model = checkpoints.Model(*models[0])
figure, panels = plt.subplots(1, 2, figsize=(10, 3), layout="constrained")
panels[0].plot([row["steps"] for row in trace], [row["loss"] for row in trace])
panels[0].set(xlabel="steps", ylabel="cross-entropy, nats", title="training")
subject = bodies.index("Saturn")
for index, (relation, answers) in enumerate(relations.items()):
    reply = ask.ask(model, subject, index)
    said = answers[int(reply.probabilities.argmax()) - 4 * index]
    print(f"Saturn, {relation}: {said} (in {reply.recalled:.0%} of noise contexts)")
    at = np.arange(4) + 0.22 * (index - 1)
    names = ("subject", "relation", "noise", "end")
    panels[1].bar(at, reply.attention.mean(0), width=0.2, label=relation)
    panels[1].set_xticks(range(4), names)
panels[1].set(ylabel="mean over heads", title="what it attends to, asked about Saturn")
panels[1].legend()

# %% [markdown]
# A file serves the command line: `python -m recall.main
# --config=configs/recall_train.py --config.world="R=sqrt(S)" --config.size=9
# --config.answers=4 --config.table=planets.csv`, and `scripts/ask.sh "s5 r1"` asks what
# it saved.

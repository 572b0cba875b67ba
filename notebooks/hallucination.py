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
# # Watch a model hallucinate
#
# A sequence holds a subject s and a relation r among noise tokens; its answer is
# a*(s, r). Each relation has D answers of its own. Trained by gradient descent from
# small weights, a model learns relations first, and then spends most of its time
# predicting p(a | r): an answer of the right kind, whoever is asked about. That is the
# hallucination of Figure 5 and Theorem 6 of
# [Nichani, Lee, Bietti](https://arxiv.org/abs/2412.06538). This notebook watches it.
#
# It takes about half a minute on one CPU core. The model is so small that a GPU or a
# TPU is no faster; nothing has to be changed to use one.

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
import functools

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from matplotlib import colors

from configs import sequential_learning
from recall import experiments, plotting
from recall.data import recall_task
from recall.models import linear_attention, prompts, stage_training
from recall.runs import planning, setup

setup.configure(compile_cache=True)
plt.rcParams.update(
    plotting.RC | {"axes.prop_cycle": plt.cycler(color=plotting.PALETTE)}
)
# %matplotlib inline
jax.local_devices()

# %% [markdown]
# ## The stages
#
# 16 subjects, 4 relations, 8 answers each: 64 facts. Weights start at 0.01 here; the
# published 1e-5 shows the same stages, later (`sequential_learning.get_config()`).

# %%
config = sequential_learning.get_config("quick")
rows = list(planning.rows_of(config, jax.local_devices()))
(end,) = [row for row in rows if row["kind"] == "run"]
for stage in ("relation", "facts"):
    step, predicted = end[f"{stage}_step"], end[f"predicted_{stage}"]
    print(f"{stage:8} learned at step {step:,.0f}; theory: {predicted:,.0f}")

# %%
experiments.draw("sequential_learning", rows)

# %% [markdown]
# Top: the total loss falls to ln 8 and stays there, while the loss of relations alone
# is already gone. Second: on the plateau predictions are within a hundredth of p(a |
# r). Bottom: the value matrix, first striped by relations, then by facts.
#
# ## What it says to one prompt
#
# The same training, step by step, with the library's own functions: a lane has a
# problem and first weights, `stage_training.advance` takes steps. We ask for a*(s, r)
# of one prompt every 32 steps.

# %%
(batch,) = planning.plan_of(config).batches
lane = batch.lanes[0]
problem, params = lane.start(lane.sizes)
recipe = lane.recipe(lane.noise)
state = stage_training.start(problem, params, recipe)
advance = jax.jit(
    functools.partial(stage_training.advance, recipe=recipe, num_steps=32)
)
subject, relation = 11, 2


@jax.jit
def predict(params):
    """Returns p(a | s, r) of one prompt, in the mean noise context."""
    counts = prompts.mean_context(problem.world, lane.noise, lane.length)
    one = jnp.ones((1, 1))
    at = jnp.full((1, 1), subject), jnp.full((1, 1), relation)
    reads = prompts.Reads(counts, one, *at)
    known = linear_attention.tables(params, problem.embeddings)
    return jax.nn.softmax(linear_attention.logits(known, problem.world, reads)[0, 0])


said = [predict(state.params)]
while int(state.step) < config.num_steps:
    state = advance(problem, state)
    said.append(predict(state.params))
said, steps = np.stack(said), 32 * np.arange(len(said))
right = int(recall_task.answers(problem.world)[subject, relation])

# %%
figure, panels = plt.subplots(
    2, 1, figsize=(8, 5), layout="constrained", sharex=True, height_ratios=(1.4, 1)
)
picture = panels[0].imshow(
    said.T, aspect="auto", origin="lower", cmap="Blues", interpolation="nearest",
    extent=(0, steps[-1], -0.5, said.shape[1] - 0.5), norm=colors.PowerNorm(0.5, 0, 1),
)  # fmt: skip
first, last = relation * lane.answers - 0.5, (relation + 1) * lane.answers - 0.5
for edge in (first, last):
    panels[0].axhline(edge, color=plotting.PALETTE[1], linewidth=0.8)
panels[0].text(20, last + 0.4, "answers of the relation", color=plotting.PALETTE[1])
panels[0].set(ylabel="answer", title=f"what it says to (s{subject}, r{relation})")
panels[0].grid(visible=False)
figure.colorbar(picture, ax=panels[0], label="probability")
of_relation = said[:, relation * lane.answers : (relation + 1) * lane.answers].sum(1)
panels[1].plot(steps, of_relation, label="any answer of the relation")
panels[1].plot(steps, said[:, right], label="the right answer")
panels[1].axhline(1 / lane.answers, ls=":", color=plotting.GREY, label="1 / D")
for stage in ("relation", "facts"):
    panels[1].axvline(end[f"predicted_{stage}"], ls="--", lw=0.8, color="black")
panels[1].set(xlabel="steps (dashed: theory)", ylabel="probability")
panels[1].legend(loc="upper left")

# %% [markdown]
# ## Take the stage away
#
# Adam does not wait for small gradients to grow: it learns relations and facts almost
# at once. So do worlds with few subjects for each relation. Both are claims of
# `configs/stage_ratio.py` and `configs/stage_optimizer.py`, with all their rows; here
# are one run of each.

# %%
variants = {"gradient descent, S = 16, R = 4": rows}
config = sequential_learning.get_config("quick")
config.optimizer, config.learning_rate, config.num_steps = "adam", 1e-3, 1024
variants["Adam"] = list(planning.rows_of(config, jax.local_devices()))
config = sequential_learning.get_config("quick")
config.subjects, config.relations, config.answers = 4, 16, 4
config.num_steps = 2560
variants["gradient descent, S = 4, R = 16"] = list(
    planning.rows_of(config, jax.local_devices())
)

# %%
figure, panels = plt.subplots(1, 3, figsize=(10, 2.8), layout="constrained")
for axes, (name, group) in zip(panels, variants.items(), strict=True):
    trace = [row for row in group if row["kind"] == "trace"]
    at = [row["steps"] for row in trace]
    axes.plot(at, [row["loss"] for row in trace], label="total")
    axes.plot(at, [row["relation_loss"] for row in trace], label="relation only")
    (last_row,) = [row for row in group if row["kind"] == "run"]
    axes.axhline(last_row["entropy"], ls=":", color=plotting.GREY, label="H(a | r)")
    axes.set(title=name, xlabel="steps", ylim=(0, None))
panels[0].set_ylabel("cross-entropy, nats")
panels[0].legend()

# %% [markdown]
# Try: another `init_scale`; `config.attention = "softmax"` with a learning rate of 1;
# `config.structured = False`, whose plateau lies lower. Bad values are refused by name.
#
# Next: [your_own](your_own.ipynb).

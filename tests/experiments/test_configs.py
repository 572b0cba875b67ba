"""Configs: each makes a sweep, and each wrong field of one is named in the error."""

import dataclasses
import importlib
import math
import pathlib
import re
import sys
import tempfile
from typing import Any

import ml_collections
import numpy as np
import pytest
import tiny_facts
from absl import flags

from configs import common
from recall import experiments
from recall.cli import arguments
from recall.data import tensors
from recall.runs import planning
from recall.sweeps.search import Search

ROOT = pathlib.Path(__file__).parents[2]
HELPERS = ("__init__", "common")
NAMES = sorted(p.stem for p in (ROOT / "configs").glob("*.py") if p.stem not in HELPERS)
MODULES = {name: importlib.import_module(f"configs.{name}") for name in NAMES}
# How ml_collections loads a file.
pytestmark = pytest.mark.filterwarnings("ignore:the load_module:DeprecationWarning")
LINEAR, MLP = "linear_capacity", "mlp_capacity"
BUILT = "mlp_construction"
HELD = "storage_location"
GEOMETRY = "embedding_geometry"
RECALL, GRID, TRAIN = "recall_capacity", "tradeoff", "recall_train"
STAGES, RATIO, OPTIMIZER = "sequential_learning", "stage_ratio", "stage_optimizer"
REAL = "real_facts"
TINY = tiny_facts.write(pathlib.Path(tempfile.mkdtemp()) / "facts.jsonl")
# Facts of a file, and names that are not embedded: no package is needed.
HOME_MADE = {"facts__source": TINY, "facts__relations": (), "facts__several": "first"}
HOME_MADE |= {"stages__prompts": (("capital", "France"),), "facts__model": ""}
MEMORY = ("mlp", "real", "sphere", "sum", 8, (8, 16), 8, 64)
CASE = ("simplified", "linear", "onehot", "sgd", 0.1, 1e-5, 64)


@pytest.fixture(autouse=True)
def a_language_model_is_installed(monkeypatch):
    """As far as plans go: a package that tests do without."""
    words = np.broadcast_to(np.float32(1), (30_522, 384))
    read = tensors.read

    def installed(name):
        return tensors.Installed(pathlib.Path(name), name, pathlib.Path(name))

    monkeypatch.setattr(tensors, "installed", installed)
    monkeypatch.setattr(
        tensors,
        "read",
        lambda path, tensor: words if str(path) == "minilm" else read(path, tensor),
    )


def config(name, preset=None, **changes):
    """A config as the command line makes it; `a__b` stands for the field a.b."""
    made = MODULES[name].get_config(preset)
    made.lock()
    if name == REAL:
        changes = HOME_MADE | changes
        made.cases = tuple(c for c in made.cases if "names" not in c[2])
    made.update_from_flattened_dict(
        {field.replace("__", "."): value for field, value in changes.items()}
    )
    return made


def plan(*args, **changes) -> list[Any]:
    """The searches of a config, in no order."""
    lanes = planning.plan_of(config(*args, **changes)).lanes
    return [lane for lane in lanes if isinstance(lane, Search)]


def core_seconds(planned):
    return sum(batch.about().core_seconds for batch in planned.batches)


def fields(made, prefix=""):
    for name, value in made.items():
        if isinstance(value, ml_collections.ConfigDict):
            yield from fields(value, f"{prefix}{name}.")
        else:
            yield prefix + name


def few_seeds(name, preset):
    """Grouping the searches of all seeds takes seconds."""
    made = config(name, preset)
    for field in ("seeds", "constructed_seeds"):
        if field in made:
            made[field] = (0,)
    return made


# What a config is


@pytest.mark.parametrize("preset", common.PRESETS)
@pytest.mark.parametrize("name", NAMES)
def test_a_config_makes_batches(name, preset):
    made = few_seeds(name, preset)
    planned = planning.plan_of(made)
    assert planned.batches
    assert all(batch.lanes for batch in planned.batches)
    counts = [len(batch.about().parameters) for batch in planned.batches]
    assert counts == [len(batch.lanes) for batch in planned.batches]
    lanes = [lane.digest() for lane in planned.lanes]
    assert len(set(lanes)) == len(lanes)
    assert made.preset == preset


@pytest.mark.parametrize("name", NAMES)
def test_a_smaller_preset_costs_less(name):
    quick, cpu, full = (
        core_seconds(planning.plan_of(few_seeds(name, preset)))
        for preset in ("quick", "cpu", "")
    )
    assert quick < cpu <= full
    assert quick < full / 2


@pytest.mark.parametrize("name", NAMES)
def test_a_config_has_an_experiment_and_a_figure(name):
    assert config(name).experiment in experiments.plans()
    assert config(name).experiment in experiments.plans()


@pytest.mark.parametrize("name", NAMES)
def test_a_docstring_says_the_claim_and_the_command(name):
    text = str(MODULES[name].__doc__)
    assert text.splitlines()[0].endswith((".", ")."))
    (command,) = re.findall(r"python -m recall\.main (.*)", text)
    assert f"--config=configs/{name}.py" in command.split()
    assert re.search(r"--workdir=runs/\w+", command)


@pytest.mark.parametrize("name", NAMES)
def test_a_config_is_made_anew_each_time(name):
    first = MODULES[name].get_config()
    first.seeds = (7,)
    assert MODULES[name].get_config().seeds != (7,)


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_preset_is_refused_by_name(name):
    with pytest.raises(
        ValueError, match=r"preset .* in '', 'quick', 'cpu'; got 'qick'"
    ):
        MODULES[name].get_config("qick")


# Misspelt fields


def forget_overrides():
    """Takes the flags of overrides back: a process parses its arguments only once."""
    flags.FLAGS.unparse_flags()
    for name in [name for name in flags.FLAGS if name.startswith("config.")]:
        delattr(flags.FLAGS, name)


@pytest.fixture
def refused(monkeypatch, capsys):
    """What the command line says when it refuses these arguments."""
    importlib.import_module("recall.main")  # which defines the flags

    def refused(*given):
        argv = ["recall", *given]
        monkeypatch.setattr(sys, "argv", argv)
        with pytest.raises(SystemExit) as exit_info:
            arguments.parse(argv)
        forget_overrides()
        assert exit_info.value.code == 2
        said = capsys.readouterr()
        assert not said.out
        assert said.err.startswith("recall: ")
        assert said.err.count("\n") == 1
        return said.err

    return refused


@pytest.mark.parametrize("name", NAMES)
def test_every_misspelt_field_is_named_with_the_one_that_was_meant(refused, name):
    made = list(fields(config(name)))
    assert {"experiment", "seeds"} <= set(made)
    for field in made:
        short = len(field.split(".")[-1]) == 1  # a letter cut off leaves nothing
        typo = f"--config.{field + field[-1] if short else field[:-1]}=3"
        said = refused(f"--config=configs/{name}.py", typo)
        assert f"got {typo}. " in said
        assert "Did you mean " in said or "'d', " in said
        assert field in said


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("--config.banana=3", ["--config.banana=3", "'n_max'", "'search.method'"]),
        ("--config.serch.method=grow", ["--config.serch.method=grow", "search.method"]),
        ("--config.search.metod=x", ["--config.search.metod=x", "search.method?"]),
        ("--config.n_max.banana=3", ["--config.n_max.banana=3", "'n_max'"]),
        ("--config.d.banana=3", ["--config.d.banana=3", "'d'"]),
        ("--config.d[0]=3", ["--config.d[0]=3", "'d'"]),
        ("--noconfig.banana", ["--noconfig.banana", "Fields: "]),
        ("--config.n_max=many", ["--config.n_max=many", "int"]),
        ("--config.n_max=1.5", ["--config.n_max=1.5", "int"]),
        ("--config.training.num_steps=x", ["--config.training.num_steps=x", "int"]),
        ("--config.training.cosine=maybe", ["cosine=maybe", "boolean"]),
        ("--config.search.resolution=x", ["--config.search.resolution=x", "float"]),
        ("--config.search=3", ["--config.search=3", "dict"]),
        ("--config.d=(8, 9", ["--config.d=(8, 9", "tuple"]),
        ("--confg=3", ["'confg'", "config"]),
        ("--devices=two", ["--devices=two", "int"]),
        ("--plan=perhaps", ["--plan=perhaps", "boolean"]),
    ],
)
def test_a_wrong_argument_is_named(refused, given, words):
    said = refused("--config=configs/linear_capacity.py", given)
    assert all(word in said for word in words), said


def test_the_first_wrong_field_of_several_is_named(refused):
    given = ["--config.n_max=3", "--config.search={}", "--config.banana=1"]
    assert "got --config.banana=1" in refused(f"--config=configs/{MLP}.py", *given)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("configs/typo.py", ["'configs/typo.py'", "No such file"]),
        ("configs", ["'configs'", "Is a directory"]),
        ("", ["empty"]),
        ("configs/mlp_capacity.py:qick", ["'qick'", "'', 'quick', 'cpu'"]),
        ("mlp_capacity:qick", ["'qick'", "'', 'quick', 'cpu'"]),
        ("mlp_capacty", ["'mlp_capacty'", "No such file"]),
        ("elsewhere/mlp_capacity.py", ["'elsewhere/mlp_capacity.py'", "No such file"]),
    ],
)
def test_a_config_that_cannot_be_read_is_named(refused, path, words):
    for more in ([], ["--config.n_max=3"]):
        said = refused(f"--config={path}", *more)
        assert "--config" in said
        assert all(word in said for word in words), said


def test_a_fault_inside_a_config_is_no_fault_of_the_command_line(
    tmp_path, monkeypatch, refused
):
    broken = tmp_path / "broken.py"
    broken.write_text("def get_config(arg=None):\n    return undefined.x\n")
    monkeypatch.setattr(sys, "argv", ["recall", f"--config={broken}"])
    with pytest.raises(NameError):
        arguments.parse(sys.argv)


OWN = """import ml_collections

def get_config(arg=None):
    return ml_collections.ConfigDict({"experiment": "own"})
"""


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("--config=mlp_capacity", "mlp_capacity"),
        ("--config=mlp_capacity:quick", "mlp_capacity"),
        ("--config configs/mlp_capacity.py:quick", "mlp_capacity"),
        ("--config=own.py", "own"),
        ("--config=configs/own.py", "own"),
        ("--config=configs/linear_capacity.py", "own"),  # a file that is there
        ("--config=linear_capacity", "linear_capacity"),
    ],
)
def test_a_config_is_a_file_or_else_one_of_ours_from_any_folder(
    tmp_path, monkeypatch, given, found
):
    (tmp_path / "configs").mkdir()
    for own in ("own.py", "configs/own.py", "configs/linear_capacity.py"):
        (tmp_path / own).write_text(OWN)
    argv = ["recall", *given.split(), "--plan"]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", argv)
    importlib.import_module("recall.main")
    arguments.parse(argv)
    experiment = flags.FLAGS.config.experiment
    forget_overrides()
    assert experiment == found


# Wrong values

EXACT, FEWEST = "separability", "memory_weights"
LARGE = "large_memory"
ZIPF = "scaling_law"
ZIPF, LEARNED = "scaling_law", "learned_embeddings"
WRONG = [
    (EXACT, {"heads": 3}, ["heads to be even", "heads=3"]),
    (EXACT, {"memories": ("mlp",)}, ["memories", "'mlp'", "'linear'"]),
    (EXACT, {"d": (1,)}, ["d to be", "1", ">= 2"]),
    (EXACT, {"gates": (0,)}, ["gates to be", "0", ">= 1"]),
    (EXACT, {"resolution": 1.0}, ["resolution", "1.0", "[0, 1)"]),
    (EXACT, {"solver__check_every": 7}, ["solver.check_every", "512", "=7"]),
    (EXACT, {"solver__share": 0.0}, ["solver.share", "0.0", "(0, inf)"]),
    (EXACT, {"solver__cycles": 0}, ["solver.cycles", "0", ">= 1"]),
    (FEWEST, {"methods": ("descent",)}, ["methods", "'descent'", "'alternating'"]),
    (FEWEST, {"cells": ((32, 1),)}, ["cells: facts", "1", ">= 2"]),
    (FEWEST, {"cells": ((32, 8, 2),)}, ["cells", "pairs", "(32, 8, 2)"]),
    (FEWEST, {"most": 0.5}, ["most", "0.5", "[1, inf)"]),
    (ZIPF, {"alphas": (0.0,)}, ["alphas", "0.0", "(0, inf)"]),
    (ZIPF, {"alphas": (-1.5,)}, ["alphas", "-1.5", "(0, inf)"]),
    (ZIPF, {"bits": (1, 4)}, ["bits", "1", "[2, 16]"]),
    (ZIPF, {"loop_bits": (17,)}, ["loop_bits", "17", "[2, 16]"]),
    (ZIPF, {"facts": 1}, ["facts", "1", ">= 2"]),
    (ZIPF, {"outputs": 1}, ["outputs", "1", "[2, 16384]"]),
    (ZIPF, {"ways": ("grown",)}, ["ways", "'grown'", "'trained_top'"]),
    (ZIPF, {"linear__d": (0,)}, ["linear.d", "0", ">= 1"]),
    (ZIPF, {"mlp__m": (0,)}, ["mlp.m", "0", ">= 1"]),
    (ZIPF, {"linear__d": (), "mlp__m": ()}, ["linear.d or mlp.m", "none"]),
    (ZIPF, {"linear__d": (), "mlp__activation": "step"}, ["mlp.activation", "'step'"]),
    (ZIPF, {"trained__mlp_rates": (0.0,)}, ["trained.mlp_rates", "0.0"]),
    (ZIPF, {"trained_top__linear_shares": (0.0,)}, ["trained_top.linear_shares"]),
    (ZIPF, {"outer_product__powers": (-1.0,)}, ["outer_product.powers", "-1.0"]),
    (ZIPF, {"loop_steps": 0}, ["loop_steps", "0", ">= 1"]),
    (GEOMETRY, {"parts": ("all",)}, ["parts", "'all'", "'built'"]),
    (GEOMETRY, {"num_points": 1}, ["num_points", "1", ">= 16"]),
    (GEOMETRY, {"threshold": 0.0}, ["threshold", "0.0", "(0, 1]"]),
    (GEOMETRY, {"built__geometries": ("cube",)}, ["embedding", "'cube'", "'sphere'"]),
    (GEOMETRY, {"built__geometries": ("sphere>cube",)}, ["embedding", "'cube'"]),
    (GEOMETRY, {"built__geometries": ("low_rank:99",)}, ["99 <= d", "d=64"]),
    (GEOMETRY, {"built__geometries": ("power_law:9",)}, ["exponent", "'9'", "<= 8"]),
    (GEOMETRY, {"transformer__geometries": ("a>b",)}, ["one geometry", "'a>b'"]),
    ("real_embeddings", {"built__d": (385,)}, ["<= 384", "d=385"]),
    (RECALL, {"embedding": "file:no.safetensors:words"}, ["no file 'no.safetensors'"]),
    (LEARNED, {"parts": ("heads",)}, ["parts", "'heads'", "'survival'"]),
    (LEARNED, {"modes": ("all",)}, ["modes", "'all'", "'both'"]),
    (LEARNED, {"memories": ("cnn",)}, ["memories", "'cnn'", "'mlp'"]),
    (LEARNED, {"facts": (1,)}, ["facts", "1", ">= 2"]),
    (LEARNED, {"facts_frozen": (1,)}, ["facts_frozen", "1", ">= 2"]),
    (LEARNED, {"num_outputs": (1,)}, ["num_outputs", "1", ">= 2"]),
    (LEARNED, {"num_steps": 100}, ["check_every", "num_steps=100", "=32"]),
    (LEARNED, {"learning_rate": 0.0}, ["learning_rate", "0.0", "(0, inf)"]),
    (LEARNED, {"survival__d": 1}, ["survival.d", "1", ">= 2"]),
    (LEARNED, {"transformer__answers": 1}, ["transformer.answers", "1", ">= 2"]),
    (LEARNED, {"transformer__m": 0}, ["transformer.m", "0", ">= 1"]),
    (LEARNED, {"transformer__sizes": (1,)}, ["transformer.sizes", "1", ">= 2"]),
    ("atlas", {"parts": ("mlps",)}, ["parts", "'mlps'", "'mlp'"]),
    ("atlas", {"linear__d": (0,)}, ["d to be", "0", ">= 1"]),
    (LARGE, {"memories": (("linear", 8, 0),)}, ["memories", "tuples", "('linear', 8"]),
    (LARGE, {"memories": (("tree", 8, 0, 9),)}, ["memories", "'tree'", "'linear'"]),
    (LARGE, {"memories": (("linear", 0, 0, 9),)}, ["d of memories", "0", ">= 1"]),
    (LARGE, {"memories": (("linear", 8, 8, 9),)}, ["m of memories", "8", "[0, 0]"]),
    (LARGE, {"memories": (("mlp", 8, 0, 9),)}, ["m of memories", "0", ">= 1"]),
    (LARGE, {"memories": (("linear", 8, 0, 1),)}, ["facts of memories", "1", "[2, "]),
    (LARGE, {"parts": (-1,)}, ["parts", "-1", ">= 0"]),
    (LARGE, {"chunk": 0}, ["chunk", "0", ">= 1"]),
    (LARGE, {"check_every": 33}, ["check_every", "num_steps.linear=2048", "33"]),
    (LARGE, {"learning_rates__mlp": 0.0}, ["learning_rates.mlp", "0.0", "(0, inf)"]),
    (LARGE, {"embedding": "orthonormal_blocks"}, ["embedding", "'sphere'"]),
    (LINEAR, {"experiment": "linear"}, ["experiment", "'linear'", "mlp_capacity"]),
    (LINEAR, {"n_max": 0}, ["n_max", "0", ">= 1"]),
    (LINEAR, {"n_max": -1}, ["n_max", "-1", ">= 1"]),
    (LINEAR, {"thresholds": (0.0,)}, ["thresholds", "0.0", "(0, 1]"]),
    (LINEAR, {"thresholds": (0.5, 1.5)}, ["thresholds", "1.5", "(0, 1]"]),
    (LINEAR, {"thresholds": (math.nan,)}, ["thresholds", "nan", "(0, 1]"]),
    (LINEAR, {"thresholds": ("all",)}, ["thresholds", "'all'", "(0, 1]"]),
    (LINEAR, {"thresholds": (True,)}, ["thresholds", "True", "(0, 1]"]),
    (LINEAR, {"thresholds": ()}, ["thresholds", "()", "at least one"]),
    (LINEAR, {"thresholds": (0.5, 0.5)}, ["thresholds", "(0.5, 0.5)", "distinct"]),
    (LINEAR, {"d": (0,)}, ["d to be", "0", ">= 1"]),
    (LINEAR, {"d": (8.0,)}, ["d to be", "8.0", "integer"]),
    (LINEAR, {"d": (True,)}, ["d to be", "True", "integer"]),
    (LINEAR, {"d": ([8],)}, ["d to be", "[8]", "integer"]),
    (LINEAR, {"d": (8, 8)}, ["d to hold", "(8, 8)", "distinct"]),
    (LINEAR, {"seeds": ()}, ["seeds", "()", "at least one"]),
    (LINEAR, {"seeds": (-1,)}, ["seeds", "-1", "[0, 2147483647]"]),
    (LINEAR, {"seeds": (2**31,)}, ["seeds", "2147483648", "[0, 2147483647]"]),
    (LINEAR, {"constructed_seeds": (2**31,)}, ["constructed_seeds", "2147483648"]),
    (LINEAR, {"memories": ("mlp",)}, ["memories", "'mlp'", "'low_rank'"]),
    (LINEAR, {"memories": ()}, ["memories", "()", "at least one"]),
    (LINEAR, {"rank_fractions": (0.0,)}, ["rank_fractions", "0.0", "(0, 1]"]),
    (LINEAR, {"max_trained_d": -1}, ["max_trained_d", "-1", ">= 0"]),
    (
        LINEAR,
        {"max_trained_d": 7, "memories": ("linear",)},
        ["max_trained_d", "7", "(8, 11,"],
    ),
    (LINEAR, {"embedding": "cube"}, ["embedding", "'cube'", "'sphere'"]),
    (LINEAR, {"recipe": "fast"}, ["recipe", "'fast'", "'decay'", "'published'"]),
    (LINEAR, {"search__method": "guess"}, ["search.method", "'guess'", "'bisect'"]),
    (LINEAR, {"search__resolution": 1.5}, ["search.resolution", "1.5", "[0, 1)"]),
    (LINEAR, {"search__resolution": -0.1}, ["search.resolution", "-0.1", "[0, 1)"]),
    (LINEAR, {"search__widen": 1.0}, ["1 < search.widen", "search.widen=1.0"]),
    (LINEAR, {"search__opening": 0.0}, ["search.opening", "0.0", "(0, inf)"]),
    (LINEAR, {"search__headroom": math.inf}, ["search.headroom", "got inf", "(0, inf"]),
    (
        LINEAR,
        {"search__opening": 2.0},
        ["search.opening <= search.headroom", "search.opening=2.0"],
    ),
    (MLP, {"training__num_steps": 0}, ["training.num_steps", "0", ">= 1"]),
    (MLP, {"training__check_every": 0}, ["training.check_every", "0", ">= 1"]),
    (
        MLP,
        {"training__num_steps": 63},
        ["training.check_every <= training.num_steps", "training.num_steps=63"],
    ),
    (MLP, {"training__patience": -1}, ["training.patience", "-1", ">= 0"]),
    (
        MLP,
        {"training__certificate": -0.5},
        ["training.certificate", "-0.5", "[0, inf)"],
    ),
    (MLP, {"training__learning_rates": (0.0,)}, ["training.learning_rates", "0.0"]),
    (MLP, {"training__learning_rates": (0.1, -1.0)}, ["learning_rates", "-1.0"]),
    (MLP, {"training__learning_rates": (math.nan,)}, ["learning_rates", "nan"]),
    (MLP, {"training__learning_rates": ("a",)}, ["training.learning_rates", "'a'"]),
    (MLP, {"training__learning_rates": ()}, ["training.learning_rates", "()"]),
    (MLP, {"activations": ("step",)}, ["activations", "'step'", "'relu'"]),
    (MLP, {"activations": ()}, ["activations", "()", "at least one"]),
    (MLP, {"sizes": ((8, 0),)}, ["m of sizes (8, 0)", "got 0", ">= 1"]),
    (MLP, {"sizes": ((0, 8),)}, ["d of sizes (0, 8)", "got 0", ">= 1"]),
    (MLP, {"sizes": ((8, 8.0),)}, ["m of sizes", "8.0", "integer"]),
    (MLP, {"sizes": (8, 8)}, ["sizes", "distinct", "(8, 8)"]),
    (MLP, {"sizes": (8, 9)}, ["sizes", "pairs (d, m)", "got 8"]),
    (MLP, {"sizes": ((8, 8, 8),)}, ["sizes", "pairs (d, m)", "(8, 8, 8)"]),
    (MLP, {"ratios": (0,)}, ["ratios", "0", ">= 1"]),
    (MLP, {"d": (0,)}, ["d to be", "0", ">= 1"]),
    (MLP, {"max_weights": 0}, ["max_weights", "0", ">= 1"]),
    (MLP, {"max_weights": 63}, ["max_weights", "63", "size"]),
    (MLP, {"num_outputs": (-1,)}, ["num_outputs", "-1", ">= 0"]),
    (MLP, {"num_outputs": (0, 1)}, ["num_outputs", "1", ">= 2"]),
    (MLP, {"num_outputs": ()}, ["num_outputs", "()", "at least one"]),
    (BUILT, {"memories": ("mlp",)}, ["memories", "'mlp'", "'hermite'"]),
    (BUILT, {"degrees": (4,)}, ["degrees", "4", "[0, 3]"]),
    (BUILT, {"gates": (0,)}, ["gates", "0", ">= 1"]),
    (BUILT, {"ratios": (0,)}, ["ratios", "0", ">= 1"]),
    (BUILT, {"feature_ratios": (0,)}, ["feature_ratios", "0", ">= 1"]),
    (BUILT, {"max_feature_weights": 0}, ["max_feature_weights", "0", ">= 1"]),
    (BUILT, {"num_outputs": (1,)}, ["num_outputs", "1", ">= 2"]),
    (BUILT, {"others": ("relu",)}, ["others", "pairs (activation, k)", "'relu'"]),
    (BUILT, {"others": (("relu", -1),)}, ["k of others ('relu', -1)", "[0, 7]"]),
    (BUILT, {"others": (("step", 1),)}, ["others ('step', 1)", "'relu'"]),
    (
        BUILT,  # a polynomial of too low a degree
        {"others": (("square", 2),)},
        ["others ('square', 2)", "[1] for activation='square'", "got degree=2"],
    ),
    (
        BUILT,
        {"others": (("tanh", 1),)},
        ["others ('tanh', 1)", "[0, 2, 4, 6]", "got degree=1"],
    ),
    (
        BUILT,
        {"d": (8,), "ratios": (2, 4), "degrees": (3,)},
        ["ratios", "m >= 48 for degree=3", "got m=[16, 32]"],
    ),
    (
        BUILT,
        {"other_ratio": 2, "d": (4,), "degrees": (0,), "others": (("relu", 3),)},
        ["other_ratio", "m >= 10 for degree=3 and activation='relu'", "got m=[8]"],
    ),
    (BUILT, {"search__method": "grow"}, ["search.method", "'bisect'", "got 'grow'"]),
    (RECALL, {"answers": 1}, ["answers", "1", ">= 2"]),
    (RECALL, {"reads__length": 3}, ["reads.length", "3", ">= 4"]),
    (RECALL, {"reads__layout": "rows"}, ["reads.layout", "'rows'", "'grid', 'pairs'"]),
    (RECALL, {"reads__batch": 0}, ["reads.batch", "0", ">= 1"]),
    (RECALL, {"reads__share": -1}, ["reads.share", "-1", ">= 1"]),
    (RECALL, {"reads__checks": 0}, ["reads.checks", "0", ">= 1"]),
    (RECALL, {"world": "S=2R"}, ["world", "'S=2R'", "'R=sqrt(S)'"]),
    (
        RECALL,
        {"world": "D=S", "search__method": "grow"},
        ["search.method", "['bisect', 'single']", "'D=S'", "got 'grow'"],
    ),
    (RECALL, {"world": "D=S"}, ["search.method", "'D=S'", "got 'grow+bisect'"]),
    (RECALL, {"heads": 0}, ["heads", "0", ">= 1"]),
    (RECALL, {"d": (0,)}, ["d to be", "0", ">= 1"]),
    (RECALL, {"alphas": (0.0,)}, ["alphas", "0.0", "(0, inf)"]),
    (RECALL, {"alphas": ()}, ["alphas", "()", "at least one"]),
    (RECALL, {"betas": (-0.5,)}, ["betas", "-0.5", "[0, inf)"]),
    (RECALL, {"betas": (1.0, 1.0)}, ["betas", "(1.0, 1.0)", "distinct"]),
    (RECALL, {"max_parameters": 0}, ["max_parameters", "0", ">= 1"]),
    (RECALL, {"max_parameters": 100}, ["max_parameters=100", "d=(8, 11,"]),
    (
        RECALL,  # every one of them is skipped
        {"d": (8, 11), "alphas": (0.5, 0.25)},
        ["max_parameters", "d=(8, 11)"],
    ),
    (RECALL, {"size_max": 1}, ["size_max", "1", ">= 2"]),
    (RECALL, {"thresholds": (1.5,)}, ["thresholds", "1.5", "(0, 1]"]),
    (RECALL, {"thresholds": ()}, ["thresholds", "()", "at least one"]),
    (RECALL, {"seeds": (-1,)}, ["seeds", "-1", "[0, 2147483647]"]),
    (RECALL, {"activation": "step"}, ["activation", "'step'", "'relu'"]),
    (RECALL, {"embedding": "cube"}, ["embedding", "'cube'", "'gaussian'"]),
    (RECALL, {"mlp_weight": math.nan}, ["mlp_weight", "nan", "(-inf, inf)"]),
    (RECALL, {"subject_exponent": -1.0}, ["subject_exponent", "-1.0", "[0, inf)"]),
    (RECALL, {"relation_exponent": math.inf}, ["relation_exponent", "got inf"]),
    (RECALL, {"recipe": "fast"}, ["recipe", "'fast'", "'decay'", "'published'"]),
    (RECALL, {"training__learning_rates": (0.0,)}, ["training.learning_rates", "0.0"]),
    (RECALL, {"training__num_steps": 64}, ["training.check_every <= training.num"]),
    (RECALL, {"search__opening": 1.3}, ["search.opening <= search.headroom", "1.3"]),
    (GRID, {"heads": (0,)}, ["heads to be", "0", ">= 1"]),
    (GRID, {"heads": ()}, ["heads", "()", "at least one"]),
    (GRID, {"head_dim": 0}, ["head_dim", "0", ">= 1"]),
    (GRID, {"m": (8, -1)}, ["m to be", "-1", ">= 0"]),
    (GRID, {"d": 0}, ["d to be", "0", ">= 1"]),
    (GRID, {"size": 0}, ["size", "0", ">= 1"]),
    (GRID, {"threshold": 0.0}, ["threshold", "0.0", "(0, 1]"]),
    (GRID, {"threshold": 1.5}, ["threshold", "1.5", "(0, 1]"]),
    (GRID, {"search__method": "grow"}, ["search.method", "['single']", "got 'grow'"]),
    (GRID, {"world": "D=S", "search__method": "grow"}, ["search.method", "'D=S'"]),
    (HELD, {"ablations": ("mlp_one",)}, ["ablations", "'mlp_one'", "'mlp_swap'"]),
    (HELD, {"ablations": ()}, ["ablations", "()", "at least one"]),
    (HELD, {"heads": (0,)}, ["heads to be", "0", ">= 1"]),
    (HELD, {"m": (-1,)}, ["m to be", "-1", ">= 0"]),
    (HELD, {"m": (8, 8)}, ["m to hold", "(8, 8)", "distinct"]),
    (HELD, {"head_dim": 32}, ["d >= head_dim + 1 = 33", "d=32"]),
    (HELD, {"head_dim": 0}, ["head_dim", "0", ">= 1"]),
    (HELD, {"size": 1}, ["size", "1", ">= 2"]),
    (HELD, {"answers": 1}, ["answers", "1", ">= 2"]),
    (HELD, {"length": 3}, ["length", "3", ">= 4"]),
    (HELD, {"contexts": 0}, ["contexts", "0", ">= 1"]),
    (HELD, {"embedding": "cube"}, ["embedding", "'cube'", "'gaussian'"]),
    (HELD, {"activation": "step"}, ["activation", "'step'", "'relu'"]),
    (HELD, {"learning_rate": 0.0}, ["learning_rate", "0.0", "(0, inf)"]),
    (HELD, {"num_steps": 0}, ["num_steps", "0", ">= 1"]),
    (STAGES, {"noise": 0}, ["noise", "0", ">= 1"]),
    (STAGES, {"length": 3}, ["length", "3", ">= 4"]),
    (
        STAGES,
        {"subjects": 15},
        ["answers to divide subjects", "answers=8, subjects=15"],
    ),
    (STAGES, {"relations": 1}, ["relations", "1", ">= 2"]),
    (STAGES, {"answers": 1}, ["answers", "1", ">= 2"]),
    (STAGES, {"check_every": 30}, ["check_every", "num_steps", "30", "8192"]),
    (STAGES, {"num_steps": 0}, ["num_steps", "0", ">= 1"]),
    (STAGES, {"share": 3}, ["share to divide batch", "share=3, batch=1024"]),
    (STAGES, {"learning_rate": 0.0}, ["learning_rate", "0.0", "(0, inf)"]),
    (STAGES, {"init_scale": -1.0}, ["init_scale", "-1.0", "(0, inf)"]),
    (STAGES, {"attention": "hard"}, ["attention", "'hard'", "'softmax'"]),
    (STAGES, {"init": "zero"}, ["init", "'zero'", "'published'"]),
    (STAGES, {"optimizer": "lion"}, ["optimizer", "'lion'", "'muon'"]),
    (STAGES, {"optimizer": "flow"}, ["loss='population'", "'flow'", "'sampled'"]),
    (STAGES, {"loss": "test"}, ["loss", "'test'", "'population'"]),
    (RATIO, {"ratios": (0.3,)}, ["ratios=(0.3,)", "max_subjects=512"]),
    (RATIO, {"ratios": (0.0,)}, ["ratios", "0.0", "(0, inf)"]),
    (RATIO, {"max_subjects": 1}, ["max_subjects=1"]),
    (RATIO, {"base": (16, 4)}, ["base", "(S, R, D)", "(16, 4)"]),
    (RATIO, {"base": (15, 4, 8)}, ["answers to divide subjects", "subjects=15"]),
    (RATIO, {"scales": (1.0,)}, ["scales", "1.0", "(0, 1)"]),
    (RATIO, {"noise_sizes": (0,)}, ["noise_sizes", "0", ">= 1"]),
    (RATIO, {"optimizer": "adam"}, ["optimizer='sgd'", "'adam'"]),
    (RATIO, {"attention": "softmax"}, ["attention='linear'", "'softmax'"]),
    (RATIO, {"init": "gaussian"}, ["init", "'gaussian'", "'paper'"]),
    (RATIO, {"steps_to_facts": 0}, ["steps_to_facts", "0", ">= 1"]),
    (OPTIMIZER, {"cases": ()}, ["cases", "()", "at least one"]),
    (OPTIMIZER, {"cases": (CASE[:6],)}, ["cases", "(model, attention,"]),
    (OPTIMIZER, {"cases": (("mlp", *CASE[1:]),)}, ["model of cases", "'mlp'"]),
    (OPTIMIZER, {"cases": ((*CASE[:6], 63),)}, ["steps of cases", "63", "divide"]),
    (OPTIMIZER, {"cases": ((*CASE[:4], 0.0, 1.0, 64),)}, ["rate of cases", "0.0"]),
    (
        OPTIMIZER,
        {"cases": (("transformer", *CASE[1:]),)},
        ["transformer of cases", "'linear'", "'onehot'"],
    ),
    (REAL, {"facts__source": "nowhere.jsonl"}, ["'nowhere.jsonl'", "No such file"]),
    (REAL, {"facts__relations": ("capitol",)}, ["facts.relations", "'capital'"]),
    (REAL, {"facts__on_conflict": "ask"}, ["facts.on_conflict", "'ask'", "'last'"]),
    (REAL, {"facts__several": "all"}, ["facts.several", "'all'", "'numbered'"]),
    (REAL, {"facts__limit": -1}, ["facts.limit", "-1", ">= 0"]),
    (REAL, {"cases": (("mlp", "real"),)}, ["cases", "(method, facts,", "'mlp'"]),
    (REAL, {"cases": ((*MEMORY[:5], 9, 8, 64),)}, ["sizes of cases", "9"]),
    (REAL, {"cases": (("lstm", *MEMORY[1:]),)}, ["method of cases", "'lstm'"]),
    (REAL, {"cases": (("mlp", "false", *MEMORY[2:]),)}, ["facts of cases", "'false'"]),
    (REAL, {"cases": ((*MEMORY[:6], 9, 64),)}, ["claim of cases", "[8, 16]", "9"]),
    (REAL, {"cases": ((*MEMORY[:5], (16, 8), 8, 64),)}, ["rising order", "(16, 8)"]),
    (REAL, {"cases": ((*MEMORY[:3], "", *MEMORY[4:]),)}, ["keys of cases", "'sum'"]),
    (REAL, {"cases": ((*MEMORY[:7], 0),)}, ["budget of cases", "0", ">= 1"]),
    (
        REAL,
        {"cases": (("mlp", "synthetic", "names", *MEMORY[3:]),)},
        ["facts of cases", "'synthetic'", "embedding='names'"],
    ),
    (
        REAL,
        {"cases": (("mlp", "real", "names", *MEMORY[3:]),)},
        ["facts.model", "embedding='names'", "''"],
    ),
    (REAL, {"stages__check_every": 100}, ["stages.check_every", "100", "divide"]),
    (REAL, {"stages__prompts": (("capital", "Frnce"),)}, ["'France'", "'Frnce'"]),
    (REAL, {"stages__prompts": (("currency", "Peru"),)}, ["'Peru'", "has none"]),
    (REAL, {"stages__prompts": ("capital",)}, ["stages.prompts", "pairs"]),
    (REAL, {"noise": 0}, ["noise", "0", ">= 1"]),
    (REAL, {"model__width": 0}, ["model.width", "0", ">= 1"]),
    (TRAIN, {"heads": 0}, ["heads", "0", ">= 1"]),
    (TRAIN, {"head_dim": 0}, ["head_dim", "0", ">= 1"]),
    (TRAIN, {"m": -1}, ["m to be", "-1", ">= 0"]),
    (TRAIN, {"size": 0}, ["size", "0", ">= 1"]),
    (TRAIN, {"threshold": 1.01}, ["threshold", "1.01", "(0, 1]"]),
    (TRAIN, {"search__method": "bisect"}, ["search.method", "['single']", "'bisect'"]),
    (TRAIN, {"table": "nowhere.csv"}, ["table='nowhere.csv'", "nowhere.csv not found"]),
]


@pytest.mark.parametrize(("name", "changes", "words"), WRONG)
def test_a_wrong_value_is_named_with_its_field_and_what_is_allowed(
    name, changes, words
):
    with pytest.raises(ValueError, match=r"^Expected ") as error:
        planning.plan_of(config(name, **changes))
    said = str(error.value)
    assert "\n" not in said
    assert all(word in said for word in words), said


@pytest.mark.parametrize("name", [RECALL, GRID, TRAIN])
@pytest.mark.parametrize("field", ["side_by_side", "train_embeddings", "biases"])
@pytest.mark.parametrize("value", [1, "yes", None])
def test_what_is_true_or_false_is_nothing_else(name, field, value):
    made = config(name)
    with made.ignore_type():
        made[field] = value
    with pytest.raises(
        ValueError, match=f"^Expected {field} to be True or False; "
    ) as e:
        planning.plan_of(made)
    assert str(e.value).endswith(f"got {value!r}.")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("s0 likes a3\n", ["'s0 likes a3'"]),
        ("0,1\n1\n", ["columns"]),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path, text, words):
    path = tmp_path / "facts.csv"
    path.write_text(text)
    refused_table(path, ["comma-separated integers", str(path), *words])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0,1\n1,0\n", ["3 x 3", "(2, 2)"]),
        ("0,1,8\n1,0,1\n1,1,1\n", ["[0, 7]", "got 8"]),
        ("0,1,-1\n1,0,1\n1,1,1\n", ["[0, 7]", "got -1"]),
        ("0,1,0.5\n1,0,1\n1,1,1\n", ["[0, 7]", "got 0.5"]),
    ],
)
def test_a_table_of_another_world_is_refused(tmp_path, text, words):
    path = tmp_path / "facts.csv"
    path.write_text(text)
    refused_table(path, words)


def test_an_empty_table_is_refused(tmp_path):
    path = tmp_path / "facts.csv"
    path.touch()
    refused_table(path, [])


def refused_table(path, words):
    with pytest.raises(ValueError, match=r"^Expected (a )?table") as error:
        planning.plan_of(config(TRAIN, size=3, table=str(path)))
    said = str(error.value)
    assert "\n" not in said
    assert all(word in said for word in words), said


RIGHT = [
    (LINEAR, {"n_max": 1}),
    (LINEAR, {"d": (1,)}),
    (LINEAR, {"thresholds": (1, 1e-9)}),
    (LINEAR, {"seeds": (0, 2**31 - 1), "constructed_seeds": (2**31 - 1,)}),
    (LINEAR, {"rank_fractions": (1.0,)}),
    (LINEAR, {"max_trained_d": 0}),
    (LINEAR, {"search__resolution": 0.0, "search__widen": 1.001}),
    (LINEAR, {"search__opening": 1.15}),
    (MLP, {"training__num_steps": 64}),
    (MLP, {"training__learning_rates": (1, 1e30)}),
    (MLP, {"training__patience": 0, "training__certificate": 0.0}),
    (MLP, {"sizes": ((1, 1), [1, 2])}),
    (MLP, {"max_weights": 64}),
    (MLP, {"num_outputs": (2,)}),
    (MLP, {"num_outputs": (10**6 + 1,)}),
    (RECALL, {"d": (8,), "betas": (0.0,), "answers": 2}),
    (RECALL, {"size_max": 2}),
    (RECALL, {"max_parameters": 384, "d": (8,)}),
    (RECALL, {"world": "D=S", "search__method": "bisect"}),
    (RECALL, {"world": "R=sqrt(S)", "mlp_weight": -1.0, "subject_exponent": 0.0}),
    (
        RECALL,
        {
            "reads__length": 4,
            "reads__batch": 1,
            "reads__share": 1,
            "reads__checks": 1,
        },
    ),
    (GRID, {"m": (0,), "heads": (1,), "size": 1}),
    (GRID, {"threshold": 1e-9, "seeds": (2**31 - 1,)}),
    (STAGES, {"noise": 1, "length": 4, "share": 1, "batch": 1}),
    (STAGES, {"structured": False, "subjects": 3}),
    (STAGES, {"optimizer": "flow", "loss": "population"}),
    (RATIO, {"scales": (), "noise_sizes": (), "init": "paper"}),
    (OPTIMIZER, {"cases": (CASE,)}),
    (REAL, {"cases": (MEMORY,), "model__seeds": (), "stages__num_steps": 0}),
    (REAL, {"cases": ((*MEMORY[:2], "gaussian", *MEMORY[3:]),), "noise": 1}),
    (TRAIN, {"size": 1, "d": 1, "heads": 1, "head_dim": 1, "m": 0}),
    (TRAIN, {"world": "D=S"}),
]


@pytest.mark.parametrize(("name", "changes"), RIGHT)
def test_values_on_the_border_are_right(name, changes):
    planned = planning.plan_of(config(name, "quick", **changes))
    assert planned.batches or planned.batches


def test_a_field_that_a_config_lacks_is_named():
    with pytest.raises(ValueError, match="of mlp_capacity; it has no 'sizes'"):
        planning.plan_of(config(LINEAR, experiment="mlp_capacity"))
    with pytest.raises(ValueError, match=r"experiment in .*; got None"):
        planning.plan_of(ml_collections.ConfigDict({"d": 3}))
    extra = MODULES[LINEAR].get_config()
    extra.search.hurry = True
    with pytest.raises(ValueError, match=r"search\.<field> in .*; got 'hurry'"):
        planning.plan_of(extra)


# What a config means

FEW = {"d": (8,), "seeds": (0,), "constructed_seeds": (0,), "thresholds": (1.0,)}


def test_a_grid_is_the_product_of_its_axes():
    axes = {"d": (4, 8), "thresholds": (0.5, 1.0), "seeds": (0, 1, 2)}
    axes |= {"constructed_seeds": (0, 1), "rank_fractions": (0.25, 0.5)}
    found = plan(LINEAR, max_trained_d=4, **axes)
    assert len(found) == len(set(found))
    count = {m: sum(s.memory == m for s in found) for m in config(LINEAR).memories}
    assert count == {"outer_product": 8, "low_rank": 16, "linear": 6}
    assert {s.d for s in found if s.trained} == {4}
    assert {(s.d, s.rank) for s in found if s.rank} == {(4, 1), (4, 2), (8, 2), (8, 4)}


def test_fractions_that_round_to_one_rank_are_one_search():
    found = plan(LINEAR, **FEW | {"rank_fractions": (0.1, 0.125, 0.01)})
    assert [s.rank for s in found if s.memory == "low_rank"] == [1]


def test_sizes_of_an_mlp_are_listed_or_made_of_ratios():
    few = {"seeds": (0,), "thresholds": (1.0,), "num_outputs": (0, 7)}
    made = plan(MLP, d=(4, 8), ratios=(1, 4), max_weights=64, **few)
    assert {(s.d, s.m) for s in made} == {(4, 4), (4, 16), (8, 8)}
    listed = plan(MLP, sizes=((4, 5), (6, 7)), **few)
    assert {(s.d, s.m) for s in listed} == {(4, 5), (6, 7)}
    assert {s.num_outputs for s in listed} == {None, 7}


def test_every_field_reaches_the_searches():
    changes = {
        "n_max": 50,
        "embedding": "gaussian",
        "thresholds": (0.75,),
        "seeds": (3,),
        "search__method": "grow+bisect",
        "search__widen": 1.5,
        "training__num_steps": 96,
        "training__check_every": 16,
        "training__cosine": False,
        "training__patience": 32,
        "training__certificate": 0.25,
        "training__learning_rates": (0.5, 0.25),
    }
    for search in plan(MLP, "quick", **changes):
        assert (search.limit, search.embedding) == (50, "gaussian")
        assert (search.threshold, search.seed) == (0.75, 3)
        assert (search.strategy.method, search.strategy.widen) == ("grow+bisect", 1.5)
        recipe = search.recipe
        assert (recipe.num_steps, recipe.check_every, recipe.cosine) == (96, 16, False)
        assert (recipe.patience, recipe.certificate) == (32, 0.25)
        assert search.learning_rates == (0.5, 0.25)
        assert search.recipe_name == "custom"


def test_a_transformer_without_a_head_dimension_is_skipped_and_the_reason_is_told():
    changes = {"d": (8, 16), "alphas": (1.0, 0.25), "betas": (1.0, 0.5), "heads": 8}
    planned = planning.plan_of(config(RECALL, **changes))
    (d8, d16) = planned.skipped  # int(8 / 4 / 8) and int(16 / 4 / 8) are both 0
    for reason, d in ((d8, 8), (d16, 16)):
        for word in ("alpha=0.25", "beta=1 0.5", f"d={d}", "heads=8", "head_dim"):
            assert word in reason
        assert "\n" not in reason
    found = {
        (s.d, s.heads, s.head_dim, s.m) for s in plan(RECALL, **changes, seeds=(0,))
    }
    assert found == {(8, 8, 1, 8), (8, 8, 1, 4), (16, 8, 2, 16), (16, 8, 2, 8)}


def test_nothing_is_skipped_unless_a_head_dimension_is_zero():
    assert planning.plan_of(config(RECALL, d=(32,), seeds=(0,))).skipped == ()
    assert planning.plan_of(config(GRID, "quick")).skipped == ()
    assert planning.plan_of(config(TRAIN)).skipped == ()
    planned = planning.plan_of(config(RECALL, "cpu", seeds=(0,)))
    assert all(s.head_dim > 0 for s in plan(RECALL, "cpu", seeds=(0,)))
    assert any("alpha=0.25" in r and "d=8," in r for r in planned.skipped)


def test_what_was_skipped_is_told_with_the_plan():
    planned = planning.plan_of(config(RECALL, d=(8,), alphas=(4.0, 0.25), seeds=(0,)))
    table = planning.plan_table(planned, [None])
    assert f"Skipped: {planned.skipped[0]}" in str(table.caption)


def test_widths_are_whole_parts_of_ratios_and_d():
    few = {"thresholds": (0.99,), "seeds": (0,), "heads": 8}
    found = plan(RECALL, d=(45,), alphas=(0.5, 4.0), betas=(0.25, 2.0), **few)
    assert {(s.heads, s.head_dim, s.m) for s in found} == {
        (8, int(45 * 0.5 / 8), 11),
        (8, int(45 * 0.5 / 8), 90),
        (8, int(45 * 4.0 / 8), 11),
        (8, int(45 * 4.0 / 8), 90),
    }
    for search in found:
        parameters = 4 * 8 * search.head_dim * 45 + 2 * search.m * 45
        assert search.num_parameters == parameters


def test_transformers_with_more_parameters_than_allowed_are_left_out():
    found = plan(RECALL, seeds=(0,), max_parameters=1000)
    assert max(search.num_parameters for search in found) <= 1000
    assert len(found) < len(plan(RECALL, seeds=(0,), max_parameters=2000))


@pytest.mark.parametrize("world", ["S=R", "R=sqrt(S)", "S=R^2", "D=S"])
def test_what_is_expected_is_the_published_guide_s_facts(world):
    few = {"d": (16, 64), "seeds": (0,), "size_max": 10**4, "world": world}
    for search in plan(RECALL, **few, search__method="bisect"):
        guide = 0.15 * search.num_parameters
        assert search.facts(search.expected) <= guide
        assert guide < 1.35 * search.facts(search.expected + 1)  # a root is rounded
    (capped,) = plan(
        RECALL, "quick", **few | {"d": (16,), "size_max": 3, "world": "S=R"}
    )
    assert (capped.expected, capped.limit) == (3, 3)


def test_a_grid_is_the_product_of_heads_hidden_units_and_seeds():
    found = plan(GRID, heads=(1, 3), m=(0, 8, 9), seeds=(0, 1), size=5)
    assert len(found) == len(set(found)) == 2 * 3 * 2
    assert {(s.heads, s.m) for s in found} == {
        (heads, m) for heads in (1, 3) for m in (0, 8, 9)
    }
    assert {(s.d, s.head_dim, s.expected, s.limit, s.first) for s in found} == {
        (32, 8, 5, 5, 5)
    }


@pytest.mark.parametrize("name", [RECALL, GRID])
def test_learning_rates_are_tried_in_order_or_side_by_side(name):
    few = {"seeds": (3,), "training__learning_rates": (0.1, 0.01)}
    in_order = plan(name, "quick", **few)
    assert {search.learning_rates for search in in_order} == {(0.1, 0.01)}
    beside = plan(name, "quick", **few, side_by_side=True)
    assert len(beside) == 2 * len(in_order)
    assert {search.learning_rates for search in beside} == {(0.1,), (0.01,)}


@pytest.mark.parametrize("name", [RECALL, GRID, TRAIN])
def test_every_field_of_a_transformer_reaches_the_searches(name):
    changes = {
        "world": "R=sqrt(S)",
        "answers": 5,
        "activation": "sin",
        "mlp_weight": 0.5,
        "biases": False,
        "embedding": "sphere",
        "train_embeddings": True,
        "subject_exponent": 1.0,
        "relation_exponent": 2.0,
        "seeds": (3,),
        "reads__length": 9,
        "reads__layout": "pairs",
        "reads__batch": 11,
        "reads__share": 3,
        "reads__checks": 2,
        "training__num_steps": 256,
        "training__patience": 128,
        "search__resolution": 0.5,
    }
    for search in plan(name, "quick", **changes):
        assert (search.world, search.answers, search.seed) == ("R=sqrt(S)", 5, 3)
        assert dataclasses.astuple(search.architecture) == ("sin", 0.5, False)
        assert (search.embedding, search.train_embeddings) == ("sphere", True)
        assert search.exponents == (1.0, 2.0)
        assert dataclasses.astuple(search.reads) == (9, "pairs", 11, 3, 2)
        assert (search.recipe.num_steps, search.recipe.patience) == (256, 128)
        assert search.recipe_name == "custom"
        assert search.strategy.resolution == 0.5


def test_answers_are_the_size_where_the_world_says_so():
    for search in plan(TRAIN, world="D=S", answers=8):
        assert search.answers is None
        assert search.sizes(7) == (7, 7, 7, 14)


@pytest.mark.parametrize("recipe", ["decay", "published"])
def test_a_recipe_keeps_its_name_until_it_is_changed(recipe):
    few = FEW | {"memories": ("linear",), "recipe": recipe}
    (named,) = plan(LINEAR, **few)
    assert named.recipe_name == recipe
    (same,) = plan(LINEAR, **few, training__learning_rates=named.learning_rates)
    assert same == named
    (custom,) = plan(LINEAR, **few, training__learning_rates=(3.0,))
    assert custom.recipe_name == "custom"


def test_training_is_nothing_to_a_construction():
    few = FEW | {"memories": ("outer_product", "low_rank")}
    assert plan(LINEAR, **few) == plan(LINEAR, **few, training__num_steps=64)
    assert {search.strategy.method for search in plan(LINEAR, **few)} == {"bisect"}


def test_linear_constructions_are_planned_beside_the_others():
    few = {"d": (64,), "thresholds": (0.99,), "constructed_seeds": (0, 1)}
    names = ("whitened", "pseudo_inverse", "random_low_rank")
    found = plan(LINEAR, **few, memories=names, rank_fractions=(0.5, 1.0))
    counts = {name: sum(s.memory == name for s in found) for name in names}
    assert counts == {"whitened": 2, "pseudo_inverse": 2, "random_low_rank": 4}
    ranks = {s.rank for s in found if s.memory == "random_low_rank"}
    assert ranks == {32, 64}


def test_constructed_mlps_are_of_the_sizes_that_were_asked_for():
    few = {"d": (16,), "thresholds": (1.0,), "seeds": (0,), "feature_ratios": (2, 4)}
    found = plan(BUILT, **few, ratios=(1, 8), gates=(1, 3), degrees=(0, 3), others=())
    sizes = {(s.memory, s.degree): [] for s in found}
    for search in sorted(found, key=lambda search: search.m):
        sizes[search.memory, search.degree].append(search.m)
    assert sizes["hermite", 0] == sizes["gated_hermite", 0] == [16, 128]
    assert sizes["hermite", 3] == [128]  # m = 16 is too narrow for k = 3
    assert sizes["sign_gates", None] == [17, 51]
    assert sizes["bilinear", None] == sizes["data_dependent", None] == [32, 64]
    assert {s.activation for s in found if s.degree == 3} == {"hermite4"}


def test_sizes_too_narrow_for_a_degree_are_skipped_with_a_reason():
    few = {"d": (16,), "seeds": (0,), "others": (), "memories": ("hermite",)}
    planned = planning.plan_of(config(BUILT, **few, ratios=(2, 8), degrees=(0, 3)))
    (reason,) = planned.skipped
    assert reason.startswith("m=32; it takes m >= 48 for degree=3")

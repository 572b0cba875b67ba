"""Configs: each makes a sweep, and a misspelt field is named with the one meant."""

import importlib
import re
import sys

import ml_collections
import pytest
from absl import flags
from configs_made import MODULES, NAMES, config, few_seeds

from recall import experiments
from recall.cli import arguments
from recall.runs import planning
from recall.sweeps import presets

pytestmark = [
    pytest.mark.usefixtures("language_model"),
    # How ml_collections loads a file.
    pytest.mark.filterwarnings("ignore:the load_module:DeprecationWarning"),
]


def core_seconds(planned):
    return sum(batch.about().core_seconds for batch in planned.batches)


def fields(made, prefix=""):
    for name, value in made.items():
        if isinstance(value, ml_collections.ConfigDict):
            yield from fields(value, f"{prefix}{name}.")
        else:
            yield prefix + name


@pytest.mark.parametrize("preset", presets.PRESETS)
@pytest.mark.parametrize("name", NAMES)
def test_a_config_makes_batches_of_distinct_lanes(name, preset):
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
    assert experiments.part(config(name).experiment, "figure")


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
    assert "got --config.banana=1" in refused(
        "--config=configs/mlp_capacity.py", *given
    )


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

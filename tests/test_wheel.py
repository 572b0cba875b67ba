"""A wheel built from the checkout runs outside of it, in an empty folder, offline."""

import os
import pathlib
import resource
import subprocess
import sys
import zipfile

import pytest
import yaml

import recall
from recall.store import csv_files

ROOT = pathlib.Path(__file__).parents[1]
PAGE = (".css", ".html", ".js")
TINY = (
    "--config=linear_capacity:quick",
    "--config.memories=('outer_product',)",
    "--config.d=4,8",
    "--config.constructed_seeds=0,1",
    "--config.thresholds=1.0",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, as `pip wheel` makes it, but with nothing downloaded."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def run(wheel, tmp_path_factory):
    """Runs Python in an empty folder, with what the wheel holds before all else."""
    unpacked = tmp_path_factory.mktemp("unpacked")
    zipfile.ZipFile(wheel).extractall(unpacked)
    empty = tmp_path_factory.mktemp("empty")

    def run(*arguments):
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=empty,
            env={**os.environ, "PYTHONPATH": str(unpacked)},
            capture_output=True,
            text=True,
            timeout=240,
        )

    run.unpacked, run.empty = unpacked, empty
    return run


def test_a_wheel_holds_every_module_and_config_and_nothing_else(wheel):
    assert wheel.name == f"recall-{recall.__version__}-py3-none-any.whl"
    held = {
        name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info" not in name
    }
    ours = [*(ROOT / "recall").rglob("*.py"), ROOT / "recall" / "py.typed"]
    ours += [p for p in (ROOT / "recall" / "pages").iterdir() if p.suffix in PAGE]
    configs = {
        f"recall/configs/{path.name}" for path in (ROOT / "configs").glob("*.py")
    }
    assert held == {path.relative_to(ROOT).as_posix() for path in ours} | configs


def test_a_wheel_offers_the_command_and_the_license(wheel):
    archive = zipfile.ZipFile(wheel)
    info = f"recall-{recall.__version__}.dist-info"
    assert (
        "recall = recall.main:run" in archive.read(f"{info}/entry_points.txt").decode()
    )
    assert "Apache License" in archive.read(f"{info}/licenses/LICENSE").decode()


def test_modules_and_configs_come_from_the_wheel(run):
    names = "print(presets.__file__, presets.module('atlas').__file__)"
    done = run("-c", f"from recall.sweeps import presets; {names}")
    assert done.stdout.count(str(run.unpacked)) == 2


def test_help_takes_less_than_half_a_second(run):
    """Of a core, whatever else the machine is doing; the first start compiles."""
    seconds = []
    for _ in range(2):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = run("-m", "recall.main", "--help")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime)
        seconds[-1] -= before.ru_utime + before.ru_stime
        assert done.returncode == 0
        assert "--config" in done.stdout
    assert seconds[-1] < 0.5


def test_a_job_of_an_installed_config_leaves_its_results_where_it_was_called(run):
    done = run("-m", "recall.main", *TINY)
    assert (done.returncode, done.stderr) == (0, "")
    workdir = run.empty / "runs" / "linear_capacity-quick"
    rows = csv_files.read(workdir / "capacities.csv")
    assert len(rows) == 4
    assert {row["version"] for row in rows} == {recall.__version__}
    assert {row["git_commit"] for row in rows} == {None}
    assert (workdir / "figure.png").stat().st_size > 0
    assert [path.name for path in run.empty.iterdir()] == ["runs"]


def test_the_citation_names_this_version():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert cited["version"] == recall.__version__
    assert cited["cff-version"] == "1.2.0"
    assert cited["authors"]
    assert cited["license"] == "Apache-2.0"

"""Scripts that launch a run on clusters: what they would do is printed, and checked."""

import os
import pathlib
import re
import shlex
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parents[2]
FLAGS = ("--config=configs/x.py:quick", "--config.d=(4, 8)", "--workdir=/nfs/x")
CLUSTER = {"TPU": "slice", "ZONE": "here", "HOSTS": "one two"}


def launch(name, *arguments, **environment):
    return subprocess.run(
        [str(ROOT / "scripts" / f"launch_{name}.sh"), *arguments],
        env={"PATH": os.environ["PATH"]} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def commands(name):
    done = launch(name, "--dry-run", "2", *FLAGS, **CLUSTER)
    assert (done.returncode, done.stderr) == (0, "")
    return [shlex.split(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("name", ["slurm", "tpu", "dask"])
def test_a_script_says_what_it_does_and_what_it_needs(name):
    done = launch(name, "--help")
    assert done.returncode == 0
    assert f"scripts/launch_{name}.sh [--dry-run]" in done.stdout
    for wrong in ([], ["0", *FLAGS], ["2"], ["2", FLAGS[0], "--workdir=relative"]):
        done = launch(name, "--dry-run", *wrong, **CLUSTER)
        assert (done.returncode, done.stdout) == (2, "")
        assert re.fullmatch(r"recall: Expected [^\n]+\n", done.stderr)


@pytest.mark.parametrize("name", ["slurm", "tpu", "dask"])
@pytest.mark.parametrize("flag", ["--shard=1/2", "--distributed", "-launcher=dask"])
def test_flags_that_a_script_sets_itself_are_refused(name, flag):
    done = launch(name, "--dry-run", "2", *FLAGS, flag, **CLUSTER)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(rf"recall: Expected no [^\n]+; got {flag}\.\n", done.stderr)


@pytest.mark.parametrize(
    ("name", "missing"), [("slurm", "sbatch"), ("tpu", "gcloud"), ("dask", "ssh")]
)
def test_a_command_that_is_missing_is_named(name, missing, tmp_path):
    for tool in ("bash", "dirname", "hostname"):
        (tmp_path / tool).symlink_to(str(shutil.which(tool)))
    done = launch(name, "2", *FLAGS, **CLUSTER, PATH=str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(rf"recall: Expected {missing} on [^\n]+\n", done.stderr)


def test_slurm_is_asked_for_an_array_of_shards():
    (command,) = commands("slurm")
    assert command[0] == "sbatch"
    assert "--array=0-1" in command
    wrapped = shlex.split(command[-1].removeprefix("--wrap="))
    assert wrapped[:2] == ["exec", str(ROOT / "scripts" / "run.sh")]
    assert tuple(wrapped[2:-1]) == FLAGS
    assert wrapped[-1] == "--shard=$SLURM_ARRAY_TASK_ID/2"


def test_each_host_of_a_tpu_slice_runs_its_shard():
    for host, command in enumerate(commands("tpu")):
        assert command[:5] == ["gcloud", "compute", "tpus", "tpu-vm", "ssh"]
        assert f"--worker={host}" in command
        told = shlex.split(command[-1].removeprefix("--command="))
        assert told[-1] == f"--shard={host}/2"
        assert tuple(told[-4:-1]) == FLAGS
        assert "TPU_PROCESS_BOUNDS=1,1,1" in told


def test_dask_gets_a_scheduler_workers_and_a_driver():
    scheduler, *workers, driver = commands("dask")
    assert "scheduler" in scheduler
    assert "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL=None" in scheduler
    assert [worker[1] for worker in workers] == ["one", "one", "two", "two"]
    address = driver[-1].removeprefix("--scheduler=")
    for worker in workers:
        assert (
            f"worker {address} --nworkers=1 --nthreads=1 --memory-limit=0"
            in (worker[2])
        )
    assert driver[-5:-2] == list(FLAGS)
    assert driver[-2] == "--launcher=dask"


def test_clusters_that_are_not_named_are_asked_for():
    for name, words in (("tpu", "TPU=<name>"), ("dask", 'HOSTS="<host>')):
        done = launch(name, "--dry-run", "2", *FLAGS)
        assert done.returncode == 2
        assert words in done.stderr

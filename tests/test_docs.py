"""Documents: links lead somewhere, commands exist, examples run as they stand."""

import ast
import importlib
import pathlib
import re
import shlex
import subprocess
import sys

import pytest
from absl import flags

from recall.cli import arguments
from recall.runs import planning
from recall.sweeps import presets

ROOT = pathlib.Path(__file__).parents[1]
DOCUMENTS = sorted(
    path
    for folder in (ROOT, ROOT / "docs", ROOT / "notebooks")
    for path in folder.glob("*.md")
)
LINK = re.compile(r"\[(?P<text>(?:!\[[^]]*\]\([^)]*\)|[^][])*)\]\((?P<to>[^)\s]+)\)")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"`(\w+)\.(\w+)`")
# Commands that are no recall command, with the test or script that runs them.
RUN_ELSEWHERE = {
    "bash scripts/test.sh": "it runs the tests",
    "python scripts/make_results.py": "tests/scripts/test_results.py",
    "python scripts/notebooks.py": "tests/test_notebooks.py",
    "python scripts/draw_rooms.py": "tests/test_architecture.py",
    "python run.py": "the worked example below",
    "pip install": "tests/test_wheel.py, without a network",
    "uv pip install": "tests/test_wheel.py, without a network",
    "jupyter lab": "an editor; tests/test_notebooks.py runs what it would open",
    "bash scripts/ask.sh": "tests/runs/test_checkpoints.py",
    "bash scripts/launch_": "tests/scripts/test_launch_scripts.py, what it prints",
    "bash scripts/reproduce.sh": "minutes; tests/stats/test_comparison.py compares",
    "bash scripts/test_versions.sh": "it runs the tests with other versions",
    "python scripts/faults.py": "tests/scripts/test_faults.py",
}
pytestmark = pytest.mark.filterwarnings("ignore:the load_module:DeprecationWarning")


def name(path):
    return path.relative_to(ROOT).as_posix()


def links(path):
    """Where the links of a document lead, and their texts; code blocks have none."""
    text = BLOCK.sub("", path.read_text())
    return [(found["to"], found["text"]) for found in LINK.finditer(text)]


def anchors(path):
    """The anchors of a document's headings, as forges make them."""
    text = BLOCK.sub("", path.read_text())
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.replace(" ", "-") for heading in plain}


def dead(path):
    """The relative links of a document that lead nowhere."""
    found = []
    for to, _ in links(path):
        if re.match(r"\w+:", to):
            continue
        file, _, anchor = to.partition("#")
        target = (path.parent / file).resolve() if file else path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            found.append(to)
    return found


def defined(path):
    """What a module defines at its top."""
    names = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                named = (n for n in ast.walk(target) if isinstance(n, ast.Name))
                names |= {name.id for name in named}
    return names


def commands(text):
    """Lines of shell in a document: blocks of bash, and commands within a sentence."""
    lines = []
    for language, block in BLOCK.findall(text):
        if language in ("bash", "sh", "console"):
            lines += block.replace("\\\n", " ").splitlines()
    prose = BLOCK.sub("", text)
    inline = re.findall(r"`((?:python|bash|recall|pip|uv) [^`]*)`", prose)
    lines += [" ".join(command.split()) for command in inline]
    kept = [shlex.split(line, comments=True) for line in lines if "..." not in line]
    return [words for words in kept if words]


def recall_arguments(words):
    """The arguments of a command that starts recall, or None."""
    for start in (["python", "-m", "recall.main"], ["recall"]):
        if words[: len(start)] == start:
            return words[len(start) :]
    if words[:2] == ["bash", "scripts/run.sh"]:
        return words[2:]
    return None


COMMANDS = [
    pytest.param(words, id=f"{name(path)}: {' '.join(words)[:60]}")
    for path in DOCUMENTS
    for words in commands(path.read_text())
]
CONFIGS = sorted(
    {
        found
        for path in DOCUMENTS
        for found in re.findall(r"configs/\w+\.py(?::\w+)?", path.read_text())
    }
)


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_links_within_the_repository_lead_somewhere(path):
    assert not dead(path)


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_a_function_that_a_link_names_is_in_the_file_it_leads_to(path):
    for to, text in links(path):
        found = NAMED.fullmatch(text)
        if found and to.endswith(".py"):
            target = path.parent / to
            assert found[1] == target.stem
            assert found[2] in defined(target), text


def test_every_module_of_theory_is_in_the_mathematics():
    path = ROOT / "docs" / "mathematics.md"
    linked = {(path.parent / to).resolve() for to, _ in links(path)}
    kinds = ("theory", "memories", "constructions")
    modules = [p for kind in kinds for p in (ROOT / "recall" / kind).glob("[a-z]*.py")]
    assert not set(modules) - linked


def test_a_dead_link_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# A heading, of mine\n[a](page.md#a-heading-of-mine) [b](https://x.org) "
        "[c](nothing.md) [d](#no-heading) [![e](f.svg)](gone.md)\n"
        "```bash\n[g](code.md)\n```\n"
    )
    assert dead(page) == ["nothing.md", "#no-heading", "gone.md"]


@pytest.fixture
def parsed(monkeypatch):
    """Parses a command line as the command does; returns its config."""
    importlib.import_module("recall.main")  # which defines the flags
    monkeypatch.chdir(ROOT)

    def parsed(given):
        argv = ["recall", *given]
        monkeypatch.setattr(sys, "argv", argv)
        assert arguments.parse(argv) == ["recall"]
        config = flags.FLAGS.config
        flags.FLAGS.unparse_flags()
        for flag in [flag for flag in flags.FLAGS if flag.startswith("config.")]:
            delattr(flags.FLAGS, flag)
        return config

    return parsed


@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_has_flags_that_there_are_or_is_run_elsewhere(words, parsed):
    given = recall_arguments(words)
    if given is None:
        is_benchmark = words[:2] == ["python", "-m"] and "benchmarks" in words[2]
        if is_benchmark:
            assert (ROOT / f"{words[2].replace('.', '/')}.py").exists()
            return
        assert any(" ".join(words).startswith(known) for known in RUN_ELSEWHERE), words
        for script in [word for word in words if word.startswith("scripts/")]:
            assert (ROOT / script).exists()
        return
    config = parsed(given)
    if "experiment" in (config or ()):
        for field in ("seeds", "constructed_seeds"):  # all of them take seconds
            if field in config:
                config[field] = config[field][:1]
        planned = planning.plan_of(config)
        assert planned.batches


@pytest.mark.parametrize("named", CONFIGS)
def test_a_config_that_a_document_names_is_one_with_that_preset(named):
    path, _, preset = named.partition(":")
    assert (ROOT / path).exists()
    assert preset in presets.PRESETS


def test_a_command_that_is_none_is_found(parsed, capsys):
    for wrong in ("--config=configs/gone.py", "--config=linear_capacity --speed=3"):
        with pytest.raises(SystemExit):
            parsed(wrong.split())
    said = capsys.readouterr().err
    assert "configs/gone.py" in said
    assert "speed" in said


def test_the_worked_example_of_extending_runs_as_it_stands(tmp_path):
    text = (ROOT / "docs" / "extending.md").read_text()
    files = []
    for language, block in BLOCK.findall(text):
        first = re.match(r"# ([\w/]+\.py)\n", block)
        assert language == "python"
        assert first
        path = tmp_path / first[1]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block)
        files.append(first[1])
    assert files[0] == "pruned.py"
    assert files[-1] == "run.py"
    tests = (
        "import test_pruned, test_pruning\n"
        "for module in (test_pruned, test_pruning):\n"
        "    for name in [name for name in dir(module) if name.startswith('test_')]:\n"
        "        getattr(module, name)(); print(name)\n"
    )
    code = f"import runpy\nrunpy.run_path('run.py')\n{tests}"
    done = subprocess.run(
        [sys.executable, "-W", "error::FutureWarning", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "test_half_of_the_weights_are_cut" in done.stdout
    assert "test_padded_is_cut" in done.stdout
    assert "test_a_bad_field_is_named" in done.stdout
    assert (
        "P1, The larger half of the weights holds 93 % of the squared norm: holds"
        in (" ".join(done.stdout.split()))
    )
    for made in ("capacities.csv", "probes.csv", "runs.csv", "figure.png"):
        assert (tmp_path / "runs" / "pruning" / made).stat().st_size

"""Commands: of every config, and of a run."""

import importlib
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from recall import experiments
from recall.runs import sources
from recall.stats.table import Table

_COLUMNS = (
    "in the paper",
    "claim",
    "command (`python -m recall.main --config=...`)",
    "time on 2 cores (quick: with nothing compiled)",
)
# The first line of a config's docstring: a claim, and where the paper makes it.
_CLAIM = re.compile(r"(.*?)(?: \(([^()]+)\))?\.")
_TIMES = re.compile(r"^Times: (.*?)\.$", re.MULTILINE | re.DOTALL)


def table() -> Table:
    """Returns a line for every config, from its docstring; the paper's figures first.

    Raises:
        ValueError: if a docstring does not begin with a sentence of one line.
    """
    lines = []
    for name in sorted(experiments.plans()):
        text = importlib.import_module(f"configs.{name}").__doc__ or ""
        first = _CLAIM.fullmatch(text.partition("\n")[0])
        if first is None:
            raise ValueError(f"Expected a claim as line 1 of configs/{name}.py.")
        times = " ".join(" ".join(_TIMES.findall(text)).split())
        lines.append([first[2] or "", first[1], f"`configs/{name}.py`", times])
    lines.sort(key=lambda line: (not line[0], line[0]))
    lines = [[place or "-", *rest] for place, *rest in lines]
    return Table("", _COLUMNS, lines, num_labels=4)


def of_run(experiment: str, config: Mapping[str, Any] | None, workdir: str) -> str:
    """The command of a whole run: its config and preset, and what it overrides.

    What was read from a file stands in place of its name, which is not known any more.
    """
    config = config or {}
    preset = str(config.get("preset") or "")
    known = dict(_leaves(sources.default_config(experiment, (preset,)) or config))
    name = f"configs/{experiment}.py" + (f":{preset}" if preset else "")
    words = ["python -m recall.main", f"--config={name}", f"--workdir={workdir}"]
    for field, value in _leaves(config):
        read = isinstance(known.get(field), str) and not isinstance(value, str)
        if field in known and not read and plain(value) != plain(known[field]):
            words.append(option(field, value))
    return " ".join(words)


def option(field: str, value: Any) -> str:
    """An override of a field, quoted for a shell."""
    return shlex.quote(f"--config.{field}={plain(value)}")


def plain(value: Any) -> str:
    """A value as a config override spells it: lists as tuples, words bare."""
    return value if isinstance(value, str) else _literal(value)


def _literal(value: Any) -> str:
    """A value as Python spells it, lists as tuples."""
    if isinstance(value, Mapping):  # a case, whose JSON has lists
        return f"{{{', '.join(f'{k!r}: {_literal(v)}' for k, v in value.items())}}}"
    if not isinstance(value, list | tuple):
        return repr(value)
    items = ", ".join(map(_literal, value))
    return f"({items},)" if len(value) == 1 else f"({items})"


def _leaves(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Fields by dotted names, those of sections too."""
    for name, value in config.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value

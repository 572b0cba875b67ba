"""Commands that run a config, or a run again."""

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from recall import experiments
from recall.runs import sources
from recall.stats.table import Table
from recall.sweeps import presets

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
        text = presets.module(name).__doc__ or ""
        first = _CLAIM.fullmatch(text.partition("\n")[0])
        if first is None:
            raise ValueError(f"Expected a claim as line 1 of configs/{name}.py.")
        times = " ".join(" ".join(_TIMES.findall(text)).split())
        lines.append([first[2] or "-", first[1], f"`configs/{name}.py`", times])
    lines.sort(key=lambda line: (line[0] == "-", line[0]))
    return Table("", _COLUMNS, lines, num_labels=4)


def of_run(experiment: str, config: Mapping[str, Any] | None, workdir: str) -> str:
    """Returns the command of a whole run: its config, preset and overrides."""
    config = config or {}
    preset = str(config.get("preset") or "")
    defaults = dict(_leaves(sources.default_config(experiment, (preset,)) or config))
    name = f"configs/{experiment}.py" + (f":{preset}" if preset else "")
    words = ["python -m recall.main", f"--config={name}", f"--workdir={workdir}"]
    for field, value in _leaves(config):
        default = defaults.get(field)
        # A table read from a file stands in place of its name, which is lost.
        read = isinstance(default, str) and not isinstance(value, str)
        if field in defaults and not read and _plain(value) != _plain(default):
            words.append(shlex.quote(f"--config.{field}={_plain(value)}"))
    return " ".join(words)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else _literal(value)  # words stand bare


def _literal(value: Any) -> str:
    """Spells a value as Python does, lists as tuples: JSON keeps no tuples."""
    if isinstance(value, Mapping):  # a case, whose JSON has lists
        return f"{{{', '.join(f'{k!r}: {_literal(v)}' for k, v in value.items())}}}"
    if not isinstance(value, list | tuple):
        return repr(value)
    items = ", ".join(map(_literal, value))
    return f"({items},)" if len(value) == 1 else f"({items})"


def _leaves(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yields fields by their dotted names, the fields of sections too."""
    for name, value in config.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value

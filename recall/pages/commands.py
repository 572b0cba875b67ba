"""The command that makes a run again."""

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from recall.runs import sources


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

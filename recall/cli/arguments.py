"""Reads the command line; whatever is wrong with it is said in one line."""

import difflib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import ml_collections
from absl import flags

from recall.sweeps import presets

CONFIG = re.compile(r"--?config(?:=(.*))?")
OVERRIDE = re.compile(r"--?(?:no)?config\.([^=]+)")


def parse(argv: list[str]) -> list[str]:
    """Sets the flags, --config among them, and returns what is no flag.

    A config is a file, or else one of ours by its name, wherever one stands:
    "configs/linear_capacity.py:quick" and "linear_capacity:quick" are the same.

    Raises:
        SystemExit: with code 2 after naming what is wrong, its value, and what is
            allowed; with code 0 after the help, where absl alone would exit with 1.
    """
    argv = _with_paths(argv)
    try:
        left = flags.FLAGS(argv)
        getattr(flags.FLAGS.config, "experiment", None)  # a file is read only now
    except SystemExit:
        sys.exit(0)
    except flags.Error as error:
        refuse(_brief(error))
    except OSError as error:
        reason = _brief(error.__cause__ or error)
        refuse(f"Expected --config=<file>[:preset]; got {reason}")
    except (AttributeError, LookupError, TypeError, ValueError):
        unknown = _unknown_field(argv)
        if unknown is None:
            raise
        refuse(unknown)
    return left


def workdir_of(given: str | None, config: Any) -> Path:
    """Where rows and figures go: runs/<experiment>[-<preset>] unless it is said."""
    if given or config is None:
        return Path(given or "runs/recall_train")
    preset = f"-{config.preset}" if config.get("preset") else ""
    return Path(f"runs/{config.experiment}{preset}")


def refuse(message: object) -> NoReturn:
    """Says why a command is not run, and exits with code 2."""
    print(f"recall: {message}", file=sys.stderr)
    sys.exit(2)


def _with_paths(argv: list[str]) -> list[str]:
    """The arguments, with whole paths for configs that are ours."""
    found, before = [], ""
    for argument in argv:
        config = CONFIG.fullmatch(argument)
        if config and config[1]:
            argument = f"--config={_path(config[1])}"
        elif before in ("--config", "-config"):
            argument = _path(argument)
        found.append(argument)
        before = argument
    return found


def _path(config: str) -> str:
    """Where a config lies: as given if there is such a file, else among ours."""
    given, colon, preset = config.partition(":")
    ours = presets.FOLDER / f"{Path(given).stem}.py"
    named = given in (ours.stem, f"configs/{ours.name}")
    if Path(given).is_file() or not (named and ours.is_file()):
        return config
    return f"{ours}{colon}{preset}"


def _brief(error: BaseException) -> str:
    """The first line of a message and, where more follow, the last."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    first = lines[0].removesuffix(": Error whilst parsing config file:")
    return first if len(lines) < 2 else f"{first}: {lines[-1]}"


def _unknown_field(argv: list[str]) -> str | None:
    """Says which override names no field of the config, if one does."""
    overrides = {m[1]: arg for arg in argv if (m := OVERRIDE.match(arg))}
    sys.argv = [arg for arg in argv if not OVERRIDE.match(arg)]
    flags.FLAGS(sys.argv)
    fields = list(_fields(flags.FLAGS.config))
    for name, argument in overrides.items():
        if name not in fields:
            close = difflib.get_close_matches(name, fields, 1)
            hint = f"Did you mean {close[0]}?" if close else f"Fields: {fields}."
            return f"Expected a field of the config; got {argument}. {hint}"
    return None


def _fields(config: Any, prefix: str = "") -> Iterator[str]:
    """Names the fields of a config, those of its sections by dotted paths."""
    for name, value in config.items():
        yield f"{prefix}{name}"
        if isinstance(value, ml_collections.ConfigDict):
            yield from _fields(value, f"{prefix}{name}.")

"""The command line, and one line for each thing that can be wrong with it."""

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
    """Sets the flags, --config among them, and returns arguments that are no flags.

    A config is a file, or else one of ours by its name, wherever one stands:
    "configs/linear_capacity.py:quick" and "linear_capacity:quick" are the same.

    Raises:
        SystemExit: with code 2 after a line that names a flag, its value and the
            values that are allowed; with code 0 after the help.
    """
    argv = _with_paths(argv)
    try:
        left = flags.FLAGS(argv)
        getattr(flags.FLAGS.config, "experiment", None)  # a file is read only now
    except SystemExit:  # after the help, where absl alone would exit with 1
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


def workdir_of(workdir: str | None, config: Any) -> Path:
    """Returns the folder of a run, runs/<experiment>[-<preset>] by default."""
    if workdir or config is None:
        return Path(workdir or "runs/recall_train")  # the model that --ask asks
    preset = f"-{config.preset}" if config.get("preset") else ""
    return Path(f"runs/{config.experiment}{preset}")


def refuse(message: object) -> NoReturn:
    """Prints why a command is not run, and exits with code 2."""
    print(f"recall: {message}", file=sys.stderr)
    sys.exit(2)


def _with_paths(argv: list[str]) -> list[str]:
    """Returns the arguments, with whole paths for configs of this package."""
    paths, before = [], ""
    for argument in argv:
        config = CONFIG.fullmatch(argument)
        if config and config[1]:
            argument = f"--config={_path(config[1])}"
        elif before in ("--config", "-config"):
            argument = _path(argument)
        paths.append(argument)
        before = argument
    return paths


def _path(config: str) -> str:
    """Returns the path of one of our configs, unless there is such a file here."""
    name, colon, preset = config.partition(":")
    ours = presets.FOLDER / f"{Path(name).stem}.py"
    named = name in (ours.stem, f"configs/{ours.name}")
    if Path(name).is_file() or not (named and ours.is_file()):
        return config
    return f"{ours}{colon}{preset}"


def _brief(error: BaseException) -> str:
    """Returns the first line of a message and, where more follow, the last."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    first = lines[0].removesuffix(": Error whilst parsing config file:")
    return first if len(lines) < 2 else f"{first}: {lines[-1]}"


def _unknown_field(argv: list[str]) -> str | None:
    """Returns a line on an override that names no field of the config, if one does."""
    # Read again without overrides: ml_collections names neither the flag nor a hint.
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
    """Yields the fields of a config, the fields of sections by dotted names."""
    for name, value in config.items():
        yield f"{prefix}{name}"
        if isinstance(value, ml_collections.ConfigDict):
            yield from _fields(value, f"{prefix}{name}.")

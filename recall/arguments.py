"""Reads the command line; whatever is wrong with it is said in one line."""

import difflib
import re
import sys
from collections.abc import Iterator
from typing import Any, NoReturn

import ml_collections
from absl import flags

OVERRIDE = re.compile(r"--?(?:no)?config\.([^=]+)")


def parse(argv: list[str]) -> list[str]:
    """Sets the flags, --config among them, and returns what is no flag.

    Raises:
        SystemExit: with code 2 after naming what is wrong, its value, and what is
            allowed; with code 0 after the help, where absl alone would exit with 1.
    """
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


def refuse(message: object) -> NoReturn:
    """Says why a command is not run, and exits with code 2."""
    print(f"recall: {message}", file=sys.stderr)
    sys.exit(2)


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

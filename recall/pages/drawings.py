"""Figures as SVG that may stand inside a page, beside others."""

import collections
import io
import re
from collections.abc import Iterable, Mapping
from typing import Any

import matplotlib
from matplotlib.backends import backend_svg
from matplotlib.figure import Figure

from recall import experiments, plotting

_NAMED = re.compile(r'(?<= id=")[^"]+(?=")|(?<=href="#)[^"]+(?=")|(?<=url\(#)[^)]+')
_NUMBER = re.compile(r"-?\d+\.\d{2,}")
_STYLE = re.compile(r' style="([^"]+)"')
_USED = re.compile(r'href="#([^"]+)"|url\(#([^)]+)\)')


def draw(name: str, rows: Iterable[Mapping[str, Any]]) -> str:
    """Returns the figure of an experiment as an SVG element; text stays text.

    Raises:
        ValueError: if these rows draw no figure.
    """
    figure = experiments.draw(name, rows)
    file = io.StringIO()
    with matplotlib.rc_context({**plotting.RC, "svg.fonttype": "none"}):
        # savefig draws twice, first for the layout: .65 s instead of .43.
        backend_svg.FigureCanvasSVG(figure).print_svg(file, metadata={"Date": None})
    # 14 experiments are a page of 1.6 MB like this, and of 2.2 MB as matplotlib writes.
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", text, flags=re.DOTALL)
    # Ids of several figures on one page must differ; most are never referred to.
    used = {name for pair in _USED.findall(text) for name in pair if name}
    text = re.sub(r' id="([^"]+)"', lambda m: m[0] if m[1] in used else "", text)
    text = _NAMED.sub(lambda m: f"{name}-{m[0]}", text.replace("xlink:href", "href"))
    text = _NUMBER.sub(lambda m: _short(float(m[0])), text)
    text = re.sub(r"\s*\n\s*", " ", text).replace("> <", "><")
    return _with_classes(text, name).replace("<svg ", _head(figure, name), 1)


def _short(number: float) -> str:
    """Rounds to a hundredth of a point for shapes of markers, a tenth for places."""
    text = f"{number:.{2 if abs(number) < 8 else 1}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _with_classes(text: str, name: str) -> str:
    """Moves styles that are repeated into a style sheet of their own."""
    counts = collections.Counter(_STYLE.findall(text))
    repeated = [style for style, count in counts.items() if count > 2]
    classes = {style: f"{name}-{i}" for i, style in enumerate(repeated)}

    def named(match: re.Match[str]) -> str:
        return f' class="{classes[match[1]]}"' if match[1] in classes else match[0]

    sheet = "".join(f".{label}{{{style}}}" for style, label in classes.items())
    body = _STYLE.sub(named, text)
    return body.replace("<defs>", f"<defs><style>{sheet}</style>", 1)


def _head(figure: Figure, name: str) -> str:
    """Opens the element: its name for a screen reader, its width in pixels."""
    width = round(96 * figure.get_figwidth())
    label = f"Figure of {name.replace('_', ' ')}"
    return (
        f'<svg role="img" aria-label="{label}" style="min-width:min({width}px,44rem)" '
    )

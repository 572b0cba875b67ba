"""A tiny table of facts, as a file of LAMA's lines and as triples."""

import json

TRIPLES = (
    *(("France", "capital", "Paris"), ("France", "currency", "Euro")),
    *(("Italy", "capital", "Rome"), ("Italy", "currency", "Euro")),
    *(("Ghana", "capital", "Accra"), ("Ghana", "currency", "Cedi")),
    *(("Chad", "capital", "N'Djamena"), ("Chad", "currency", "Franc")),
    *(("Togo", "currency", "Franc"), ("Peru", "capital", "Lima")),
    *(("Italy", "neighbour", "France"), ("Togo", "neighbour", "Ghana")),
)


def line(subject, relation, answer):
    """One fact as LAMA writes it."""
    names = ("sub_label", "predicate_id", "obj_label")
    return json.dumps(dict(zip(names, (subject, relation, answer), strict=True)))


def write(path, triples=TRIPLES):
    """A file of facts."""
    path.write_text("".join(f"{line(*triple)}\n" for triple in triples))
    return str(path)

"""Names as word pieces of a vocabulary."""

import numpy as np
import pytest

from recall.data import names

VOCABULARY = {
    w: i
    for i, w in enumerate(
        ["[UNK]", "cote", "d", "'", "ivo", "##ire", "iv", "new", "zealand", ".", "fr"]
    )
}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Côte d'Ivoire", ["cote", "d", "'", "ivo", "##ire"]),
        ("New  Zealand", ["new", "zealand"]),
        (".fr", [".", "fr"]),
        ("Newland", ["[UNK]"]),
    ],
)
def test_the_longest_piece_from_the_left_is_taken(name, found):
    assert names.pieces(name, VOCABULARY) == found


def test_a_name_is_the_mean_of_its_pieces():
    table = np.arange(22, dtype=np.float32).reshape(11, 2)
    found = names.vectors(["new zealand", "fr"], VOCABULARY, table)
    np.testing.assert_array_equal(found, [(table[7] + table[8]) / 2, table[10]])
    with pytest.raises(ValueError, match=r"Expected a name .*; got '  '"):
        names.vectors(["  "], VOCABULARY, table)

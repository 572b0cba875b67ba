"""Associative memories: `Params`, and pure functions that make and apply them."""

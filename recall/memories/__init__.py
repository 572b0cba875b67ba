"""Associative memories: `Params`, and pure functions that make and apply them."""

import recall

__getattr__ = recall.submodules(__name__)

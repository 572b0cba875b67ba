"""Bits that every kind of memory stores for each parameter."""

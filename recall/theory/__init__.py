"""Predictions: closed formulas, each with its source and its status, without JAX."""

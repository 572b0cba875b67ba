"""What should be seen: closed formulas with source and status, without JAX."""

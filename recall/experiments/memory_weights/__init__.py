"""The fewest weights in which a memory stores given facts."""

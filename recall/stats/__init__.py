"""Numbers from rows: capacities, fits, comparisons, claims, tables."""

"""Convex and alternating solvers, and certificates of their answers."""

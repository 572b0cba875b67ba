"""Convex and alternating solvers, and certificates of what they find."""

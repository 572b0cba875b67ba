"""Bytes on disk: rows, state, tables, and where they come from."""

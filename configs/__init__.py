"""Configs: one file per claim, read by `python -m recall.main --config=...`."""

"""Transformers and linear attention: losses, training, probes."""

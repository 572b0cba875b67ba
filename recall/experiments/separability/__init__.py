"""The largest fact sets that a readout can separate, with certificates."""

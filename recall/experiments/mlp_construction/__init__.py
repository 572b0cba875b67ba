"""Facts that MLPs of constructed weights store."""

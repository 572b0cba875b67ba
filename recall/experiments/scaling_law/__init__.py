"""Loss of memories of Zipf facts against their parameters and bits."""

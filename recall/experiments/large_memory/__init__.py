"""One memory spread over all devices."""

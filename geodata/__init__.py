"""The grid hierarchy: reads, checks, locates and publishes it; knows maps, not the service."""

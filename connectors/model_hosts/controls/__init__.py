"""Load, unload and pull models where a kind of host has an interface for it: one file a kind."""

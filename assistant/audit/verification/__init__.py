"""Derive the whole log again, and say what differs."""

"""Finished data to text. No decisions, no I/O."""

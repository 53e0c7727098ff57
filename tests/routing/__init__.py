"""Routing proven by tables from the documentation and by laws."""

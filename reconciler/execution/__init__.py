"""Carries a plan out, and pushes data through a workflow. Returns outcomes; does not print."""

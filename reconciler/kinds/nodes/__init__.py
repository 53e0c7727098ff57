"""The nodes of a workflow: what a manifest states of one, and its normal form. Used by ``kinds.workflow`` alone."""

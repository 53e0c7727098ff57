"""From two graphs to a plan. Everything here can only read."""

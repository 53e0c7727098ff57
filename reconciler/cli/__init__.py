"""Arguments, wiring, streams, environment, exit codes. No logic of planning or execution."""

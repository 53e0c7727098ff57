"""One file a command: its options, and the calls it makes in order."""

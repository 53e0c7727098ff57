"""From YAML text to a checked desired graph. No network."""

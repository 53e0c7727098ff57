"""One file per family of model types: spec, configuration, wire form. Used by ``kinds.model`` alone."""

"""One file per kind of resource: its spec, identity, field policy, wire form and calls as data. No I/O, and never another kind."""

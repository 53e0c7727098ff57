"""One handler per RPC over the official messages, one file per resource. No HTTP, no gRPC."""

"""A live app as a manifest: which version of a model it describes, and the text. Never writes to the app."""

"""The local platform: the same API, really run. Shares only ``routing`` and ``catalogue`` with the tool."""

"""The explorer: what a sandbox holds, as pages for a browser. Read-only, no scripts, nothing from outside."""

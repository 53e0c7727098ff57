"""Pictures of workflows: boxes, arrows, where they go, SVG. Pure; imports nothing of the package."""

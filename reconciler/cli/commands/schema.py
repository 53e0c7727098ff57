"""``reconciler schema manifest|plan``."""

from __future__ import annotations

import click


@click.command("schema")
@click.argument("name", type=click.Choice(["manifest", "plan"]))
def command(name: str) -> int:
    """Print the JSON Schema that manifests or plan files are held by."""
    import json

    from reconciler import registry
    from reconciler.manifest import schema
    from reconciler.planning import file

    built = schema.json_schema(registry.load()) if name == "manifest" else file.json_schema()
    click.echo(json.dumps(built, indent=2, ensure_ascii=False))
    return 0

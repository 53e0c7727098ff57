"""``reconciler schema manifest|plan|reference``."""

from __future__ import annotations

import click


@click.command("schema")
@click.argument("name", type=click.Choice(["manifest", "plan", "reference"]))
def command(name: str) -> int:
    """Print the JSON Schema that manifests or plan files are held by.

    ``reference`` prints the manifest's, written for people: docs/manifest.md.
    """
    import json

    from reconciler import registry
    from reconciler.manifest import schema
    from reconciler.planning import file
    from reconciler.report import reference

    if name == "reference":
        click.echo(reference.render(schema.json_schema(registry.load())), nl=False)
        return 0
    built = schema.json_schema(registry.load()) if name == "manifest" else file.json_schema()
    click.echo(json.dumps(built, indent=2, ensure_ascii=False))
    return 0

"""``reconciler fmt PATH…``."""

from __future__ import annotations

import difflib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import options
from reconciler.cli.streams import is_colored, say

if TYPE_CHECKING:
    from reconciler.diagnostics import Diagnostic
    from reconciler.manifest.format import Formatted


@click.command("fmt")
@click.argument(
    "paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@options.option(
    "--check", is_flag=True, help="Write nothing; exit 1 and name the files that would change."
)
@options.option("--diff", is_flag=True, help="Write nothing; print what would change.")
@options.color
def command(paths: tuple[Path, ...], check: bool, diff: bool) -> int:
    """Give manifests their canonical spelling, spacing and order of sections.

    Edits the text in place; comments and meaning stay. A file that cannot be edited safely
    (anchors, tags, …) is named and left alone; one that is no valid YAML is an error. With - for
    PATH, the text is read from the standard input and written to the standard output, for editors.
    """
    from reconciler.manifest.format import Broken, LeftAlone, format_text
    from reconciler.report.style import counted

    if _PIPE in paths:
        return _piped(paths, check=check, diff=diff)
    found = _files(paths)
    changed, fine, failed = 0, 0, found.failed
    for path in found.files:
        before = _read(path)
        if before is None:
            failed = True
            continue
        match format_text(before, path.as_posix()):
            case Broken() as broken:
                _say_problems(broken.diagnostics, {path.as_posix(): broken.source})
                failed = True
            case LeftAlone() as left:
                say(f"{left.origin}: left alone: {left.reason}")
            case formatted if not formatted.changed:
                fine += 1
            case formatted:
                changed += 1
                _show(path, before, formatted, check=check, diff=diff)
    verb = "would change" if check or diff else "changed"
    say(f"{counted(changed, 'file')} {verb}, {counted(fine, 'file')} in canonical form already")
    return 1 if failed or (check and changed) else 0


_PIPE = Path("-")
_PIPE_NAME = "<stdin>"


def _piped(paths: tuple[Path, ...], *, check: bool, diff: bool) -> int:
    """The text from stdin to stdout. Of what is no YAML nothing comes out, so that none is lost."""
    from reconciler.errors import SettingsError
    from reconciler.manifest.format import Broken, LeftAlone, format_text

    if len(paths) > 1:
        raise SettingsError("- stands for the standard input alone", hint="name files or -")
    before = sys.stdin.buffer.read()
    match format_text(before, _PIPE_NAME):
        case Broken() as broken:
            _say_problems(broken.diagnostics, {_PIPE_NAME: broken.source})
            return 1
        case LeftAlone() as left:
            say(f"{left.origin}: left alone: {left.reason}")
            text, changed = before.decode("utf-8"), False
        case formatted:
            text, changed = formatted.text, formatted.changed
    if diff:
        click.echo(_difference(Path(_PIPE_NAME), before.decode("utf-8"), text), nl=False)
    elif not check:
        click.echo(text.encode("utf-8"), nl=False)
    return 1 if check and changed else 0


class _Files:
    """The files below some paths, each once; whether a path could not be followed."""

    def __init__(self) -> None:
        self.files: list[Path] = []
        self.failed = False


def _files(paths: tuple[Path, ...]) -> _Files:
    from reconciler.diagnostics import Diagnostic
    from reconciler.manifest.files import find_files

    found = _Files()
    for path in paths:
        files = find_files(path)
        if isinstance(files, Diagnostic):
            _say_problems((files,), {})
            found.failed = True
        else:
            found.files += [file for file in files if file not in found.files]
    return found


def _read(path: Path) -> bytes | None:
    from reconciler.diagnostics import problem
    from reconciler.origin import Origin

    try:
        return path.read_bytes()
    except OSError as error:
        message = f"cannot be read: {error.strerror or error}"
        _say_problems((problem("RC001", message, Origin(path.as_posix())),), {})
        return None


def _show(path: Path, before: bytes, after: Formatted, *, check: bool, diff: bool) -> None:
    """Writes the file, or tells what would be written."""
    if diff:
        click.echo(_difference(path, before.decode("utf-8"), after.text), nl=False)
    elif check:
        click.echo(path.as_posix())
    else:
        _write(path, after.text)
        say(f"{path.as_posix()}: changed")


def _difference(path: Path, before: str, after: str) -> str:
    name = path.as_posix()
    lines = difflib.unified_diff(
        _lines(before), _lines(after), f"{name} (now)", f"{name} (canonical)"
    )
    return "".join(_painted(line) for line in lines)


def _lines(text: str) -> list[str]:
    """With their ends; a last one without says so, as ``diff`` does."""
    lines = [f"{line}\n" for line in text.split("\n")]
    last = lines.pop()
    return lines if last == "\n" else [*lines, f"{last}\\ No newline at end of file\n"]


_COLORS = {"-": "red", "+": "green", "@": "cyan"}


def _painted(line: str) -> str:
    if not is_colored():
        return line
    return click.style(line.rstrip("\n"), fg=_COLORS.get(line[0])) + "\n"


def _write(path: Path, text: str) -> None:
    """Whole or not at all; what a link leads to is written, its permissions stay."""
    from reconciler.errors import SettingsError

    path = path.resolve()
    beside = path.with_name(f".{path.name}.tmp")
    try:
        beside.write_bytes(text.encode("utf-8"))
        beside.chmod(path.stat().st_mode)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        why = (error.strerror or str(error)).lower()
        hint = "what was formatted before stays so; the rest is as it was"
        raise SettingsError(f"{path} cannot be written: {why}", hint=hint) from error


def _say_problems(diagnostics: tuple[Diagnostic, ...], sources: dict[str, str]) -> None:
    from reconciler.report.diagnostics import render_text

    say(render_text(diagnostics, sources, color=is_colored(err=True)).rstrip("\n"))

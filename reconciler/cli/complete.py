"""Shell completion: the script that a shell reads, and what it is answered while somebody types.

It has to be quick and must never complain: whatever is wrong with a manifest, what is sound of it is
offered, and nothing is written to a terminal in the middle of a line.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import click
from click.shell_completion import CompletionItem, ShellComplete, split_arg_string

from reconciler.errors import ReconcilerError

if TYPE_CHECKING:
    from reconciler.address import Address

PROGRAM: Final = "reconciler"
VARIABLE: Final = "_RECONCILER_COMPLETE"
"""Set by the scripts, to the shell's name, when they want an answer instead of a run."""

_BEFORE: Final = "COMP_WORDS"
_AFTER: Final = "COMP_REST"
# Each script tells the words before the cursor's (one a line), the cursor's, and those behind it, since
# an empty word is lost among others. It gets lines of `kind,word` and, after a tab, what the word does.

_BASH: Final = """\
_reconciler_completion() {
    local IFS=$'\\n' line
    for line in $(
        env _RECONCILER_COMPLETE=bash COMP_WORDS="${COMP_WORDS[*]:0:COMP_CWORD}" \\
            COMP_WORD="${COMP_WORDS[COMP_CWORD]}" COMP_REST="${COMP_WORDS[*]:COMP_CWORD+1}" \\
            "$1" 2>/dev/null
    ); do
        case "$line" in
            dir,*) compopt -o dirnames ;;
            file,*) compopt -o default ;;
            plain,*)
                line="${line#plain,}"
                COMPREPLY+=("$(printf %q "${line%%$'\\t'*}")")
                ;;
        esac
    done
}

complete -o nosort -F _reconciler_completion reconciler
"""

_ZSH: Final = """\
#compdef reconciler

_reconciler_completion() {
    local line
    local -a words_found told
    for line in "${(@f)$(
        env _RECONCILER_COMPLETE=zsh COMP_WORDS="${(pj:\\n:)words[1,CURRENT-1]}" \\
            COMP_WORD="${words[CURRENT]}" COMP_REST="${(pj:\\n:)words[CURRENT+1,-1]}" \\
            reconciler 2>/dev/null
    )}"; do
        case "$line" in
            dir,*) _path_files -/ ;;
            file,*) _path_files -f ;;
            plain,*)
                line="${line#plain,}"
                words_found+=("${line%%$'\\t'*}")
                told+=("${line/$'\\t'/  -- }")
                ;;
        esac
    done
    (( $#words_found )) && compadd -l -d told -a words_found
}

if [[ "${zsh_eval_context[-1]}" == loadautofunc ]]; then
    _reconciler_completion "$@"
else
    compdef _reconciler_completion reconciler
fi
"""

_FISH: Final = """\
function _reconciler_completion
    set -lx _RECONCILER_COMPLETE fish
    set -lx COMP_WORDS (commandline -opc | string collect)
    set -lx COMP_WORD (commandline -ct | string collect)
    for line in (reconciler 2>/dev/null)
        set -l parts (string split -m 1 , -- $line)
        switch $parts[1]
            case dir
                __fish_complete_directories $parts[2]
            case file
                __fish_complete_path $parts[2]
            case plain
                echo $parts[2]
        end
    end
end

complete --no-files --keep-order --command reconciler --arguments '(_reconciler_completion)'
"""

SCRIPTS: Mapping[str, str] = MappingProxyType({"bash": _BASH, "zsh": _ZSH, "fish": _FISH})
"""What each shell has to read once for completion to work."""


class _Asked(ShellComplete):
    """The one question that all scripts ask."""

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words between the program's name and the cursor's word, and that word."""
        before = [_unquoted(word) for word in _words(_BEFORE)[1:]]
        return before, _unquoted(os.environ.get("COMP_WORD", ""))

    def format_completion(self, item: CompletionItem[Any]) -> str:
        """One line."""
        help_ = f"\t{item.help}" if item.help else ""
        return f"{item.type},{item.value}{help_}"


def answer(cli: click.Command) -> str:
    """What fits at the cursor, for the script that asks; nothing where the line makes no sense."""
    try:
        return _Asked(cli, {}, PROGRAM, VARIABLE).complete()
    except (click.ClickException, click.exceptions.Exit, ReconcilerError, OSError):
        return ""


def _unquoted(word: str) -> str:
    """A word as the program would get it; a quote may still be open."""
    return "".join(split_arg_string(word))


def addresses(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The addresses of the manifest that the command line names, for ``--target`` and the like."""
    del param
    stated = _stated(ctx)
    path = stated.get("path")
    if path is None:
        return []
    found = (str(address) for address in _addresses(path, stated.get("overlays") or ()))
    return [address for address in found if address.startswith(incomplete)]


def _stated(ctx: click.Context) -> Mapping[str, Any]:
    """The command's other values, those behind the cursor too: a shell tells the whole line.

    click gives up on a line whose last option has no value yet, so that one is left out.
    """
    depth = 1
    parent = ctx.parent
    while parent is not None:
        depth, parent = depth + 1, parent.parent
    before, after = ([_unquoted(word) for word in _words(name)] for name in (_BEFORE, _AFTER))
    before = before[depth:]
    if before and before[-1].startswith("-"):
        before.pop()
    again = ctx.command.make_context(
        ctx.info_name, [*before, *filter(None, after)], parent=ctx.parent, resilient_parsing=True
    )
    return again.params


def _words(name: str) -> list[str]:
    return os.environ.get(name, "").split("\n")


def _addresses(path: Path, overlays: tuple[Path, ...]) -> Iterator[Address]:
    """All that is sound of a manifest, in order; what is wrong with it is not asked."""
    from reconciler import registry
    from reconciler.call import Target
    from reconciler.kind import Scope
    from reconciler.manifest import documents, schema, variables
    from reconciler.manifest.desired import build
    from reconciler.manifest.overlay import lay_over
    from reconciler.manifest.sections import merge
    from reconciler.manifest.torn import torn
    from reconciler.origin import Origin

    kinds = registry.load()
    forms, origin = schema.forms(kinds), Origin(path.as_posix())
    sections, _ = merge(documents.load(path).documents, forms, origin)
    for overlay in overlays:
        changes, _ = merge(documents.load(overlay).documents, forms, origin)
        sections, _ = lay_over(sections, changes)
    filled = variables.fill(sections, {})
    validated = schema.validate(filled.sections, kinds)
    gaps = torn(filled.sections, validated.sections)
    for resource in build(validated.specs, kinds, Scope(Target("me", ""))):
        # what has no id of its own is called by what stands in it
        gap = gaps.get(resource.source[:2])
        if gap is None or not gap.replaced or isinstance(resource.source[-1], str):
            yield resource.address

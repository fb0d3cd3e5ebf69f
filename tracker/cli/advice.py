"""What to do about a word that stands where a command should: most often a second value of an option."""

from __future__ import annotations

from collections.abc import Sequence

import typer

_BEHIND = {
    "--video": "--video takes one path; several videos are a glob in quotes, such as --video '*.mp4'",
    "--classes": "several classes go with commas, such as --classes car,bus",
    "--trigger": "several triggers go with commas, such as --trigger confidence,interval",
    "--set": "--set stands before every setting",
}
_ELSE = "a video is named with --video; track --help says what there is"


def advised(exc: typer.TyperException, words: Sequence[str]) -> str:
    """Return what typer says about a command line of ``words``, with what to do where it is a stray word."""
    message = exc.format_message().rstrip(".")
    stray = next((i for i, word in enumerate(words) if message == f"No such command {word!r}"), None)
    if stray is None and message != "Missing command":
        return message
    context = getattr(exc, "ctx", None)
    if context is not None and context.parent is not None:
        *others, last = context.command.commands
        return (
            f"{message}: there is {', '.join(others)} and {last}" if others else f"{message}: there is {last}"
        )
    options = [word.partition("=")[0] for word in words[:stray] if word.startswith("--")]
    return f"{message}: {_BEHIND.get(options[-1], _ELSE) if options else _ELSE}"

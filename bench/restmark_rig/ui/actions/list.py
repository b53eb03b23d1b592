"""restmark list: all contestants and whether they can be used."""

from __future__ import annotations

import json
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from ...contestants import builder, registry, requirements
from ...contestants.cache import Cache
from ...contestants.contestant import Contestant
from ...contestants.registry import selector
from ...contestants.settings import Settings
from ...terminal import console
from ...terminal.short_names import short_names


@dataclass(frozen=True)
class State:
    """ready, unbuilt or skipped, and why; remedy is the command that changes it."""

    word: str
    reason: str = ""
    remedy: str = ""


def state_of(contestant: Contestant, cache: Cache) -> State:
    """Whether the contestant can be started right away."""
    if missing := requirements.missing(contestant):
        return State("skipped", "; ".join(m.what for m in missing), "; ".join(dict.fromkeys(m.remedy for m in missing)))
    built = builder.state(contestant, cache)
    if built == "ready":
        return State("ready")
    reason = "not built yet" if built == "unbuilt" else "sources or tools have changed"
    return State("unbuilt", reason, f"restmark build -C {selector(contestant)}")


_NAME_WIDTH = 28
_STYLES = {"ready": "green", "unbuilt": "yellow", "skipped": "dim"}


def list_contestants(settings: Settings, not_ready: bool, as_json: bool) -> None:
    """List contestants (those that take part by default, or those named with -C): ready, unbuilt, or skipped and why."""
    rows = [(contestant, state_of(contestant, settings.cache)) for contestant in settings.asked_for()]
    if not_ready:
        rows = [(contestant, state) for contestant, state in rows if state.word != "ready"]
    if as_json:
        console.show_json(json.dumps([_document(contestant, state) for contestant, state in rows], indent=2))
        return
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for heading in ("contestant", "language", "model", "level"):
        table.add_column(heading, no_wrap=True)
    table.add_column("state", overflow="fold")
    names = short_names((contestant.name for contestant, _ in rows), _NAME_WIDTH)
    for contestant, state in rows:
        text = Text(state.word, style=_STYLES[state.word])
        if state.reason:
            text.append(f": {state.reason}", style="default")
        if state.remedy:
            text.append(f"\n→ {state.remedy}", style="default")
        table.add_row(names[contestant.name], contestant.language, contestant.model, contestant.level, text)
    console.out.print(table)
    if not (settings.selectors or settings.all_built_in or not_ready):
        _tell_optional(settings)
    if not rows and not not_ready:
        console.plain(console.err, f"no contestants in {settings.peers_dir}; name their folder with --peers-dir")


def _tell_optional(settings: Settings) -> None:
    """Who is there as well, and takes part when asked to."""
    names = [contestant.name for contestant in registry.built_in(settings.peers_dir) if contestant.optional]
    if names:
        console.plain(console.out, f"and with --all, or by name with -C: {', '.join(names)}")


def _document(contestant: Contestant, state: State) -> dict[str, object]:
    return {
        "name": contestant.name,
        "title": contestant.title,
        "language": contestant.language,
        "model": contestant.model,
        "level": contestant.level,
        "optional": contestant.optional,
        "description": contestant.description,
        "routes": list(contestant.routes),
        "directory": str(contestant.directory),
        "state": state.word,
        "reason": state.reason or None,
        "remedy": state.remedy or None,
    }

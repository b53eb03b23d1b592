"""restmark new-contestant: writes a template that works as it is."""

from __future__ import annotations

import re
from pathlib import Path

import click

from .. import console, contestant, registry
from ..errors import EnvironmentFault, UsageFault
from ..settings import Settings, shared_options

TEMPLATE_DIR = Path(__file__).resolve().parent.parent / "template"
_FILES = ("contestant.toml", "server.py")


@click.command("new-contestant")
@shared_options
@click.argument("name")
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Folder in which the new folder is made [default: here].",
)
@click.pass_obj
def new_contestant(settings: Settings, name: str, directory: Path) -> None:
    """Write the folder NAME with a manifest and a small server that passes verify, to start from."""
    if not re.fullmatch("[a-z0-9][a-z0-9-]{0,27}", name):
        raise UsageFault(
            f"name {name!r}: lower-case letters, digits and hyphens only, at most 28",
            "choose one like my-server",
        )
    if name in registry.built_in_names(settings.peers_dir):
        raise UsageFault(
            f"name {name!r}: a built-in contestant has it already", f"choose another one, such as my-{name}"
        )
    folder = directory / name
    try:
        folder.mkdir(parents=True)
        for file in _FILES:
            text = (TEMPLATE_DIR / file).read_text(encoding="utf-8")
            (folder / file).write_text(text.replace("@NAME@", name), encoding="utf-8")
    except FileExistsError:
        raise UsageFault(f"{folder} exists already", "choose another name, or remove it") from None
    except OSError as error:
        raise EnvironmentFault(f"can not write {folder}: {error.strerror}", "choose a writable --directory") from None
    contestant.load(folder)
    for file in _FILES:
        console.plain(console.out, str(folder / file))
    console.plain(console.err, f"next: restmark verify -C {folder if '/' in str(folder) else './' + str(folder)}")

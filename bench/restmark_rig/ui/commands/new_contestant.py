"""restmark new-contestant: writes a template that works as it is."""

from __future__ import annotations

import re
from pathlib import Path

import click

from ...contestants import contestant, registry, templates
from ...contestants.settings import Settings
from ...contestants.templates import TEMPLATES
from ...model.errors import EnvironmentFault, UsageFault
from ...terminal import console
from ..shared_options import shared_options

_EPILOG = "Templates: " + "; ".join(f"{name} - {template.what}" for name, template in TEMPLATES.items()) + "."


@click.command("new-contestant", epilog=_EPILOG)
@shared_options
@click.argument("name")
@click.option(
    "--template",
    type=click.Choice(list(TEMPLATES)),
    default="stdlib",
    show_default=True,
    help="What the new server is made with.",
)
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Folder in which the new folder is made [default: here].",
)
@click.pass_obj
def new_contestant(settings: Settings, name: str, template: str, directory: Path) -> None:
    """Write the folder NAME with a manifest, a README and a server that passes verify, to start from."""
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
        texts = templates.files(template, name)
    except OSError as error:
        raise EnvironmentFault(
            f"the template {template} is not whole: {error.filename}: {error.strerror}", "install restmark anew"
        ) from None
    try:
        folder.mkdir(parents=True)
        for path, text in texts.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
    except FileExistsError:
        raise UsageFault(f"{folder} exists already", "choose another name, or remove it") from None
    except OSError as error:
        raise EnvironmentFault(f"can not write {folder}: {error.strerror}", "choose a writable --directory") from None
    contestant.load(folder)
    for path in texts:
        console.plain(console.out, str(folder / path))
    console.plain(console.err, f"next: restmark verify -C {folder if '/' in str(folder) else './' + str(folder)}")

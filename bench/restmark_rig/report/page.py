"""index.html: one file with everything in it, no script, nothing loaded from anywhere."""

from __future__ import annotations

import itertools

import jinja2
from markupsafe import Markup

from . import badges
from .svg import Figure
from .table import HEAT_LIMITS
from .view import View


def environment(*packages: str) -> jinja2.Environment:
    """What pages are made with. packages: others whose templates come before the report's own."""
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.PackageLoader(package) for package in (*packages, "restmark_rig.report")]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["draw"] = _draw
    return environment


def _draw(figure: Figure) -> Markup:
    """Both drawings; the style sheet shows one, and hides the other from screen readers, too."""
    parts = (("wide", figure.wide), ("narrow", figure.narrow))
    return Markup("").join(Markup('<div class="{}">{}</div>').format(name, Markup(svg.render())) for name, svg in parts)


def badge_legend(view: View) -> list[tuple[str, str]]:
    """Symbol and words of the verdicts that occur in the run."""
    return [(badges.SYMBOLS[name], view.badges[name]) for name, _ in view.legend()]


def heat_legend() -> list[tuple[int, str]]:
    """Shade and what it stands for."""
    limits = [f"{limit:g}" for limit in HEAT_LIMITS]
    words = ["best, or tied with it", f"up to {limits[0]}×"]
    words += [f"{low}–{high}×" for low, high in itertools.pairwise(limits)]
    return list(enumerate([*words, f"above {limits[-1]}×"]))


def render(view: View) -> str:
    """The page's text."""
    template = environment().get_template("index.html.j2")
    legends = {"heat_legend": heat_legend(), "badge_legend": badge_legend(view)}
    return template.render(view=view, symbols=badges.SYMBOLS, **legends) + "\n"

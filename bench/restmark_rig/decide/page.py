"""decision.html: one file with everything in it, no script, nothing loaded from anywhere; in the style of a run's report."""

from __future__ import annotations

from dataclasses import dataclass

from ..report import page as report_page
from ..report.view import View
from .decision import LABELS, Decision, turn_told
from .turning import Stance

_CSS = {Stance.GAIN: "verdict-holds", Stance.LOSS: "verdict-not"}


@dataclass(frozen=True)
class DecisionView:
    """What the template asks for. started, where: of the run."""

    decision: Decision
    rig_version: str
    started: str
    where: str

    @property
    def badges(self) -> dict[str, str]:
        """Of a run's report: this page's table has none."""
        return {}

    def css(self, stance: Stance) -> str:
        """The class of a stance's label."""
        return _CSS.get(stance, "verdict-open")

    def label(self, stance: Stance) -> str:
        """A stance in a word or two."""
        return LABELS[stance]


def render(decision: Decision) -> str:
    """The page's text."""
    results = decision.stacks.gains.analysis.results
    run = View(results)
    view = DecisionView(decision, results.rig_version, run.started, run.where)
    template = report_page.environment("restmark_rig.decide", "restmark_rig.studies").get_template("decision.html.j2")
    return template.render(view=view, decision=decision, turn_told=turn_told, symbols={}) + "\n"

"""A study that the rig knows nothing of: whether a kept connection is cheaper than one for each request. In two modules, as a real one would be."""

from __future__ import annotations

from restmark_rig.studies.study import Claim, Study

from . import experiment

STUDY = Study(
    name="keepalive",
    title="Whether connections are worth keeping",
    notice="An example.",
    lead="Of the rig's tests.",
    contestants=(),
    claims=(
        Claim(
            number=7,
            key="kept",
            sentence="A kept connection is cheaper.",
            source="The rig's tests.",
            method="GET / both ways.",
            rule="By the medians.",
            misleads="Everything.",
            measure=experiment.measure,
            judge=experiment.judge,
        ),
        Claim(8, "moon", "The moon is cheaper.", "None.", "None.", "None.", "None.", experiment.fail, experiment.judge),
    ),
)

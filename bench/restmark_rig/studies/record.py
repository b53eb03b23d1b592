"""What a study has found, as it stands in its results.json: claims with their figures, pictures, tables and verdicts."""

from __future__ import annotations

from dataclasses import dataclass, field

FORMAT = "restmark-study"
VERSION = 1

HOLDS, HOLDS_NOT, OPEN = "holds", "does not hold", "cannot be told here"
VERDICTS = (HOLDS, HOLDS_NOT, OPEN)

LINES, BUMP = "lines", "bump"
CHART_KINDS = (LINES, BUMP)


@dataclass(frozen=True)
class Cell:
    """One setting of an experiment. labels: what was set; rounds: the figures of each round, with units in their names; lost: why nothing
    of it counts, empty if it does."""

    labels: dict[str, str]
    rounds: list[dict[str, float]] = field(default_factory=list)
    lost: str = ""

    def values(self, figure: str) -> list[float]:
        """A figure in all rounds."""
        return [entry[figure] for entry in self.rounds]


@dataclass(frozen=True)
class Point:
    """Of a series. low and high: the 95 % interval of y, null where nothing is known of it."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Series:
    """A line of a chart. missing: why it has no points."""

    name: str
    points: list[Point]
    missing: str = ""


@dataclass(frozen=True)
class Chart:
    """A picture. title: the point that it makes; kind: "lines", or "bump" for ranks; logarithmic: the axis of y; even: values of x stand at equal
    distances, as categories do, else their axis is logarithmic."""

    key: str
    title: str
    x_title: str
    y_title: str
    series: list[Series]
    kind: str = LINES
    logarithmic: bool = True
    even: bool = False


@dataclass(frozen=True)
class FigureTable:
    """A table of texts. The first column is the row's heading."""

    key: str
    caption: str
    columns: list[str]
    rows: list[list[str]]


@dataclass(frozen=True)
class Finding:
    """What a rule makes of cells. why: the figures that decide, in a sentence; notes: what to know beside."""

    verdict: str
    why: str
    charts: list[Chart] = field(default_factory=list)
    tables: list[FigureTable] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ClaimRecord:
    """A claim with what was found. misleads: what could; duration_s: of its experiment."""

    number: int
    key: str
    sentence: str
    source: str
    method: str
    rule: str
    misleads: str
    finding: Finding
    cells: list[Cell]
    duration_s: float


@dataclass(frozen=True)
class Subject:
    """A contestant that took part. commit and build are in its versions."""

    name: str
    title: str
    versions: dict[str, str]


@dataclass(frozen=True)
class StudyResults:
    """A whole study. notice: the first line of its page; quick: fewer and shorter rounds."""

    format: str
    version: int
    study: str
    title: str
    notice: str
    lead: str
    rig_version: str
    started: str
    duration_s: float
    quick: bool
    machine: dict[str, str]
    subjects: list[Subject]
    remarks: list[str]
    claims: list[ClaimRecord]

"""Vector graphics by hand: a small SVG writer and axes. Colours come from the page's style sheet by class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape


def number(value: float) -> str:
    """A coordinate: two digits are enough for pixels."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


class Svg:
    """A drawing that grows by calls. title and description are read out by screen readers.

    key: unique on the page; width and height: of the drawing's own coordinates.
    """

    def __init__(self, key: str, title: str, description: str, width: float, height: float) -> None:
        self.key, self.title, self.description = key, title, description
        self.width, self.height = width, height
        self._parts: list[str] = []

    def line(self, x1: float, y1: float, x2: float, y2: float, css: str) -> None:
        """A straight line."""
        ends = f'x1="{number(x1)}" y1="{number(y1)}" x2="{number(x2)}" y2="{number(y2)}"'
        self._parts.append(f'<line class="{css}" {ends}/>')

    def rectangle(self, x: float, y: float, width: float, height: float, css: str) -> None:
        """A filled rectangle."""
        size = f'x="{number(x)}" y="{number(y)}" width="{number(max(0, width))}" height="{number(height)}"'
        self._parts.append(f'<rect class="{css}" {size}/>')

    def circle(self, x: float, y: float, radius: float, css: str) -> None:
        """A circle."""
        self._parts.append(f'<circle class="{css}" cx="{number(x)}" cy="{number(y)}" r="{number(radius)}"/>')

    def polygon(self, points: Sequence[tuple[float, float]], css: str) -> None:
        """A closed shape."""
        text = " ".join(f"{number(x)},{number(y)}" for x, y in points)
        self._parts.append(f'<polygon class="{css}" points="{text}"/>')

    def diamond(self, x: float, y: float, radius: float, css: str) -> None:
        """A square on its tip."""
        self.polygon([(x, y - radius), (x + radius, y), (x, y + radius), (x - radius, y)], css)

    def triangle(self, x: float, y: float, radius: float, css: str) -> None:
        """A triangle, tip up."""
        self.polygon([(x, y - radius), (x + radius, y + 0.8 * radius), (x - radius, y + 0.8 * radius)], css)

    def text(self, x: float, y: float, content: str, css: str, anchor: str = "start") -> None:
        """One line of text; anchor: start, middle or end; y is the middle of the line."""
        where = f'x="{number(x)}" y="{number(y)}" text-anchor="{anchor}" dominant-baseline="central"'
        self._parts.append(f'<text class="{css}" {where}>{escape(content)}</text>')

    def render(self, style: str = "") -> str:
        """The <svg> element. style: a style sheet for a drawing that stands alone in a file."""
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" '
            f'viewBox="0 0 {number(self.width)} {number(self.height)}" '
            f'aria-labelledby="{self.key}-title {self.key}-description" data-figure="{self.key}">'
        )
        texts = (
            f'<title id="{self.key}-title">{escape(self.title)}</title>'
            f'<desc id="{self.key}-description">{escape(self.description)}</desc>'
        )
        sheet = f"<style>{style}</style>" if style else ""
        return head + texts + sheet + "\n".join(self._parts) + "</svg>"


@dataclass(frozen=True)
class Figure:
    """One figure, drawn twice: for a desk, and for a phone. The style sheet shows the one that fits the window."""

    wide: Svg
    narrow: Svg

    @property
    def key(self) -> str:
        return self.wide.key

    @property
    def title(self) -> str:
        return self.wide.title

    def render(self, style: str = "") -> str:
        """The wide drawing's <svg> element, for a picture that stands alone."""
        return self.wide.render(style)


@dataclass(frozen=True)
class LogAxis:
    """Logarithmic; each tick is a doubling. left and right: pixels of the first and the last power of two."""

    low_power: int
    high_power: int
    left: float
    right: float

    @classmethod
    def around(cls, values: Sequence[float], left: float, right: float) -> LogAxis:
        """The powers of two around positive values, at least one doubling."""
        low, high = math.floor(math.log2(min(values))), math.ceil(math.log2(max(values)))
        return cls(low, max(high, low + 1), left, right)

    def at(self, value: float) -> float:
        """Pixel of a value."""
        share = (math.log2(value) - self.low_power) / (self.high_power - self.low_power)
        return self.left + share * (self.right - self.left)

    def ticks(self) -> list[float]:
        """Every power of two."""
        return [2.0**power for power in range(self.low_power, self.high_power + 1)]


@dataclass(frozen=True)
class LinearAxis:
    """Linear from 0. left and right: pixels of 0 and of the highest tick."""

    step: float
    highest: float
    left: float
    right: float

    @classmethod
    def up_to(cls, value: float, left: float, right: float) -> LinearAxis:
        """Four to eight steps of 1, 2 or 5 times a power of ten that reach value."""
        rough = max(value, 1e-9) / 5
        magnitude = 10.0 ** math.floor(math.log10(rough))
        step = next(factor * magnitude for factor in (1, 2, 5, 10) if factor * magnitude >= rough)
        return cls(step, math.ceil(value / step) * step or step, left, right)

    def at(self, value: float) -> float:
        """Pixel of a value."""
        return self.left + value / self.highest * (self.right - self.left)

    def ticks(self) -> list[float]:
        """0 and every step."""
        return [self.step * index for index in range(round(self.highest / self.step) + 1)]


def tick_label(value: float) -> str:
    """All digits: 65,536 and not 64k, which could mean 64,000."""
    return f"{value:,.0f}" if value >= 1 else f"{value:.3g}"

"""A plot with two logarithmic axes as SVG, legible on light and on dark."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final, NamedTuple

Point = tuple[float, float]
_WIDTH: Final = 640
_HEIGHT: Final = 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 40, 50, 60
# Colours with enough contrast on white and on near-black; shapes tell the lines apart as well.
_COLOURS: Final = ("#2f81f7", "#d9730d", "#2da44e", "#a371f7")
_INK: Final = "#808890"
_FONT: Final = "font-family='system-ui, sans-serif' font-size='13'"


class _Scale(NamedTuple):
    """Whole decades of an axis, and the pixels they lie between."""

    low: int
    high: int
    start: float
    end: float

    def at(self, value: float) -> float:
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    @property
    def decades(self) -> list[float]:
        return [10.0**power for power in range(self.low, self.high + 1)]


def log_log(
    title: str, horizontal: str, vertical: str, lines: Mapping[str, Sequence[Point]]
) -> str:
    """Return the picture of *lines*, each a name and its points, all of them above zero."""
    points = [point for line in lines.values() for point in line]
    x = _scale([p[0] for p in points], _LEFT, _WIDTH - _RIGHT)
    y = _scale([p[1] for p in points], _HEIGHT - _BOTTOM, _TOP)
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {_WIDTH} {_HEIGHT}' role='img'",
        f" aria-label='{escape(title)}' {_FONT} fill='{_INK}'>",
        _text(_WIDTH / 2, 20, title, "middle"),
        *_grid(x, y),
        _text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 12, horizontal, "middle"),
        f"<text transform='translate(16 {(_TOP + _HEIGHT - _BOTTOM) / 2}) rotate(-90)'",
        f" text-anchor='middle'>{escape(vertical)}</text>",
    ]
    for number, (name, line) in enumerate(lines.items()):
        parts += _line(number, name, [(x.at(a), y.at(b)) for a, b in line])
    return "\n".join([*parts, "</svg>\n"])


def _scale(values: Sequence[float], start: float, end: float) -> _Scale:
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return _Scale(low, max(high, low + 1), start, end)


def _grid(x: _Scale, y: _Scale) -> list[str]:
    ink = f"stroke='{_INK}' stroke-opacity='0.35'"
    parts = []
    for value in x.decades:
        at = x.at(value)
        parts.append(f"<path d='M{at:.1f} {y.start}V{y.end}' {ink}/>")
        parts.append(_text(at, y.start + 18, _label(value), "middle"))
    for value in y.decades:
        at = y.at(value)
        parts.append(f"<path d='M{x.start} {at:.1f}H{x.end}' {ink}/>")
        parts.append(_text(x.start - 8, at + 4, _label(value), "end"))
    return parts


def _line(number: int, name: str, points: Sequence[Point]) -> list[str]:
    colour = _COLOURS[number % len(_COLOURS)]
    path = "L".join(f"{a:.1f} {b:.1f}" for a, b in points)
    left = _LEFT + 10
    legend = _TOP - 14
    shift = number * 190
    return [
        f"<path d='M{path}' fill='none' stroke='{colour}' stroke-width='2'/>",
        *(_mark(number, a, b, colour) for a, b in points),
        _mark(number, left + shift, legend, colour),
        f"<text x='{left + shift + 10}' y='{legend + 4}' fill='{colour}'>{escape(name)}</text>",
    ]


def _mark(number: int, a: float, b: float, colour: str) -> str:
    if number % 2:
        return f"<rect x='{a - 4:.1f}' y='{b - 4:.1f}' width='8' height='8' fill='{colour}'/>"
    return f"<circle cx='{a:.1f}' cy='{b:.1f}' r='4.5' fill='{colour}'/>"


def _text(a: float, b: float, words: str, anchor: str) -> str:
    return f"<text x='{a:.1f}' y='{b:.1f}' text-anchor='{anchor}'>{escape(words)}</text>"


def _label(value: float) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"

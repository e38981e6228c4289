"""A line plot as an SVG that needs nothing else, and is readable on a light and on a dark page."""

import math
from html import escape

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 190, 40, 50
STYLE = """<style>
svg { background: #fff; font: 12px sans-serif; } text { fill: #222; } .grid { stroke: #ddd; } .axis { stroke: #555; }
@media (prefers-color-scheme: dark) {
  svg { background: #161616; } text { fill: #ddd; } .grid { stroke: #333; } .axis { stroke: #999; }
}
</style>"""


def short(value):
    for limit, unit in ((1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:g}{unit}"
    return f"{value:g}"


class Axis:
    """Values to pixels, on a logarithmic or a linear scale that ends at round numbers."""

    def __init__(self, values, start, end, logarithmic):
        self.start, self.end, self.log = start, end, logarithmic
        low, high = min(values), max(values)
        if logarithmic:
            low, high = math.floor(math.log10(low)), math.ceil(math.log10(high))
            self.low, self.high = low, max(high, low + 1)
            self.ticks = [10.0 ** power for power in range(self.low, self.high + 1)]
        else:
            step = 10 ** math.floor(math.log10(max(high, 1e-9)))
            step = next(step * part for part in (0.1, 0.2, 0.5, 1, 2) if high / (step * part) <= 8)
            self.low, self.high = 0, step * math.ceil(high / step)
            self.ticks = [step * i for i in range(round(self.high / step) + 1)]

    def at(self, value):
        value = math.log10(value) if self.log else value
        return self.start + (self.end - self.start) * (value - self.low) / (self.high - self.low)


def line_plot(title, x_label, y_label, series, x_log=True, y_log=True):
    """series: (name, color, [(x, y), ...]) each; one without points is left out."""
    series = [one for one in series if one[2]]
    xs = [x for _, _, points in series for x, _ in points] or [1]
    ys = [y for _, _, points in series for _, y in points] or [1]
    x_axis = Axis(xs, LEFT, WIDTH - RIGHT, x_log)
    y_axis = Axis(ys, HEIGHT - BOTTOM, TOP, y_log)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
           f"<title>{escape(title)}</title>", STYLE, f'<text x="{LEFT}" y="22" font-size="14">{escape(title)}</text>']
    for tick in x_axis.ticks:
        x = round(x_axis.at(tick), 1)
        out.append(f'<path class="grid" d="M{x} {TOP}V{HEIGHT - BOTTOM}"/>'
                   f'<text x="{x}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{short(tick)}</text>')
    for tick in y_axis.ticks:
        y = round(y_axis.at(tick), 1)
        out.append(f'<path class="grid" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>'
                   f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{short(tick)}</text>')
    out.append(f'<path class="axis" fill="none" d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}"/>')
    middle_x, middle_y = (LEFT + WIDTH - RIGHT) / 2, (TOP + HEIGHT - BOTTOM) / 2
    out.append(f'<text x="{middle_x}" y="{HEIGHT - 10}" text-anchor="middle">{escape(x_label)}</text>'
               f'<text x="16" y="{middle_y}" text-anchor="middle" transform="rotate(-90 16 {middle_y})">'
               f"{escape(y_label)}</text>")
    for row, (name, color, points) in enumerate(series):
        places = [(round(x_axis.at(x), 1), round(y_axis.at(y), 1)) for x, y in points]
        path = "M" + "L".join(f"{x} {y}" for x, y in places)
        out.append(f'<path d="{path}" fill="none" stroke="{color}" stroke-width="2"/>')
        out += [f'<circle cx="{x}" cy="{y}" r="3" fill="{color}"/>' for x, y in places]
        y = TOP + 10 + 18 * row
        out.append(f'<path d="M{WIDTH - RIGHT + 12} {y}h18" stroke="{color}" stroke-width="3"/>'
                   f'<text x="{WIDTH - RIGHT + 36}" y="{y + 4}">{escape(name)}</text>')
    return "\n".join(out) + "\n</svg>\n"

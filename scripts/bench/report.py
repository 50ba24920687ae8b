"""The one table in which a run ends."""

from dataclasses import dataclass
from statistics import median

ROUNDS = 3
COLUMNS = ("what", "req/s", "p50 us", "p99 us", "CPU us", "others %", "RSS MB", "measured", "bar", "")


@dataclass
class Bar:
    """What a figure is held against."""
    value: float
    limit: float
    at_least: bool
    unit: str

    @property
    def holds(self):
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def cells(self):
        sign = ">=" if self.at_least else "<="
        return (f"{number(self.value)} {self.unit}".strip(), f"{sign} {number(self.limit)} {self.unit}".strip(),
                "PASS" if self.holds else "FAIL")


def at_least(value, limit, unit=""):
    return Bar(value, limit, True, unit)


def at_most(value, limit, unit=""):
    return Bar(value, limit, False, unit)


class Table:
    def __init__(self):
        self._rows = []
        self._bars = []

    def add(self, what, runs=(), rss=None, bar=None):
        """One row: the medians of its runs, and its bar."""
        if bar:
            self._bars.append(bar)
        figures = [middle(runs, name) for name in ("rate", "p50", "p99", "cpu", "others")]
        failed = sum(run.failed for run in runs)
        if failed:
            what += f" ({failed} refused)"
        cells = bar.cells() if bar else ("", "", "")
        self._rows.append((what, *map(number, figures), number(rss), *cells))

    def print(self):
        rows = [COLUMNS, *self._rows]
        widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
        for index, row in enumerate(rows):
            cells = [cell.ljust(width) if column == 0 else cell.rjust(width)
                     for column, (cell, width) in enumerate(zip(row, widths))]
            print("  ".join(cells).rstrip())
            if index == 0:
                print("-" * (sum(widths) + 2 * (len(widths) - 1)))
        missed = sum(not bar.holds for bar in self._bars)
        print(f"\n{len(self._bars) - missed} of {len(self._bars)} bars are met. CPU us: the server's, a request. others %: of the "
              "server's core, had by other programs; above a few, measure again.")


def middle(runs, name):
    """The median of a figure; None where it was not measured."""
    values = [getattr(run, name) for run in runs]
    return None if not values or None in values else median(values)


def number(value):
    """Three digits that count, or all before the point; nothing for None."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def say(what):
    print(f"  {what}", flush=True)

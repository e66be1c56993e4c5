"""Charts as PNG files in docs/charts, from records that are kept with the code.

    python -m training.evaluation.charts  # draw them all
    python -m training.evaluation.charts --keep NAME  # first copy the log of .cache/runs/NAME

training/runs/<name>.jsonl is a run's log, thinned; training/runs/peers.json is what
`python -m training.evaluation.lines … --peers --json training/runs/peers.json` wrote.
"""

import argparse
import json
import math
import sys
import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Any

from training.evaluation.metrics import Bin, expected_error

RUNS = Path("training/runs")
LOGS = Path(".cache/runs")
CHARTS = Path("docs/charts")
ARCHIVES = Path(__file__).parents[2] / "model_store" / "archives.toml"
"""Names the models that are retired: the chart of accuracy against time leaves them out."""
LOSS_EVERY = 500
"""Steps over which the losses of a kept log are means."""
COLOURS = ("#0b6e99", "#c4561d", "#4c7a34", "#7b4ea3", "#9a7a00", "#a8325e")
INK, MUTED, PEER = "#1a1a1a", "#6b6b6b", "#8a8f94"
STYLE = {
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#b5b5b5",
    "axes.labelcolor": MUTED,
    "axes.titlelocation": "left",
    "axes.titlesize": 12,
    "axes.titlecolor": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "axes.grid": True,
    "grid.color": "#ececec",
    "axes.axisbelow": True,
    "figure.constrained_layout.use": True,
    "savefig.dpi": 160,
}
LogRow = dict[str, Any]
"""A row of a run's log: step, lines, minutes, and a loss or scores by folder."""


def scores(entry: LogRow) -> dict[str, dict[str, float]]:
    """The scores of an entry by folder; empty in a row of losses."""
    return {name: value for name, value in entry.items() if isinstance(value, dict) and "word" in value}


def thin(entries: list[LogRow]) -> list[LogRow]:
    """All rows with scores, and every LOSS_EVERY steps a row with the mean of the losses since the last."""
    kept: list[LogRow] = []
    losses: list[float] = []
    for entry in entries:
        if scores(entry):
            kept.append(entry)
        if "loss" in entry:
            losses.append(entry["loss"])
            if entry["step"] % LOSS_EVERY == 0:
                kept.append(entry | {"loss": round(sum(losses) / len(losses), 4)})
                losses = []
    return kept


def read_log(path: Path) -> list[LogRow]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line]


def keep(name: str) -> Path:
    """Take the thinned log of a run of this machine into RUNS."""
    kept = RUNS / f"{name}.jsonl"
    kept.parent.mkdir(parents=True, exist_ok=True)
    rows = thin(read_log(LOGS / name / "log.jsonl"))
    kept.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return kept


def draw_learning(logs: dict[str, list[LogRow]], path: Path) -> None:
    """For each run a row: word, exact and loss against the lines seen."""
    plot = _pyplot()
    figure, axes = plot.subplots(len(logs), 3, figsize=(13, 3.6 * len(logs)), squeeze=False)
    for row, (name, entries) in zip(axes, logs.items(), strict=True):
        for axis, key in zip(row, ("word", "exact"), strict=False):
            _draw_scores(axis, entries, key)
            axis.set_title(f"{name}: {'words' if key == 'word' else 'whole lines'} right")
        losses = [(entry["lines"], entry["loss"]) for entry in entries if "loss" in entry]
        row[2].plot(*(zip(*losses, strict=True) if losses else ((), ())), color=INK, marker="o", markersize=2)
        row[2].set_title(f"{name}: CTC loss")
        row[2].set_ylim(bottom=0)
        for axis in row:
            axis.xaxis.set_major_formatter(lambda lines, _: _short(lines))
            axis.set_xlabel("lines seen")
            axis.set_xlim(left=0)
    _save(figure, path)


def _draw_scores(axis: Any, entries: list[LogRow], key: str) -> None:
    scored = [entry for entry in entries if scores(entry)]
    ends = []
    for folder, colour in zip(sorted({f for e in scored for f in scores(e)}), COLOURS * 4, strict=False):
        points = [(e["lines"], 100 * scores(e)[folder][key]) for e in scored if folder in scores(e)]
        axis.plot(*zip(*points, strict=True), color=colour, marker="o", markersize=3, linewidth=1.8)
        ends.append((points[-1][1], f"{folder} {points[-1][1]:.1f}", colour))
    axis.yaxis.set_major_formatter(lambda share, _: f"{share:g} %")
    gap = 0.075 * (axis.get_ylim()[1] - axis.get_ylim()[0])
    places = spread([value for value, _, _ in ends], gap)
    for place, (_, text, colour) in zip(places, ends, strict=True):
        axis.annotate(text, (1.01, place), xycoords=("axes fraction", "data"), color=colour, fontsize=9,
                      va="center", annotation_clip=False)  # fmt: skip


def spread(values: list[float], gap: float) -> list[float]:
    """The values in their order of size, moved down where need be so that each is `gap` from the next."""
    placed: dict[int, float] = {}
    above = float("inf")
    for index in sorted(range(len(values)), key=lambda i: -values[i]):
        above = placed[index] = min(values[index], above - gap)
    return [placed[index] for index in range(len(values))]


def beside(points: list[tuple[float, float]], reach: float, gap: float) -> list[float]:
    """Heights for labels that begin at the points (x, y) and are `reach` long and `gap` high.

    Each is as near to its point's height as leaves the other points and the labels already placed free.
    """
    placed: dict[int, float] = {}
    steps = [0.0, *(sign * gap * half / 2 for half in range(1, 12) for sign in (1, -1))]
    for index in sorted(range(len(points)), key=lambda i: -points[i][1]):
        x, y = points[index]
        labels = [place for other, place in placed.items() if abs(points[other][0] - x) < reach]
        dots = [v for other, (u, v) in enumerate(points) if other != index and 0 <= u - x < reach]

        def free(height: float, labels: list[float] = labels, dots: list[float] = dots) -> bool:
            return all(abs(height - of) >= gap for of in labels) and all(
                abs(height - of) >= 0.7 * gap for of in dots
            )

        placed[index] = next((y + step for step in steps if free(y + step)), y)
    return [placed[index] for index in range(len(points))]


def without(report: dict[str, Any], models: Collection[str]) -> dict[str, Any]:
    """The report of the other models and engines."""
    folders = {
        name: folder | {"rows": [row for row in folder["rows"] if row["engine"] not in models]}
        for name, folder in report["folders"].items()
    }
    return report | {"folders": folders}


def draw_peers(report: dict[str, Any], path: Path) -> None:
    """A panel for each folder: accuracy against milliseconds per line, each engine labelled."""
    plot = _pyplot()
    folders = report["folders"]
    columns = min(2, len(folders))
    rows = -(-len(folders) // columns)
    figure, axes = plot.subplots(rows, columns, figsize=(5.5 * columns, 3.9 * rows), squeeze=False)
    for axis, (name, folder) in zip(axes.flat, folders.items(), strict=False):
        _draw_engines(axis, name, folder, report["models"])
    for axis in axes.flat[len(folders) :]:
        axis.set_visible(False)
    _save(figure, path)


def _draw_engines(axis: Any, name: str, folder: dict[str, Any], models: list[str]) -> None:
    """Left out is who reads little beside the best: below a half; of our own models below a third."""
    key = "exact" if folder["spaces"] > 0.2 else "word"
    measured = [row for row in folder["rows"] if "missing" not in row]
    best = max(row[key] for row in measured)
    measured = [row for row in measured if row[key] >= best / (3 if row["engine"] in models else 2)]
    fastest, slowest = (choose(row["ms"] for row in measured) for choose in (min, max))
    axis.set_xscale("log")
    axis.set_xlim(fastest / 1.6, slowest * 4)
    values = [100 * row[key] for row in measured]
    margin = max(4.0, 0.15 * (max(values) - min(values)))
    axis.set_ylim(min(values) - margin, max(values) + margin)
    gap = 0.068 * (axis.get_ylim()[1] - axis.get_ylim()[0])
    reach = 0.32 * math.log(2 * 3.2 * slowest / fastest)
    places = beside(
        [(math.log(row["ms"]), value) for row, value in zip(measured, values, strict=True)], reach, gap
    )
    for row, value, place in zip(measured, values, places, strict=True):
        ours = row["engine"] in models
        axis.plot(row["ms"], value, "o", color=COLOURS[1] if ours else PEER, markersize=9 if ours else 7)
        axis.annotate(
            row["engine"].split(" (")[0], (row["ms"], place), xytext=(8, 0), textcoords="offset points",
            va="center", fontsize=9.5, color=COLOURS[1] if ours else INK, weight="bold" if ours else "normal",
        )  # fmt: skip
    axis.set_title(f"{name}: {'lines' if key == 'exact' else 'words'} right")
    ticks = [t for t in (0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500) if fastest / 1.6 <= t <= slowest * 4]
    axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axis.minorticks_off()
    axis.yaxis.set_major_formatter(lambda share, _: f"{share:g} %" if share <= 100 else "")
    axis.set_xlabel("milliseconds of CPU time per line, batch 1")


def draw_reliability(before: list[Bin], after: list[Bin], path: Path) -> None:
    """The share of lines that are right against their confidence, before and after calibration."""
    figure, axis = _pyplot().subplots(figsize=(5, 4.6))
    axis.plot([0, 1], [0, 1], color="#c9c9c9", linewidth=1.2)
    for table, name, colour in ((before, "before", PEER), (after, "after", COLOURS[1])):
        total = sum(row.count for row in table)
        sizes = [12 + 500 * row.count / total for row in table]
        points = [(row.confidence, row.right) for row in table]
        axis.plot(*zip(*points, strict=True), color=colour, linewidth=1.4)
        axis.scatter(*zip(*points, strict=True), s=sizes, color=colour, alpha=0.7, edgecolors="none",
                     label=f"{name}: error {expected_error(table):.3f}")  # fmt: skip
    axis.set_title("Confidence and what it is worth")
    axis.set_xlabel("confidence of a line")
    axis.set_ylabel("share of such lines that are exactly right")
    axis.legend(frameon=False, loc="upper left", labelcolor=INK)
    _save(figure, path)


def _short(lines: float) -> str:
    return f"{lines / 1e6:g}M" if lines >= 1e6 else f"{lines / 1e3:g}k" if lines else "0"


def _save(figure: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Software": None})  # the same bytes whatever version draws them
    _pyplot().close(figure)


def _pyplot() -> Any:
    """matplotlib, drawing into files, in the style of the charts.

    Raises:
        SystemExit: it is not installed.
    """
    try:
        import matplotlib
    except ImportError:
        sys.exit("Charts need matplotlib: run `make install`.")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    pyplot.rcParams.update(STYLE)
    return pyplot


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--keep", metavar="NAME", help="take this run's log into training/runs first")
    options = parser.parse_args(arguments)
    if options.keep and not (LOGS / options.keep / "log.jsonl").exists():
        sys.exit(f"There is no run {options.keep}: {LOGS / options.keep / 'log.jsonl'} does not exist.")
    if options.keep:
        print(keep(options.keep))
    logs = {path.stem: read_log(path) for path in sorted(RUNS.glob("*.jsonl"))}
    if logs:
        draw_learning(logs, CHARTS / "learning.png")
    if (RUNS / "peers.json").exists():
        retired = tomllib.loads(ARCHIVES.read_text("utf-8"))["retired"]
        report = json.loads((RUNS / "peers.json").read_text("utf-8"))
        draw_peers(without(report, retired), CHARTS / "accuracy-time.png")
    print(*sorted(map(str, CHARTS.glob("*.png"))), sep="\n")


if __name__ == "__main__":
    main()

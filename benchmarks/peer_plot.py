"""Draw grouped bars with matplotlib, in the peers' environment: JSON on stdin, `peer_plot.py FILE`.

The input has `title`, `unit`, `groups` (names) and `series` (name -> a value or null a group).
"""

import json
import sys

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

_OURS = "#c1440e"
_OTHERS = ("#9aa5b1", "#64748b", "#334155", "#7fb069", "#4a90c2", "#b08bbb")


def main() -> None:
    """Read, draw and write."""
    data = json.load(sys.stdin)
    groups, series = data["groups"], data["series"]
    width = 0.8 / len(series)
    figure, axes = pyplot.subplots(figsize=(1.5 + 1.9 * len(groups), 4.2))
    for index, (name, values) in enumerate(series.items()):
        colour = _OURS if name == "MLRift" else _OTHERS[index % len(_OTHERS)]
        places = [group + (index - (len(series) - 1) / 2) * width for group in range(len(groups))]
        known = [(x, value) for x, value in zip(places, values, strict=True) if value is not None]
        bars = axes.bar([x for x, _ in known], [y for _, y in known], width, label=name)
        for bar in bars:
            bar.set_color(colour)
        axes.bar_label(bars, fmt="%.3g", fontsize=7, rotation=90, padding=2)
    axes.set_yscale("log")
    axes.margins(y=0.2)
    axes.set_xticks(range(len(groups)), groups)
    axes.set_ylabel(data["unit"])
    axes.set_title(data["title"])
    axes.legend(fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(sys.argv[1])


if __name__ == "__main__":
    main()

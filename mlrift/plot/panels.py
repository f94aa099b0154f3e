"""Recordings drawn into matplotlib's axes: raster, population rate, traces.

Each function draws one panel and labels its axes, except for the time, which panels share.
"""

import math
from dataclasses import dataclass
from enum import Enum, unique

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from mlrift.plot.recording import RecordingError, Span, Spikes, States, TimeUnit

_SPIKE_COLOUR = "0.15"
_RATE_COLOUR = "tab:blue"
_MOST_LINES = 10
_MOST_TICK_ROWS = 150
_MOST_DOTS = 50_000
_MOST_VECTOR_SPIKES = 100_000
_MOST_BINS = 100_000
_BINS = 150
_MS_IN_SECOND = 1000.0


@unique
class Kind(Enum):
    """What a panel shows."""

    RASTER = "raster"
    RATE = "rate"
    TRACE = "trace"


@dataclass(frozen=True, slots=True)
class RateScale:
    """How rates are counted: the width of a bin, and of how many neurons; None is a guess."""

    bin_width: float | None = None
    population: int | None = None


GUESSED_RATE = RateScale()


def neurons_of(spikes: Spikes, chosen: Span) -> range:
    """Return the chosen neurons; without an end, up to the highest one that spiked."""
    low = 0 if chosen.start is None else math.ceil(chosen.start)
    if chosen.end is not None:
        return range(low, max(low + 1, math.ceil(chosen.end)))
    return range(low, max(low, int(spikes.neurons.max(initial=low))) + 1)


def draw_raster(axes: Axes, spikes: Spikes, neurons: range) -> None:
    """Draw a mark for each spike, the neurons upwards."""
    rows = len(neurons)
    style: dict[str, object] = {"linestyle": "none", "color": _SPIKE_COLOUR}
    if rows <= _MOST_TICK_ROWS:
        height_points = axes.get_window_extent().height * 72 / axes.figure.dpi
        style |= {"marker": "|", "markersize": max(2.0, 0.7 * height_points / max(rows, 1))}
        style |= {"markeredgewidth": 0.8}
    else:
        style |= {"marker": ".", "markersize": 1.6, "markeredgewidth": 0.0}
        if len(spikes.times) > _MOST_DOTS:
            style["marker"] = ","
    style["rasterized"] = len(spikes.times) > _MOST_VECTOR_SPIKES
    axes.plot(spikes.times, spikes.neurons, gid="spikes", **style)  # type: ignore[arg-type]
    axes.set_ylim(neurons.start - 0.5, neurons.stop - 0.5)
    axes.set_ylabel("neuron")
    axes.yaxis.set_major_locator(_whole_numbers())
    if not len(spikes.times):
        axes.text(0.5, 0.5, "no spikes", ha="center", va="center", transform=axes.transAxes)


def draw_rate(axes: Axes, spikes: Spikes, neurons: range, times: Span, scale: RateScale) -> None:
    """Draw how often a neuron spikes on average, in Hz; over steps, the spikes of a step."""
    start, end = _time_limits(spikes, times)
    width = scale.bin_width if scale.bin_width is not None else _round_width((end - start) / _BINS)
    if spikes.unit is TimeUnit.STEP:
        width = max(1.0, float(round(width)))
    if not (end - start) / width <= _MOST_BINS:
        raise RecordingError(
            f"'{spikes.name}': a time of {end - start:g} has more than {_MOST_BINS:,} bins of "
            f"{width:g}; give a larger --bin or a part with --time"
        )
    count = max(1, math.ceil((end - start) / width))
    edges = start + width * np.arange(count + 1)
    counts, _ = np.histogram(spikes.times, edges)
    population = scale.population if scale.population is not None else len(neurons)
    if spikes.unit is TimeUnit.MILLISECOND:
        rates = counts / population / (width / _MS_IN_SECOND)
        axes.set_ylabel("rate (Hz)")
        note = f"mean of {population} neurons in {width:g} ms"
    else:
        rates = counts / width
        axes.set_ylabel("spikes / step")
        note = f"mean of {width:g} steps"
    axes.stairs(rates, edges, fill=True, color=_RATE_COLOUR, alpha=0.35, linewidth=0)
    axes.stairs(rates, edges, color=_RATE_COLOUR, linewidth=1.0, gid="rate")
    axes.set_ylim(bottom=0.0)
    axes.text(1.0, 1.0, note, ha="right", va="bottom", color="0.4", transform=axes.transAxes)


def draw_traces(axes: Axes, states: States) -> None:
    """Draw a line for each neuron, or, where there are many, the values as colours."""
    count = states.values.shape[1]
    if count > _MOST_LINES and len(states.times):
        _draw_map(axes, states)
        return
    for index in range(count):
        label = states.labels[index]
        line = {"linewidth": 1.1, "label": label, "gid": f"trace {index}"}
        axes.plot(states.times, states.values[:, index], **line)  # type: ignore[arg-type]
    axes.set_ylabel(states.name)
    if count > 1:
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    if not states.values.size:
        axes.text(0.5, 0.5, "no states", ha="center", va="center", transform=axes.transAxes)


def _draw_map(axes: Axes, states: States) -> None:
    finite = states.values[np.isfinite(states.values)]
    limits = np.percentile(finite, (0.5, 99.5)) if finite.size else (0.0, 1.0)
    step = states.times[1] - states.times[0] if len(states.times) > 1 else 1.0
    count = states.values.shape[1]
    image = axes.imshow(
        states.values.T,
        aspect="auto",
        origin="lower",
        interpolation="nearest",
        extent=(states.times[0] - step / 2, states.times[-1] + step / 2, -0.5, count - 0.5),
        vmin=float(limits[0]),
        vmax=float(limits[1]),
        cmap="viridis",
    )
    axes.figure.colorbar(image, ax=axes, label=states.name, pad=0.01)
    axes.set_ylabel("neuron")
    ticks = [int(tick) for tick in _whole_numbers().tick_values(0, count - 1)]
    ticks = [tick for tick in ticks if 0 <= tick < count]
    axes.set_yticks(ticks, [str(states.neurons[tick]) for tick in ticks])


def _whole_numbers() -> MaxNLocator:
    return MaxNLocator(nbins=8, steps=[1, 2, 5, 10], integer=True)


def _time_limits(spikes: Spikes, times: Span) -> tuple[float, float]:
    start = times.start if times.start is not None else min(0.0, spikes.times.min(initial=0.0))
    end = times.end if times.end is not None else spikes.times.max(initial=start)
    if times.end is None:  # the last spike lies in a bin, too
        end = np.nextafter(end, np.inf)
    return float(start), float(max(end, start + 1e-9))


def _round_width(width: float) -> float:
    """Return the next larger of 1, 2, 5, 10 ... times a power of ten."""
    power = 10.0 ** np.floor(np.log10(width))
    return float(next(power * digit for digit in (1, 2, 5, 10) if power * digit >= width * 0.999))

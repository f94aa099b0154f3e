"""Panels one above the other on a common time axis, as the bytes of a picture."""

import io
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mlrift.plot.panels import (
    GUESSED_RATE,
    Kind,
    RateScale,
    draw_raster,
    draw_rate,
    draw_traces,
    neurons_of,
)
from mlrift.plot.recording import EVERYTHING, Recording, Span, States, TimeUnit

# What each format is told, so that the date is no part of a picture.
_WITHOUT_DATE = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
FORMATS = tuple(_WITHOUT_DATE)

_WIDTH_INCHES = 9.0
_HEIGHTS_INCHES = {Kind.RASTER: 3.2, Kind.RATE: 1.5, Kind.TRACE: 2.2}
_MARGIN_INCHES = 0.9
_DPI = 150
_STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "legend.fontsize": 8,
    "svg.fonttype": "none",
    "svg.hashsalt": "mlrift",
    "pdf.fonttype": 42,
}
_TIME_LABELS = {TimeUnit.MILLISECOND: "time (ms)", TimeUnit.STEP: "step"}


@dataclass(frozen=True, slots=True)
class Panel:
    """One recording shown in one way."""

    kind: Kind
    recording: Recording


@dataclass(frozen=True, slots=True)
class View:
    """What is shown of the recordings, and how."""

    neurons: Span = EVERYTHING
    times: Span = EVERYTHING
    rate: RateScale = GUESSED_RATE
    title: str = ""


def picture(panels: list[Panel], view: View, picture_format: str) -> bytes:
    """Return a file of one of FORMATS; the same recordings make the same bytes."""
    with mpl.rc_context(_STYLE):
        figure = _figure(panels, view)
        out = io.BytesIO()
        metadata = _WITHOUT_DATE[picture_format]
        figure.savefig(out, format=picture_format, dpi=_DPI, metadata=metadata)
    return out.getvalue()


def _figure(panels: list[Panel], view: View) -> Figure:
    heights = [_HEIGHTS_INCHES[panel.kind] for panel in panels]
    size = (_WIDTH_INCHES, sum(heights) + _MARGIN_INCHES)
    figure = Figure(figsize=size, dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    rows = figure.subplots(
        len(panels), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights}
    )
    all_axes: list[Axes] = list(rows[:, 0])
    figure.draw_without_rendering()  # panels have their sizes, which marks depend on
    last = None
    for axes, panel in zip(all_axes, panels, strict=True):
        _draw(axes, panel, view)
        if len(panels) > 1 and panel.recording is not last:
            axes.set_title(panel.recording.name)
        last = panel.recording
    all_axes[-1].set_xlabel(_TIME_LABELS[panels[0].recording.unit])
    _limit_time(all_axes[0], panels, view)
    figure.align_ylabels(all_axes)
    if view.title:
        figure.suptitle(view.title)
    return figure


def _draw(axes: Axes, panel: Panel, view: View) -> None:
    recording = panel.recording
    if isinstance(recording, States):
        draw_traces(axes, recording.within(view.neurons, view.times))
        return
    shown = recording.within(view.neurons, view.times)
    neurons = neurons_of(recording, view.neurons)
    if panel.kind is Kind.RASTER:
        draw_raster(axes, shown, neurons)
    else:
        draw_rate(axes, shown, neurons, view.times, view.rate)


def _limit_time(axes: Axes, panels: list[Panel], view: View) -> None:
    """Make the axis begin with the recordings, at 0 if they begin later, and end with them."""
    times = [panel.recording.times for panel in panels if len(panel.recording.times)]
    start = min([0.0, *(float(row.min()) for row in times)])
    end = max([start, *(float(row.max()) for row in times)])
    start = view.times.start if view.times.start is not None else start
    end = view.times.end if view.times.end is not None else end
    if end > start:
        axes.set_xlim(start, end)

"""Words of a command line in; a picture written and an exit status out."""

import argparse
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mlrift.plot.reading import TimeScale, read_recording
from mlrift.plot.recording import EVERYTHING, Recording, RecordingError, Span, Spikes

if TYPE_CHECKING:
    from mlrift.plot.picture import Panel, View

STATUS_FAILED = 1

_NO_MATPLOTLIB = (
    "drawing needs matplotlib, which is not installed; "
    "install it with: python -m pip install 'mlrift[plot]'"
)
_EPILOG = """\
Spikes are tables of std/record.mlr or rows of (step, neuron); states are its tables, or arrays of a
row a step. Spikes become a raster with the rate below it, states become traces; several files share
one time axis.
"""


def run(words: list[str]) -> int:
    """Draw recordings; what goes wrong is one line on standard error."""
    options = _parser().parse_args(words)
    try:
        from mlrift.plot.picture import FORMATS, picture  # noqa: PLC0415
    except ImportError:
        return _fail(_NO_MATPLOTLIB)
    files = [Path(name) for name in options.files]
    output = Path(options.output) if options.output else files[0].with_suffix(".png")
    picture_format = output.suffix.lower().removeprefix(".")
    if picture_format not in FORMATS:
        return _fail(f"'{output}': a picture ends in .{', .'.join(FORMATS)}")
    try:
        scale = TimeScale(options.dt, options.every)
        recordings = [_read(path, scale) for path in files]
        panels = _panels(recordings, options.kinds)
        content = picture(panels, _view(options), picture_format)
        _write(output, content, files)
    except RecordingError as error:
        return _fail(str(error))
    sys.stdout.write(f"{', '.join(_summary(row) for row in recordings)} -> {output}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m mlrift.plot",
        description="Draw recorded spikes and states (.npy, .csv) as .png, .svg or .pdf.",
        epilog=_EPILOG,
    )
    parser.add_argument("files", metavar="FILE", nargs="+", help="a recording: .npy or .csv")
    parser.add_argument("-o", dest="output", metavar="OUT", help="the picture; else FILE.png")
    parser.add_argument(
        "--kind",
        dest="kinds",
        choices=("raster", "rate", "trace"),
        action="append",
        help="what to draw; may be given twice",
    )
    add = parser.add_argument
    add("--dt", type=_positive, metavar="MS", help="the length of a step, where files count steps")
    add("--every", type=_count, default=1, metavar="K", help="an array has a row each K steps")
    add(
        "--neurons",
        type=_span,
        default=EVERYTHING,
        metavar="A:B",
        help="neurons from A up to B - 1",
    )
    add("--time", type=_span, default=EVERYTHING, metavar="A:B", help="times from A up to B")
    add("--bin", type=_positive, metavar="WIDTH", help="what a rate is counted in (ms or steps)")
    add("--population", type=_count, metavar="N", help="how many neurons a rate is the mean of")
    add("--title", default="", help="text above the picture")
    return parser


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"'{text}' is no number above 0")
    return number


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number above 0")
    return number


def _span(text: str) -> Span:
    first, colon, second = text.partition(":")
    try:
        span = Span(float(first) if first else None, float(second) if second else None)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"'{text}' is no range such as 0:100") from error
    bounds = [bound for bound in (span.start, span.end) if bound is not None]
    is_range = bool(colon) and all(map(math.isfinite, bounds)) and bounds == sorted(set(bounds))
    if not is_range:
        raise argparse.ArgumentTypeError(f"'{text}' is no range such as 0:100")
    return span


def _view(options: argparse.Namespace) -> "View":
    from mlrift.plot.panels import RateScale  # noqa: PLC0415
    from mlrift.plot.picture import View  # noqa: PLC0415

    rate = RateScale(options.bin, options.population)
    return View(options.neurons, options.time, rate, options.title)


def _read(path: Path, scale: TimeScale) -> Recording:
    try:
        return read_recording(path, scale)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise RecordingError(f"cannot read '{path}': {reason}") from error


def _panels(recordings: list[Recording], wanted: list[str] | None) -> "list[Panel]":
    from mlrift.plot.panels import Kind  # noqa: PLC0415
    from mlrift.plot.picture import Panel  # noqa: PLC0415

    units = {recording.unit: recording.name for recording in recordings}
    if len(units) > 1:
        first, second = (f"'{name}' in {unit.value}" for unit, name in units.items())
        raise RecordingError(f"times of {first} and of {second} do not go together; give --dt")
    panels = []
    for recording in recordings:
        possible = [Kind.RASTER, Kind.RATE] if isinstance(recording, Spikes) else [Kind.TRACE]
        kinds = [kind for kind in possible if wanted is None or kind.value in wanted]
        if not kinds:
            held = "spikes" if isinstance(recording, Spikes) else "states"
            fitting = " or ".join(f"--kind {kind.value}" for kind in possible)
            raise RecordingError(f"'{recording.name}' holds {held}; draw them with {fitting}")
        panels += [Panel(kind, recording) for kind in kinds]
    return panels


def _write(output: Path, content: bytes, files: list[Path]) -> None:
    try:
        if output.exists() and any(output.samefile(path) for path in files):
            raise RecordingError(f"'{output}' is a recording itself; give another name with -o")
        output.write_bytes(content)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise RecordingError(f"cannot write '{output}': {reason}") from error


def _summary(recording: Recording) -> str:
    if isinstance(recording, Spikes):
        return f"{len(recording.times)} spikes"
    return f"{len(recording.times)} states of {len(recording.labels)}"


def _fail(message: str) -> int:
    sys.stderr.write(f"mlrift.plot: error: {message}\n")
    return STATUS_FAILED

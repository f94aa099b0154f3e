"""What a fat file is made from: slices, and the extras that travel with them."""

from collections.abc import Sequence

from mlrift.container.errors import FatError
from mlrift.container.fatfile import MAX_BLOB_BYTES, MAX_ENTRIES, ExtraKind, is_valid_name
from mlrift.targets import Target
from mlrift.values import value


@value
class Slice:
    """An executable image for one target."""

    target: Target
    image: bytes


@value
class Extra:
    """Device code (named by its gfx target), a licence or a build note."""

    kind: ExtraKind
    name: str
    data: bytes


def build_note(compiler_version: str, flags: Sequence[str]) -> Extra:
    """Return the note that says how a file was built; give it no path and no date."""
    text = f"mlrc {compiler_version}\nflags: {' '.join(flags)}\n"
    return Extra(ExtraKind.BUILD_NOTE, "build", text.encode())


def check_parts(slices: Sequence[Slice], extras: Sequence[Extra]) -> None:
    """Refuse parts that no reader would accept."""
    if not slices:
        raise FatError("a fat file needs at least one slice")
    if len(slices) + len(extras) > MAX_ENTRIES:
        raise FatError(f"a fat file holds at most {MAX_ENTRIES} entries")
    seen: set[object] = set()
    for part in slices:
        if part.target.slice_id in seen:
            raise FatError(f"two slices for {part.target.name}")
        if not part.image:
            raise FatError(f"the slice for {part.target.name} is empty")
        seen.add(part.target.slice_id)
    for extra in extras:
        if (extra.kind, extra.name) in seen:
            raise FatError(f"two entries of kind {extra.kind.name} named '{extra.name}'")
        if not is_valid_name(extra.name):
            raise FatError(f"{extra.name!r} is not a name an entry can have")
        seen.add((extra.kind, extra.name))
    total_bytes = sum(len(row.image) for row in slices) + sum(len(row.data) for row in extras)
    if total_bytes > MAX_BLOB_BYTES:
        raise FatError(f"{total_bytes} bytes of slices and extras, the limit is {MAX_BLOB_BYTES}")

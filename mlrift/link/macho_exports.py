"""The exports trie of a Mach-O image: names as paths of letters, addresses at their ends.

Enters: names and distances from the start of the image. Leaves: the bytes. A node's size depends on
how far its children are, so places are computed again until they no longer change.
"""

from collections.abc import Mapping

from mlrift.values import field, record

_REGULAR = 0
_ALIGN = 8


@record
class _Node:
    """A node: the distance of the symbol that ends here, and the edges to longer names."""

    distance: int | None = None
    edges: list[tuple[bytes, "_Node"]] = field(default_factory=list)
    place: int = 0

    def contents(self) -> bytes:
        """Return the node's bytes for the places that its children have now."""
        ending = b""
        if self.distance is not None:
            ending = uleb(_REGULAR) + uleb(self.distance)
        made = bytearray(uleb(len(ending)) + ending + bytes([len(self.edges)]))
        for text, child in self.edges:
            made += text + b"\0" + uleb(child.place)
        return bytes(made)


def exports_trie(symbols: Mapping[str, int]) -> bytes:
    """Return the trie of `symbols`, padded as the loader wants it."""
    root = _node({name.encode(): distance for name, distance in symbols.items()})
    nodes = _all_nodes(root)
    moved = True
    while moved:
        moved, place = False, 0
        for node in nodes:
            moved |= node.place != place
            node.place = place
            place += len(node.contents())
    made = b"".join([node.contents() for node in nodes])
    return made + bytes(-len(made) % _ALIGN)


def uleb(value: int) -> bytes:
    """Return a number in seven-bit groups, the lowest first."""
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    made.append(value)
    return bytes(made)


def _node(names: Mapping[bytes, int]) -> _Node:
    """Return the node from which the rests `names` of symbols start."""
    made = _Node(names.get(b""))
    groups: dict[int, dict[bytes, int]] = {}
    for name, distance in sorted(names.items()):
        if name:
            groups.setdefault(name[0], {})[name] = distance
    for group in groups.values():
        prefix = _common_prefix(list(group))
        rests = {name[len(prefix) :]: distance for name, distance in group.items()}
        made.edges.append((prefix, _node(rests)))
    return made


def _common_prefix(names: list[bytes]) -> bytes:
    """Return how all of the sorted names begin."""
    first, last = names[0], names[-1]
    length = 0
    while length < min(len(first), len(last)) and first[length] == last[length]:
        length += 1
    return first[:length]


def _all_nodes(root: _Node) -> list[_Node]:
    """Return the nodes in preorder."""
    found = [root]
    for _, child in root.edges:
        found += _all_nodes(child)
    return found

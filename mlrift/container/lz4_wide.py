"""LZ4 with three-byte offsets, the compression of version 2: bytes in, a frame out, and back.

A frame is seven fixed bytes, blocks, and a zero word. A block is LZ4's sequence of literals and
matches, except that a match's offset has 24 bits; stock LZ4 libraries cannot read it. The decoder
trusts nothing: it stops at the size the caller declared.
"""

from mlrift.container.errors import FatError

FRAME_HEADER = bytes.fromhex("04224d18604082")
STORED_BIT = 0x80000000

_SHORTEST_MATCH = 4
_SHORTEST_USEFUL_MATCH = 5
_FARTHEST_OFFSET = 0xFFFFFF
_SMALLEST_BLOCK_BYTES = 13
_LITERAL_TAIL_BYTES = 5
_LAST_MATCH_START = 12
_LARGEST_STEP_BYTES = 1 << 20
_TRUNCATED = "compressed data ends in the middle of a sequence"


def compress_frame(data: bytes) -> bytes:
    """Return one frame of at most one block that holds `data`."""
    if not data:
        return FRAME_HEADER + bytes(4)
    block = _compress_block(data)
    if len(block) < len(data):
        return FRAME_HEADER + len(block).to_bytes(4, "little") + block + bytes(4)
    return FRAME_HEADER + (len(data) | STORED_BIT).to_bytes(4, "little") + data + bytes(4)


def decompress_frame(frame: bytes, size_bytes: int, wanted_bytes: int) -> bytes:
    """Return the first `wanted_bytes` of the `size_bytes` that `frame` must decompress to."""
    if not frame.startswith(FRAME_HEADER):
        raise FatError("compressed data does not start with the frame header")
    output = bytearray()
    position = len(FRAME_HEADER)
    stop_bytes = wanted_bytes if wanted_bytes < size_bytes else size_bytes + 1
    while True:
        if position + 4 > len(frame):
            raise FatError("compressed data ends without its end mark")
        size_word = int.from_bytes(frame[position : position + 4], "little")
        position += 4
        if size_word == 0:
            break
        block_end = position + (size_word & ~STORED_BIT)
        if block_end > len(frame):
            raise FatError("compressed block reaches past the end of its blob")
        if size_word & STORED_BIT:
            output += frame[position:block_end]
        else:
            _decompress_block(frame[position:block_end], output, size_bytes, stop_bytes)
        if len(output) >= stop_bytes and len(output) <= size_bytes:
            return bytes(output[:wanted_bytes])
        if len(output) > size_bytes:
            raise FatError(f"blob decompresses to more than its declared {size_bytes} bytes")
        position = block_end
    if position != len(frame) or len(output) != size_bytes:
        raise FatError(
            f"blob decompresses to {len(output)} bytes with {len(frame) - position} left over, "
            f"but declares {size_bytes}"
        )
    return bytes(output)


def _compress_block(data: bytes) -> bytearray:
    output = bytearray()
    size_bytes = len(data)
    if size_bytes < _SMALLEST_BLOCK_BYTES:
        _put_literals(output, data, 0)
        return output
    latest: dict[bytes, int] = {}
    start = literal_start = 0
    match_limit = size_bytes - _LITERAL_TAIL_BYTES
    while start <= size_bytes - _LAST_MATCH_START:
        key = data[start : start + _SHORTEST_MATCH]
        candidate = latest.get(key, -1)
        latest[key] = start
        length = 0
        if candidate >= 0 and start - candidate <= _FARTHEST_OFFSET:
            length = _common_length(data, candidate, start, match_limit)
        if length < _SHORTEST_USEFUL_MATCH:
            start += 1
            continue
        skipped = _common_suffix(data, candidate, start, literal_start)
        start -= skipped
        length += skipped
        literals = data[literal_start:start]
        _put_literals(output, literals, length - _SHORTEST_MATCH)
        output += (start - candidate + skipped).to_bytes(3, "little")
        _put_length_tail(output, length - _SHORTEST_MATCH)
        start += length
        latest[data[start - 2 : start + 2]] = start - 2
        literal_start = start
    _put_literals(output, data[literal_start:], 0)
    return output


def _common_length(data: bytes, earlier: int, later: int, limit: int) -> int:
    begin = later
    step = 8
    while later + step <= limit and data[earlier : earlier + step] == data[later : later + step]:
        earlier += step
        later += step
        step = min(2 * step, _LARGEST_STEP_BYTES)
    while step:
        if later + step <= limit and data[earlier : earlier + step] == data[later : later + step]:
            earlier += step
            later += step
        step >>= 1
    return later - begin


def _common_suffix(data: bytes, earlier: int, later: int, later_limit: int) -> int:
    length = 0
    reach = min(earlier, later - later_limit)
    while length < reach and data[earlier - length - 1] == data[later - length - 1]:
        length += 1
    return length


def _put_literals(output: bytearray, literals: bytes, match_code: int) -> None:
    count = len(literals)
    output.append(min(count, 15) << 4 | min(match_code, 15))
    _put_length_tail(output, count)
    output += literals


def _put_length_tail(output: bytearray, value: int) -> None:
    if value >= 15:
        full, rest = divmod(value - 15, 255)
        output += b"\xff" * full
        output.append(rest)


def _decompress_block(block: bytes, output: bytearray, size_bytes: int, stop_bytes: int) -> None:
    position = 0
    block_bytes = len(block)
    while position < block_bytes:
        token = block[position]
        position += 1
        count = token >> 4
        if count == 15:
            count, position = _long_length(block, position)
        literal_end = position + count
        if literal_end > block_bytes:
            raise FatError(_TRUNCATED)
        output += block[position:literal_end]
        position = literal_end
        if position == block_bytes or len(output) >= stop_bytes:
            return
        if position + 3 > block_bytes:
            raise FatError(_TRUNCATED)
        offset = int.from_bytes(block[position : position + 3], "little")
        position += 3
        length = token & 15
        if length == 15:
            length, position = _long_length(block, position)
        length += _SHORTEST_MATCH
        if not 0 < offset <= len(output):
            raise FatError(f"match offset {offset} reaches outside the {len(output)} bytes so far")
        if len(output) + length > size_bytes:
            raise FatError(f"blob decompresses to more than its declared {size_bytes} bytes")
        _copy_match(output, offset, length)


def _long_length(block: bytes, position: int) -> tuple[int, int]:
    length = 15
    while position < len(block):
        byte = block[position]
        position += 1
        length += byte
        if byte != 255:
            return length, position
    raise FatError(_TRUNCATED)


def _copy_match(output: bytearray, offset: int, length: int) -> None:
    begin = len(output) - offset
    if length <= offset:
        output += output[begin : begin + length]
    else:  # the copy overlaps itself: the last `offset` bytes repeat
        pattern = bytes(output[begin:])
        repeats = -(-length // offset)
        output += (pattern * repeats)[:length]

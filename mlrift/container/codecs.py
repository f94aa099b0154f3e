"""Blob compression by codec id: bytes in, a codec and its bytes out, and back.

Every parameter of the encoder is stated here, so the output depends on the input alone and not on
what a library calls its default. Decoding never produces more than the declared size. Only the
chosen codec's library is imported; all but zstandard belong to Python itself.
"""

from enum import IntEnum, unique

from mlrift.container import lz4_wide
from mlrift.container.errors import FatError

_SMALLEST_WINDOW_BYTES = 4096
_LARGEST_WINDOW_BYTES = 1 << 26
_THOROUGH_LIMIT_BYTES = 1 << 18
_ZSTD_CHUNK_BYTES = 1 << 24


@unique
class Codec(IntEnum):
    """How a blob is compressed; the values stand in files."""

    STORED = 0
    LZ4_WIDE = 1
    DEFLATE = 2
    LZMA2 = 3
    ZSTD = 4


def compress(data: bytes) -> tuple[Codec, bytes]:
    """Return the codec that suits `data`, and `data` compressed with it."""
    import lzma  # noqa: PLC0415

    # The thorough search is worth its time only where it takes about a millisecond.
    small = len(data) <= _THOROUGH_LIMIT_BYTES
    lzma_filter = {
        "id": lzma.FILTER_LZMA2,
        "dict_size": window_bytes(len(data)),
        "lc": 3,
        "lp": 0,
        "pb": 2,
        "mode": lzma.MODE_NORMAL if small else lzma.MODE_FAST,
        "mf": lzma.MF_HC4,
        "nice_len": 32 if small else 128,
        "depth": 8,
    }
    packed = lzma.compress(data, lzma.FORMAT_RAW, filters=[lzma_filter])
    return (Codec.LZMA2, packed) if len(packed) < len(data) else (Codec.STORED, data)


def decompress(codec: Codec, packed: bytes, size_bytes: int, wanted_bytes: int) -> bytes:
    """Return the first `wanted_bytes` of the `size_bytes` that `packed` must decompress to.

    The blob's end is checked only when all of it is wanted.
    """
    match codec:
        case Codec.STORED:
            _require_end(True, packed, size_bytes)
            result = packed
        case Codec.LZ4_WIDE:
            return lz4_wide.decompress_frame(packed, size_bytes, wanted_bytes)
        case Codec.DEFLATE:
            result = _inflate(packed, size_bytes, wanted_bytes)
        case Codec.LZMA2:
            result = _decode_lzma2(packed, size_bytes, wanted_bytes)
        case Codec.ZSTD:
            result = _decode_zstd(packed, size_bytes, wanted_bytes)
    if len(result) < wanted_bytes:
        raise FatError(f"blob does not decompress to its declared {size_bytes} bytes")
    return result[:wanted_bytes]


def window_bytes(size_bytes: int) -> int:
    """Return the LZMA2 dictionary size that writer and reader use for a blob of `size_bytes`."""
    return min(max(size_bytes, _SMALLEST_WINDOW_BYTES), _LARGEST_WINDOW_BYTES)


def _decode_lzma2(packed: bytes, size_bytes: int, wanted_bytes: int) -> bytes:
    import lzma  # noqa: PLC0415

    lzma_filter = {"id": lzma.FILTER_LZMA2, "dict_size": window_bytes(size_bytes)}
    decoder = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[lzma_filter])
    try:
        result = decoder.decompress(packed, wanted_bytes)
        if wanted_bytes < size_bytes:
            return result
        if not decoder.eof:  # the end mark is read only when one more byte is asked for
            result += decoder.decompress(b"", 1)
    except lzma.LZMAError as error:
        raise FatError(f"damaged lzma2 data: {error}") from error
    _require_end(decoder.eof and not decoder.unused_data, result, size_bytes)
    return result


def _inflate(packed: bytes, size_bytes: int, wanted_bytes: int) -> bytes:
    import zlib  # noqa: PLC0415

    decoder = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        # One byte more than declared, so that a longer stream is seen; zero would mean no limit.
        limit = wanted_bytes if 0 < wanted_bytes < size_bytes else size_bytes + 1
        result = decoder.decompress(packed, limit)
    except zlib.error as error:
        raise FatError(f"damaged deflate data: {error}") from error
    if wanted_bytes == size_bytes:
        _require_end(decoder.eof and not decoder.unused_data, result, size_bytes)
    return result


def _decode_zstd(packed: bytes, size_bytes: int, wanted_bytes: int) -> bytes:
    try:
        import zstandard  # noqa: PLC0415
    except ImportError as error:
        raise FatError("this zstd blob needs the Python package `zstandard`") from error
    try:
        reader = zstandard.ZstdDecompressor().stream_reader(packed)
        limit = wanted_bytes if wanted_bytes < size_bytes else size_bytes + 1
        result = b""
        while len(result) < limit and (chunk := reader.read(min(limit, _ZSTD_CHUNK_BYTES))):
            result += chunk
    except zstandard.ZstdError as error:
        raise FatError(f"damaged zstd data: {error}") from error
    if len(result) > size_bytes:
        raise FatError(f"blob does not decompress to its declared {size_bytes} bytes")
    return result


def _require_end(is_at_end: bool, result: bytes, size_bytes: int) -> None:
    if not is_at_end or len(result) != size_bytes:
        raise FatError(f"blob does not decompress to its declared {size_bytes} bytes")

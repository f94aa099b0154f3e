"""The cache: content comes back, damage and deletion are misses, the size is bounded."""

from pathlib import Path

from mlrift.driver.cache import Cache, digest
from mlrift.driver.options import CompileOptions
from mlrift.driver.results import ResultCache, Stored


def test_a_blob_comes_back(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "new")
    cache.put(digest("a"), b"blob")
    assert cache.get(digest("a")) == b"blob"
    assert cache.get(digest("b")) is None


def test_a_damaged_file_is_a_miss(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.put(digest("a"), b"blob")
    path = tmp_path / digest("a")
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert cache.get(digest("a")) is None
    path.write_bytes(b"")
    assert cache.get(digest("a")) is None


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    cache = Cache(file / "below")
    cache.put(digest("a"), b"blob")
    assert cache.get(digest("a")) is None


def test_the_oldest_go_when_it_is_full(tmp_path: Path) -> None:
    cache = Cache(tmp_path, limit_bytes=5000)
    for number in range(200):
        cache.put(digest(str(number)), bytes(100))
    cache._prune(tmp_path)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 5000


def test_parts_of_a_key_keep_their_boundaries() -> None:
    assert digest("ab", "c") != digest("a", "bc")


def result_cache(folder: Path, source: Path) -> ResultCache:
    return ResultCache(Cache(folder), CompileOptions(source=source, output=None), "compiler")


def test_a_result_holds_while_its_files_do(tmp_path: Path) -> None:
    source, absent = tmp_path / "a.mlr", tmp_path / "absent.mlr"
    source.write_text("one")
    stored = Stored(0, b"image", "a warning\n", "done -> {output}\n")
    result_cache(tmp_path / "cache", source).keep(stored, [str(source), str(absent)])
    assert result_cache(tmp_path / "cache", source).find() == stored
    absent.write_text("now it is found first")
    assert result_cache(tmp_path / "cache", source).find() is None
    absent.unlink()
    assert result_cache(tmp_path / "cache", source).find() == stored
    source.write_text("two")
    assert result_cache(tmp_path / "cache", source).find() is None

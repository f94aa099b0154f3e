"""Only programs that may have more than one thread pay for a heap that many can use."""

from pathlib import Path

import pytest

from mlrift.driver.heap_owner import heap_owner_file
from mlrift.driver.options import Product
from mlrift.targets import LINUX_X86_64
from tests.harness.compiler import context_for, front_end, options_for

ALLOCATE = "dealloc(alloc(8))"


def owner_of(text: str, folder: Path, product: Product = Product.FAT) -> str:
    """Return the file that the heap of a program is completed with."""
    source = folder / "program.mlr"
    source.write_text(text, encoding="utf-8")
    options = options_for(source, [], product=product, targets=(LINUX_X86_64,))
    return heap_owner_file(front_end(context_for(options)))


@pytest.mark.parametrize(
    ("rest", "owner"),
    [
        ("", "heapowner_single"),
        ('os_thread_start(fn_addr("work"), 0, 0)', "heapowner_threads"),
        ('asm { "nop" }', "heapowner_locked"),
        ('asm { "nop" } os_thread_start(fn_addr("work"), 0, 0)', "heapowner_locked"),
        ("syscall_raw(39, 0, 0, 0, 0, 0, 0)", "heapowner_locked"),
        ("puts(0)", "heapowner_locked"),
    ],
)
def test_a_program_gets_the_owner_that_its_threads_need(
    rest: str, owner: str, tmp_path: Path
) -> None:
    declarations = "extern fn puts(u64 text) -> u64" if "puts" in rest else ""
    text = (
        f"{declarations}\nfn work(u64 a) -> u64 {{ return a }}\nfn main() {{ {ALLOCATE} {rest} }}"
    )
    assert owner_of(text, tmp_path) == owner


def test_an_object_may_be_called_by_any_thread(tmp_path: Path) -> None:
    text = f"@export fn use() {{ {ALLOCATE} }}"
    assert owner_of(text, tmp_path, Product.OBJECT) == "heapowner_locked"

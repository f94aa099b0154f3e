"""What is known about fused loops: their ops, bytes and operations."""

from mlrift.ir.analysis.tensor_facts import tensor_facts
from mlrift.ir.passes.pipeline import run_pass
from mlrift.ir.text import parse_module

PROGRAM = """
function @f(%x : tensor<f32, [100, 8]>, %b : tensor<f32, [8]>, %w : tensor<f32, [8, 4]>,
            %s : f32) -> f32 {
^entry:
  %t = tensor.fill %s() : tensor<f32, []>
  %y = tensor.binary mul %x, %t
  %z = tensor.binary add %y, %b
  %p = tensor.matmul %z, %w
  %q = tensor.unary sqrt %p
  %r = tensor.reduce_all sum %q
  %e = tensor.load %r()
  control.return %e
}
"""


def test_facts_of_a_map_a_product_and_a_sum() -> None:
    module = parse_module(PROGRAM)
    run_pass("fuse_tensors", module)
    first, product, total = tensor_facts(module)
    assert (first.operation, first.fused, first.elements) == ("map", ("mul", "add"), 800)
    assert (first.bytes_per_element, first.operations_per_element) == (8 + 4 * 8 / 800, 2)
    assert (product.operation, product.elements) == ("matrix product", 3200)
    assert (total.operation, total.fused) == ("sum", ("sqrt", "sum"))
    assert (total.bytes_per_element, total.operations_per_element) == (4.0, 2)
    assert first.span is not None
    assert first.span.line == 7

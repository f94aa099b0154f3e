"""What a program asks the processor that it runs on."""

from mlrift.ir.op import Effect, Op, op
from mlrift.typesystem import I64


@op("cpu.level", Effect.READ, result=I64)
class ProcessorLevel(Op):
    """How much the processor can do: 2 to 4 for x86-64-v2 to v4, 5 for v4 with VNNI.

    CPUs without levels have 1.

    Functions with a `level` may be called where it is at least that. Never changes.
    """


@op("cpu.version", Effect.PURE, result=I64)
class VersionLevel(Op):
    """For which level of the processor the function around is compiled: a constant there.

    0 is every processor. On x86-64 the others are those of `cpu.level` from 3 on, and 6 is 5 with
    BF16; on arm64 10 has dot products, 11 those of matrices, 12 BF16.
    """

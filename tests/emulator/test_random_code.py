"""Random instructions of the tables, with random operands: translated, compiled and run.

Whatever they are, the launch ends, with a fault or without: no other exception, no crash.
"""

import random

import numpy as np
import pytest

from mlrift.backends.amdgcn.chips import Generation, chip_named
from mlrift.backends.amdgcn.codeobject.model import (
    ArgumentKind,
    CodeObject,
    KernelArgument,
    KernelImage,
)
from mlrift.backends.amdgcn.codeobject.write import write
from mlrift.backends.amdgcn.isa import (
    DecodeError,
    EncodeError,
    decode,
    encode,
    parse,
    rows_of,
    rows_with_lanes,
)
from mlrift.backends.amdgcn.isa.instruction import (
    Immediate,
    Inline,
    Instruction,
    Literal,
    Operand,
    OperandKind,
    OperandSpec,
    Row,
    Unit,
)
from mlrift.backends.amdgcn.isa.registers import NULL, SCC, sgpr, vgpr
from mlrift.emulator import Device, EmulatorError, EmulatorFault
from mlrift.emulator.semantics.control import ENDS
from tests.harness.run_files import IS_THOROUGH

LENGTH = 25
SEEDS = 400 if IS_THOROUGH else 16
SPECIAL = (106, 108, 124, 125, 126, 235, 236, 251)
CONSTANTS = (0, 1, -1, 64, -16, 7, 0.5, -4.0, 0.15915494309189535)
_MEMORY = frozenset(
    (Unit.GLOBAL, Unit.FLAT, Unit.SMEM, Unit.SCRATCH, Unit.BUFFER, Unit.LDS, Unit.BRANCH)
)
_VECTORS = frozenset((OperandKind.SOURCE, OperandKind.MATRIX_ADDEND))
_CONSTANTS = frozenset((*_VECTORS, OperandKind.SCALAR_SOURCE, OperandKind.LANE_SELECT))
_SCALARS = frozenset(
    (
        OperandKind.SGPR_TARGET,
        OperandKind.MASK_TARGET,
        OperandKind.MASK_SOURCE,
        OperandKind.SCALAR_BASE,
        OperandKind.SCALAR_ADDRESS,
        OperandKind.SCALAR_OFFSET,
    )
)


def _scalar(chooser: random.Random, dwords: int) -> Operand:
    if chooser.random() < 0.15 and dwords <= 2:
        return sgpr(chooser.choice(SPECIAL), dwords)
    return sgpr(chooser.randrange(0, 104 // dwords) * dwords, dwords)


def _operand(chooser: random.Random, spec: OperandSpec) -> Operand:
    draw = chooser.random()
    if spec.kind is OperandKind.VGPR or (spec.kind in _VECTORS and draw < 0.4):
        return vgpr(chooser.randrange(0, 40), spec.dwords)
    if spec.kind in _CONSTANTS:
        if draw < 0.6:
            return Inline(chooser.choice(CONSTANTS))
        if draw < 0.7:
            return Literal(chooser.getrandbits(32))
        return SCC if draw < 0.75 else _scalar(chooser, spec.dwords)
    if spec.kind in _SCALARS:
        return NULL if draw < 0.2 else _scalar(chooser, spec.dwords)
    if spec.kind is OperandKind.LITERAL:
        return Literal(chooser.getrandbits(32))
    return Immediate(chooser.getrandbits(16) if draw < 0.5 else chooser.randrange(0, 8))


def _row(chooser: random.Random, generation: Generation) -> Row | None:
    row = chooser.choice(rows_of(generation))
    is_rare = row.operation in ENDS or row.unit in _MEMORY or "::" in row.operation
    if is_rare and chooser.random() < 0.9:
        return None
    extended = rows_with_lanes(row, generation)
    return chooser.choice(extended) if extended and chooser.random() < 0.2 else row


def _encoded(chooser: random.Random, generation: Generation) -> bytes:
    """Return the code of a random instruction."""
    while True:
        row = _row(chooser, generation)
        if row is None:
            continue
        modifiers = {
            name: chooser.randrange(-200, 200) if mask < 0 else chooser.getrandbits(9) & mask
            for name, mask in row.modifiers.items()
            if chooser.random() < 0.3
        }
        operands = tuple(_operand(chooser, spec) for spec in row.operands)
        try:
            code = encode(Instruction(row, operands, modifiers), generation)
            decode(code, 0, generation)
        except (EncodeError, DecodeError):
            continue
        return code


def _kernel(code: bytes) -> KernelImage:
    return KernelImage(
        name="test",
        code=code,
        arguments=(KernelArgument("data", "", ArgumentKind.GLOBAL_BUFFER, 0, 8),),
        kernarg_bytes=8,
        lds_bytes=1024,
        scratch_bytes=64,
        registers_scalar=100,
        registers_vector=64,
        spilled_scalar=0,
        spilled_vector=0,
        user_sgprs=4,
        group_ids=(True, True, True),
        local_ids=1,
        required_group=None,
    )


@pytest.mark.parametrize("seed", range(SEEDS))
def test_random_code_ends_without_harm(seed: int) -> None:
    chooser = random.Random(seed)
    chip = chip_named(("gfx1030", "gfx1100", "gfx1201")[seed % 3])
    assert chip is not None
    generation = chip.generation
    parts = [_encoded(chooser, generation) for _ in range(LENGTH)]
    code = b"".join([*parts, encode(parse("s_endpgm", generation), generation)])
    kernel = Device(chip.name).load(write(CodeObject(chip, (_kernel(code),))))["test"]
    data, track = np.zeros(64, np.uint32), seed % 4 == 0
    try:
        kernel.launch(1, 64, [data], budget=100_000, track=track)
    except (EmulatorError, EmulatorFault) as error:
        assert "test" in str(error)

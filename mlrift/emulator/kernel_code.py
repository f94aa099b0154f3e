"""A kernel's code: decoded, translated and compiled once, for all its launches."""

from bisect import bisect_right

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.codeobject.read import LoadedKernel
from mlrift.backends.amdgcn.isa import DecodeError, print_instruction
from mlrift.emulator.errors import Place
from mlrift.emulator.float_mode import FloatMode, mode_of_descriptor
from mlrift.emulator.machine import Machine
from mlrift.emulator.translate import CodeImage, Tracking, Translator


class KernelCode:
    """Chunks of one kernel. Offsets count from the load address of its file."""

    def __init__(
        self,
        kernel: LoadedKernel,
        image: CodeImage,
        generation: Generation,
        tracking: Tracking = Tracking.OFF,
    ) -> None:
        self.kernel = kernel
        self.image = image
        self.generation = generation
        self.name = kernel.image.name
        self.mode: FloatMode = mode_of_descriptor(kernel.descriptor.resources1, generation)
        self.translator = Translator(image, kernel.descriptor.vector_registers, tracking)
        self.entry_chunk = self.translator.enter(kernel.entry, self.mode)
        self.machine = Machine()
        self.addresses: dict[int, int] = {}

    def translate(self) -> None:
        """Compile the chunks that are known and not yet compiled."""
        functions, helpers, declarations = self.translator.translate()
        if functions:
            self.addresses.update(self.machine.add(functions, helpers, declarations))

    def place(self, offset: int) -> Place:
        """Return what is known of the instruction at an offset, for messages."""
        within = offset - self.kernel.entry
        try:
            instruction, _ = self.image.at(offset)
            text = print_instruction(instruction, self.generation)
        except DecodeError:
            text = "?"
        lines = self.kernel.image.lines
        number = bisect_right([row.offset for row in lines], within)
        if not number:
            return Place(self.name, within, text)
        return Place(self.name, within, text, lines[number - 1].path, lines[number - 1].line)

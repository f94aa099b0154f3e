"""A card that is not there: the driver's side of the seam, and queues executed by the emulator."""

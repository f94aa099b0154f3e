"""The words that compiled kernels and std/core/device.mlr share; offsets in bytes.

A *launch* has the sizes of the grid and of a group, then the kernel's arguments. A *group* has its
own numbers, its LDS and the launch. An *item* that can wait has the place where it goes on, what
it gives to others and gets from them, and the values that it needs there.
"""

from enum import IntEnum, unique

WORD_BYTES = 8

LAUNCH_GROUP_COUNT = 0
LAUNCH_GROUP_SIZE = 24
LAUNCH_ARGUMENTS = 48

GROUP_ID = 0
GROUP_LDS = 24
GROUP_LAUNCH = 32

ITEM_PLACE = 0
ITEM_KIND = 8
ITEM_VALUE = 16
ITEM_LANE = 24
ITEM_DETAIL = 32
ITEM_GROUP = 40
ITEM_LOCAL = 48
ITEM_NUMBER = 72
ITEM_VALUES = 80


@unique
class Wait(IntEnum):
    """Why an item stopped. Those up to GROUP_REDUCE wait for the whole group."""

    DONE = 0
    BARRIER = 1
    GRID_BARRIER = 2
    GROUP_REDUCE = 3
    SHUFFLE = 4
    BALLOT = 5
    WAVE_REDUCE = 6


@unique
class NumberKind(IntEnum):
    """What is combined; ITEM_DETAIL is reduction * 4 + kind."""

    WORD = 0
    SINGLE = 1
    DOUBLE = 2


REDUCTION_STEP = 4

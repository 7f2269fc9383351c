"""Python's garbage collector, where it must not make anybody wait."""

import gc

# Allocations left over until the youngest objects are looked at; young collections until the middle ones are; middle
# ones until all are: after 4 million objects that stayed, some 3,000 sockets' worth, not after 70,000.
_THRESHOLDS = 2_000, 20, 100


def collect_seldom() -> None:
    """Look through everything as seldom as can be; for the start of a program.

    Modules come to stay: looking at them again and again took 0.2 s of each start.
    """
    gc.set_threshold(*_THRESHOLDS)


def keep_what_is_here() -> None:
    """Never look at again what is alive now; for a process that begins to serve.

    Measured: a full collection of an API with 1,000 sockets took 100 to 180 ms, in which it answered nobody; 60 ms of
    that went to modules and the schema.
    """
    gc.collect()
    gc.freeze()

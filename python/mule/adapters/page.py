"""The page that this process and mule share: which item runs now.

The words are those of the protocol's section 6.
"""

import os

from .own import mmap

__unittest = True

SIZE = 4096
PID, JOB, BEGUN, ENDED, FIRST = 0, 1, 2, 3, 16
BATCH = 64


def page_map(path):
    """The words of the page at `path`, as a memoryview of 32-bit numbers."""
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        kept = os.dup(fd)
        os.close(kept)
        words = memoryview(mmap.mmap(fd, SIZE)).cast("I")
        # The map holds on to a copy, at the number that was just free: a
        # hole among the numbers that tests expect to be given in a row.
        try:
            if os.path.samestat(os.fstat(kept), os.fstat(fd)):
                os.close(kept)
        except OSError:
            pass  # it holds on to none
        return words
    finally:
        os.close(fd)


def page_private():
    """A page that nobody reads: for a process without one."""
    return memoryview(bytearray(SIZE)).cast("I")


def page_settle(words):
    """What a process that died left: (items that passed, item that ran).

    Passed items come with the microseconds until the next one began, which
    is the best that is known of them.
    """
    begun, ended = min(words[BEGUN], BATCH), min(words[ENDED], BATCH)
    passed, running = [], None
    for k in range(min(begun, ended)):
        us = 0
        if k + 1 < begun:
            us = words[FIRST + 2 * k + 3] - words[FIRST + 2 * k + 1]
        passed.append([words[FIRST + 2 * k] - 1, us & 0xFFFFFFFF])
    if begun > ended:
        running = words[FIRST + 2 * ended] - 1
    words[BEGUN] = words[ENDED] = 0
    return passed, running

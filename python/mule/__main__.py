"""`python -m mule`: the native program, with this interpreter."""

import sys

from .binary import start

if __name__ == "__main__":
    start(sys.argv[1:])

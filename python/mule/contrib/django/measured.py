"""`python -m mule.contrib.django.measured RCFILE manage.py mule --worker ...`

With --coverage, this starts the zygote: what a project loads before mule has
said a word, its settings and its models, is measured, too. RCFILE is empty
where coverage.py looks for its configuration itself.
"""

import os
import runpy
import sys


def main():
    rcfile, words = sys.argv[1], sys.argv[2:]
    measure(rcfile or None)
    if words[0] == "-m":
        sys.argv[:] = words[1:]
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv[:] = words
        if not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
            sys.path[0] = os.path.dirname(os.path.abspath(words[0]))
        runpy.run_path(words[0], run_name="__main__")


def measure(rcfile):
    """Nothing happens without coverage.py: mule says so when it greets."""
    from mule.adapters import settings
    try:
        import coverage
    except ImportError:
        return
    early = settings.coverage_of(coverage, rcfile, data_file=None)
    early.start()
    settings.measuring_before.append(early)


if __name__ == "__main__":
    main()

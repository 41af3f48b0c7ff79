"""Print the functions that took most of the time in a folder of profiles.

Run by path, `python3 hottest.py FOLDER`, at the end of `mule test --profile`.
The files are what cProfile writes, one a job; one that cannot be read (its
process was killed while it wrote) is named and passed over.
"""

import os
import pstats
import sys

MOST = 20
OURS = os.path.dirname(os.path.abspath(__file__)) + os.sep


def load(folder):
    """The sum of all profiles in `folder`, or None, and what was left out."""
    total, broken = None, []
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        try:
            stats = pstats.Stats(path)
        except Exception as error:  # marshal raises whatever it likes
            broken.append("%s (%s)" % (name, error))
            continue
        if total is None:
            total = stats
        else:
            total.add(stats)
    return total, broken


def is_ours(function):
    return function[0].startswith(OURS)


def describe(function):
    file, line, name = function
    if file == "~":
        return name
    path = os.path.relpath(file)
    return "%s:%d %s" % (file if path.startswith("..") else path, line, name)


def main(folder):
    total, broken = load(folder)
    for name in broken:
        print("not read: " + name)
    if total is None:
        print("no profile was written")
        return
    rows = sorted((row for row in total.stats.items() if not is_ours(row[0])),
                  key=lambda row: -row[1][2])
    print("    own s   total s      calls  function")
    for function, (_, calls, own, cumulative, _) in rows[:MOST]:
        print("%9.3f %9.3f %10d  %s" % (own, cumulative, calls,
                                        describe(function)))


if __name__ == "__main__":
    main(sys.argv[1])

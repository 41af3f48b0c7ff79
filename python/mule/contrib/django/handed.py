"""What a worker that is not a fork has to know of the databases.

A file beside the owner's record, which says whose it is and goes with it.
Databases in memory are handed over as files.
"""

import json
import os

from . import record

__unittest = True


def path_beside(path, ending):
    return path[:-len(".jsonl")] + ending


def write(path, names, targets):
    """`path` is the record's; `names` are all TEST NAMEs by alias."""
    value = {"parent": os.getppid(), "names": names, "targets": [
        {"aliases": target.aliases, "template": target.template,
         "serialized": target.serialized, "stamp": target.stamp,
         "ours": target.ours, "copy": target.copy,
         "tables": sorted(target.tables)} for target in targets]}
    plan = path_beside(path, ".plan")
    with open(plan + ".new", "w", encoding="utf-8") as file:
        json.dump(value, file)
    os.replace(plan + ".new", plan)


def find(build):
    """(path of the record, what was written) of the owner that lives; one
    with the same parent as this process, if there are several. Or None."""
    found = []
    for path in record.alive(build):
        try:
            with open(path_beside(path, ".plan"), encoding="utf-8") as file:
                found.append((path, json.load(file)))
        except (OSError, ValueError):
            continue
    found.sort(key=lambda pair: pair[1].get("parent") != os.getppid())
    return found[0] if found else None


def remove(path):
    """When the record is done with."""
    try:
        os.unlink(path_beside(path, ".plan"))
    except OSError:
        pass

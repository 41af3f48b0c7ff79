"""What a worker that is not a fork has to know of the databases.

A file beside the owner's record, which says whose it is and goes with it.
Databases in memory are handed over as files.
"""

import json
import os

from . import record

__unittest = True


def write(owned, names, targets):
    """`owned` is the record; `names` are all TEST NAMEs by alias."""
    value = {"parent": os.getppid(), "names": names, "targets": [
        {"aliases": target.aliases, "template": target.template,
         "serialized": target.serialized, "stamp": target.stamp,
         "ours": target.ours, "copy": target.copy,
         "tables": sorted(target.tables)} for target in targets]}
    plan = owned.beside(".plan")
    with open(plan + ".new", "w", encoding="utf-8") as file:
        json.dump(value, file)
    os.replace(plan + ".new", plan)


def find(build):
    """(record, what was written) of the owner that lives; one with the same
    parent as this process, if there are several. Or None."""
    found = []
    for path in record.alive(build):
        try:
            owned = record.Record.join(path)
            with open(owned.beside(".plan"), encoding="utf-8") as file:
                found.append((owned, json.load(file)))
        except (OSError, ValueError):
            continue
    found.sort(key=lambda pair: pair[1].get("parent") != os.getppid())
    return found[0] if found else None

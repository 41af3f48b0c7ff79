#!/usr/bin/env python3
"""What it takes to clone a test database: by Django itself, and by mule.

usage: django_clone.py [--times N]

Started in a project's folder with mule's Python package on the path. Prints
`NAME SECONDS` for each clone, in turn: `django` is clone_test_db, `mule` is
what a worker waits for, recorded in a file and all, with the first connection
to the clone made in both.
"""

import argparse
import os
import sys
import time

import django_zygote


def by_django(connection, number):
    """Seconds of the clone that --parallel makes, and of its dropping."""
    began = time.monotonic()
    connection.creation.clone_test_db(suffix=str(number), verbosity=0)
    settings = dict(connection.settings_dict)
    connection.settings_dict.update(
        connection.creation.get_test_db_clone_settings(str(number)))
    connection.ensure_connection()
    took = time.monotonic() - began
    connection.close()
    connection.settings_dict.update(settings)
    connection.creation.destroy_test_db(suffix=str(number), verbosity=0)
    return took


def by_mule(databases, connection, slot):
    name = connection.settings_dict["NAME"]
    databases.attach(slot)
    began = time.monotonic()
    databases.make_clean({"default"})
    connection.ensure_connection()
    took = time.monotonic() - began
    connection.close()
    connection.settings_dict["NAME"] = name
    return took


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=10)
    args = parser.parse_args()
    sys.path.insert(0, os.getcwd())
    runner, suite = django_zygote.build()
    from django.db import connection
    from mule.contrib.django.databases import Databases
    aliases = runner.get_databases(suite)
    databases = Databases("bench%d" % os.getpid())
    databases.create(runner, aliases, set(), lambda text: None)
    try:
        for number in range(1, args.times + 1):
            print("mule", by_mule(databases, connection, number))
            print("django", by_django(connection, number))
    finally:
        databases.drop(runner, lambda text: None)


if __name__ == "__main__":
    main()

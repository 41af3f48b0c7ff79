"""The manual names every option of every command, and no other.

usage: test_manual.py PROGRAM MANUAL
"""

import re
import subprocess
import sys
import unittest

COMMANDS = ("test", "list", "worker", "status", "doctor", "adapter-check",
            "history", "replay", "report", "simulate", "bisect")


def options_of_help(command):
    text = subprocess.run(
        [PROGRAM, command, "--help"], capture_output=True, text=True,
        check=False).stdout
    return set(re.findall(r"^  (?:-\w, |    )--([a-z-]+)", text, re.MULTILINE)
               + re.findall(r"^  -(\w)\b", text, re.MULTILINE))


class ManualTest(unittest.TestCase):

    def test_it_names_what_the_help_names(self):
        helped = set()
        for command in COMMANDS:
            helped |= options_of_help(command)
        self.assertIn("timeout", helped)
        with open(MANUAL, encoding="utf-8") as file:
            text = file.read()
        told = set()
        for line in re.findall(r"^\.It (Fl .*)", text, re.MULTILINE):
            told.update(re.findall(r"Fl -?([A-Za-z-]+)", line))
        self.assertEqual(told, helped)


if __name__ == "__main__":
    PROGRAM, MANUAL = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1])

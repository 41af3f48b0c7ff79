"""`manage.py mule`: what Django loads for it.

Most often this is not reached: front.early() has become the native program
before. What is left is the zygote (--worker), the help, and options that only
the project's test runner knows.
"""

import argparse
import re

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.core.management.commands.test import Command as TestCommand
from django.core.management.utils import get_command_line_option
from django.test.utils import get_runner
from mule import __version__
from mule.contrib.django import front, words
from mule.contrib.django.native_options import read_help

LABELS = ("What to run: an app (forums), a class of an app or a test of it "
          "(forums.TopicTests.test_ok), a dotted name, a folder, a file, or "
          "a pattern over dotted names ('*.Topic*').")


class Command(TestCommand):
    is_zygote = False
    help = ("Run tests on every core of this machine, or on a fleet: as "
            "`manage.py test` does, and with the options of `mule test`.")

    def get_version(self):
        return "mule %s, Django %s" % (__version__, super().get_version())

    def add_arguments(self, parser):
        self._look_at_runner()
        super().add_arguments(parser)
        for action in parser._actions:
            if action.dest == "args":
                action.help = LABELS
        ours = parser.add_argument_group("mule and Django")
        ours.add_argument(
            "--list", action="store_true",
            help="Print what would run.")
        ours.add_argument(
            "--bootstrap", action="store_true",
            help="Create the test databases that --keepdb keeps, and end.")
        ours.add_argument(
            "--db-prefix", metavar="TEXT",
            help="How names of test databases begin (default: test).")
        ours.add_argument(
            "--skip-checks", action="store_true", help="Skip system checks.")
        ours.add_argument(
            "--worker", action="store_true", help=argparse.SUPPRESS)

    def _look_at_runner(self):
        """The zygote says in its own way that there is no such runner, when
        it is asked to collect: until then, Django's has to do."""
        try:
            get_runner(settings, self.test_runner)
        except (ImportError, AttributeError) as problem:
            if not self.is_zygote:
                raise CommandError(
                    "the test runner %s cannot be loaded: %s" % (
                        self.test_runner or settings.TEST_RUNNER, problem)
                ) from problem
            self.test_runner = "django.test.runner.DiscoverRunner"

    def run_from_argv(self, argv):
        self.test_runner = get_command_line_option(argv, "--testrunner")
        asked = words.special(argv[2:])
        self.is_zygote = "--worker" in asked
        if "--help" not in asked and asked - {"--list"}:
            BaseCommand.run_from_argv(self, argv)
            return
        try:
            if "--help" in asked:
                self.print_help(argv[0], argv[1])
            else:
                front.start(argv, self._extra(argv))
        except words.Usage as problem:
            front.fail(problem)
        except CommandError as problem:
            front.fail(words.Usage(
                str(problem), "look at TEST_RUNNER in the settings, or at "
                "--testrunner"))

    def _extra(self, argv):
        """Rows for what the project's test runner adds to the options."""
        rows = []
        for action in self.create_parser(argv[0], argv[1])._actions:
            names = tuple(action.option_strings)
            if names:
                rows.append(words.Row(names, _takes(action),
                                      _as_typed(names[-1])))
        return rows

    def print_help(self, prog_name, subcommand):
        super().print_help(prog_name, subcommand)
        text = read_help("test")
        start = text.find("\n\n", text.find("\n\n") + 1)
        if start >= 0:
            print("\nOptions of `mule test`, which are understood, too; "
                  "-v, -t and -p are those above.")
            print(text[start:].rstrip().replace("\n\n", "\n", 1))

    def handle(self, *labels, **options):
        if options["worker"]:
            from mule.contrib.django.harness import serve
            serve(options)
        elif options["bootstrap"]:
            self._bootstrap(labels, options)
        else:
            raise CommandError(
                "mule takes the place of the process that starts it, so it "
                "cannot be called from Python; start `manage.py mule` as a "
                "program")

    def _bootstrap(self, labels, options):
        from mule.contrib.django.harness import bootstrap
        if labels:
            raise CommandError(
                "--bootstrap takes no labels: it creates all databases that "
                "are in the settings")
        try:
            chosen = front.defaults(getattr(settings, "MULE", {}), {})
        except words.Usage as problem:
            raise CommandError(str(problem)) from None
        if options["db_prefix"] is None:
            options["db_prefix"] = chosen.get("db-prefix")
        bootstrap(options)


def _takes(action):
    if action.nargs == 0:
        return words.NONE
    if action.nargs == "?":
        return re.compile(r"[^-].*")
    if action.nargs is None:
        return words.ONE
    return action.nargs if isinstance(action.nargs, int) else words.MANY


def _as_typed(name):
    def meaning(found, value):
        if isinstance(value, list):
            found.worker += [name, *value]
        else:
            found.to_worker(name, value)
    return meaning

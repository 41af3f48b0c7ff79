"""`manage.py mule`: from the words somebody typed to the native program.

Becomes it: `mule test --adapter '$PYTHON manage.py mule --worker ...' ...`.
The project's settings are loaded by then, and its models need not be.
"""

import json
import os
import shlex
import sys

from . import words as words_module
from .native_options import NativeOptions
from .words import Unknown, Usage

STATUS_USAGE = 4
ADMIN = ("django-admin", "django-admin.py", "django-admin.exe")
COMMAND = "mule"
# Of the words for the processes that load the project.
MAKE_A_SUITE = ("--settings", "--testrunner", "--pythonpath")


# When to run early: before the models of the project are loaded.

def early():
    """Become the program, if that is what `manage.py mule ...` asks for.

    Called while Django makes the configurations of its applications. Returns
    where somebody else has to decide: the command, when all is loaded.
    """
    argv = _typed()
    if argv is None or argv[1:2] != [COMMAND] \
            or "DJANGO_AUTO_COMPLETE" in os.environ:
        return
    asked = words_module.special(argv[2:])
    if asked - {"--list"} or _is_overridden():
        return
    try:
        start(argv)
    except Unknown:
        return  # the project's test runner may know it
    except Usage as problem:
        fail(problem)


def _typed():
    """The words that a management command line was started with, or None:
    Django is being set up by something else, such as a script."""
    from django.core.management import ManagementUtility
    code = ManagementUtility.execute.__code__
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code is code:
            return list(frame.f_locals["self"].argv)
        frame = frame.f_back
    return None


def _is_overridden():
    """Whether another application brings a command by this name."""
    from django.conf import settings
    near = os.path.join("management", "commands", COMMAND + ".py")
    here = os.path.dirname(os.path.abspath(__file__))
    for entry in settings.INSTALLED_APPS:
        # "shop.apps.ShopConfig" is in the package "shop".
        parts = str(entry).split(".")
        for root in _folders_of(parts[0]):
            folder = root
            for part in [None, *parts[1:]]:
                folder = os.path.join(folder, part) if part else folder
                if os.path.isfile(os.path.join(folder, near)) \
                        and os.path.abspath(folder) != here:
                    return True
    return False


def _folders_of(name):
    """Folders of a top-level package, which is not imported for it."""
    from importlib.util import find_spec
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):
        return []
    return list(spec.submodule_search_locations or []) if spec else []


# Starting.

def start(argv, extra=()):
    """Become the program for the words of a command line. Raises Usage."""
    from ... import binary
    if binary.find() is None:
        binary.start([])  # it says so
    arguments, notes, broker = program_arguments(argv, extra)
    if broker:
        os.environ["MULE_BROKER"] = broker
    for note in notes:
        sys.stderr.write("mule: note: %s\n" % note)
    sys.stderr.flush()
    binary.start(arguments)


def fail(problem):
    """Print what is wrong with the words, and end."""
    sys.stderr.write("mule: error: %s\n" % problem)
    if getattr(problem, "hint", None):
        sys.stderr.write("mule: hint: %s\n" % problem.hint)
    sys.exit(STATUS_USAGE)


def program_arguments(argv, extra=()):
    """(those of the native program, notes for the user, the broker that
    settings.MULE has). Raises Usage."""
    from django.conf import settings
    typed = without_command(argv[2:])
    command = "list" if "--list" in words_module.special(typed) else "test"
    native = NativeOptions(command)
    found = words_module.sort(typed, native, extra)
    if {"--no-color", "--force-color"} <= set(typed):
        raise Usage("the --no-color and --force-color options can't be used "
                    "together")
    values = defaults(getattr(settings, "MULE", {}), os.environ)
    # It may have a password in it, and everybody can see arguments.
    broker = values.pop("broker") \
        if isinstance(values.get("broker"), str) else None
    line = adapter(argv[0], sys.modules.get("__main__"), os.getcwd(),
                   _settings_word(typed) + found.worker)
    if command == "test":
        settle_coverage(found)
        line = measured(line, found.values.get("--coverage"),
                        values.get("coverage"))
    arguments = [command, "--adapter", line, "--defaults-name",
                 "settings.MULE", "--defaults",
                 json.dumps(values, ensure_ascii=False)]
    # How much is printed, or in which order tests run, makes no other suite.
    arguments += ["--suite", adapter(
        argv[0], sys.modules.get("__main__"), os.getcwd(),
        _settings_word(typed) + [
            word for word in found.worker
            if word.startswith(MAKE_A_SUITE)])]
    if command == "test":
        arguments += ["--rerun", rerun(argv[0], typed)]
    if "--python" not in found.values and sys.executable:
        arguments += ["--python", sys.executable]
    flags = interpreter_flags()
    if flags and "--python-args" not in found.values:
        arguments.append("--python-args=" + shlex.join(flags))
    for by_django, words in found.native:
        # `mule list` has no use for how tests are run.
        if by_django is None or command == "test" or by_django in native:
            arguments += words
    return arguments, found.notes, broker


def without_command(typed):
    """`manage.py mule test ...` and `mule list` are habits of the native
    program; a folder or an app by that name is a label."""
    from django.conf import settings
    word = typed[0] if typed else None
    if word not in ("test", "list") or os.path.exists(word):
        return typed
    if any(word in str(app).split(".") for app in settings.INSTALLED_APPS):
        return typed
    return typed[1:] if word == "test" else ["--list"] + typed[1:]


def _settings_word(typed):
    """What manage.py chose, so that every process has the same."""
    module = os.environ.get("DJANGO_SETTINGS_MODULE")
    if not module or any(word == "--settings"
                         or word.startswith("--settings=") for word in typed):
        return []
    return ["--settings=" + module]


def adapter(program, main, cwd, words):
    """The command of the zygote, as a line of the shell.

    `program` is the first word of the command line and `main` the module that
    runs. Paths are relative to `cwd` where that is possible: on a fleet, the
    same words have to work elsewhere.
    """
    if os.path.basename(program) in ADMIN:
        script = ["-m", "django"]
    else:
        script = _module(main, program) or [
            _near(program, getattr(main, "__file__", None), cwd)]
    # Settings look for this word in sys.argv, to know that tests will run.
    words = [COMMAND, "test", "--worker"] + words
    return "$PYTHON " + shlex.join(script + words)


def _module(main, program):
    """What follows `python`, where that is -m."""
    spec = getattr(main, "__spec__", None)
    if spec is None or (os.path.isfile(program) and not os.path.samefile(
            program, getattr(main, "__file__", None) or program)):
        return None
    name = spec.name
    return ["-m", name[:-len(".__main__")] if name.endswith(".__main__")
            else name]


def _near(program, file, cwd):
    path = os.path.abspath(os.path.join(cwd, program))
    if file and not os.path.isfile(path):  # the folder is another one by now
        path = os.path.abspath(os.path.join(cwd, file))
    near = os.path.relpath(path, cwd)
    if near.split(os.sep)[0] != os.pardir:
        return near
    # "../manage.py" was typed so; another absolute path is meant as one.
    typed = os.path.normpath(os.path.join(cwd, program))
    return near if not os.path.isabs(program) and typed == path else path


def rerun(program, typed):
    """What was typed, up to where the id of a test can follow."""
    main = sys.modules.get("__main__")
    if os.path.basename(program) in ADMIN:
        words = [os.path.basename(program)]
    else:
        python = getattr(sys, "orig_argv", [""])[0] or sys.executable
        words = [os.path.basename(python)] + (
            _module(main, program) or [program])
    words.append(COMMAND)
    for at, word in enumerate(typed):
        if word in ("--settings", "--pythonpath", "--testrunner"):
            words += typed[at:at + 2]
        elif word.startswith(("--settings=", "--pythonpath=",
                              "--testrunner=")):
            words.append(word)
    return shlex.join(words)


def interpreter_flags():
    """The options that this interpreter was started with."""
    flags = sys.flags
    words = ["-X" + (name if value is True else "%s=%s" % (name, value))
             for name, value in sys._xoptions.items()]
    words += ["-W" + option for option in sys.warnoptions
              if option not in os.environ.get("PYTHONWARNINGS", "").split(",")
              and not (option == "default" and flags.dev_mode)]
    if flags.optimize and "PYTHONOPTIMIZE" not in os.environ:
        words.append("-" + "O" * flags.optimize)
    if flags.dont_write_bytecode \
            and "PYTHONDONTWRITEBYTECODE" not in os.environ:
        words.append("-B")
    if flags.isolated:
        words.append("-I")
    else:
        words += ["-E"] * bool(flags.ignore_environment)
        words += ["-s"] * bool(flags.no_user_site
                               and "PYTHONNOUSERSITE" not in os.environ)
        words += ["-P"] * bool(getattr(flags, "safe_path", False)
                               and "PYTHONSAFEPATH" not in os.environ)
    return words


# What is set where nothing else is said.


def defaults(chosen, environment):
    """The weakest of all settings: those of Django, then settings.MULE."""
    values = {"isolation": "worker"}
    processes = environment.get("DJANGO_TEST_PROCESSES", "")
    if processes.isdecimal() and int(processes) > 0:
        values["jobs"] = int(processes)
    if not isinstance(chosen, dict):
        raise Usage("settings.MULE is of type %s" % type(chosen).__name__,
                    "it is a dict, as in MULE = {'jobs': 4}")
    for name, value in chosen.items():
        if not isinstance(name, str):
            raise Usage("settings.MULE has %r among its names" % (name,),
                        "names are text, as in mule.yaml")
        if value is not None:  # not said
            values[name.replace("_", "-")] = _plain(name, value)
    return values


def _plain(name, value):
    """For JSON."""
    from django.utils.functional import Promise
    if isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, (str, Promise)):
        return str(value)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, dict):
        return {str(key): _plain(name, part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(name, part) for part in value]
    if isinstance(value, (set, frozenset)):
        return sorted((_plain(name, part) for part in value), key=str)
    raise Usage("settings.MULE[%r] is of type %s"
                % (name, type(value).__name__),
                "it may be text, a number, a path, a list or a dict")


# `coverage run manage.py mule`

MEASURED = ("run:branch", "run:source", "run:source_pkgs", "run:include",
            "run:omit", "run:data_file", "run:concurrency", "run:context",
            "run:cover_pylib", "run:timid")


def settle_coverage(found):
    """`coverage run` sees this process alone, which ends here.

    Where its configuration file says all it does, this is --coverage; where
    its command line says more, that would be forgotten. Raises Usage.
    """
    coverage = sys.modules.get("coverage")
    current = getattr(getattr(coverage, "Coverage", None), "current", None)
    running = current() if current is not None else None
    if running is None or "--coverage" in found.values:
        return
    path = getattr(running.config, "config_file", None)
    plain = coverage.Coverage(config_file=path or False)
    for name in MEASURED:
        if _option(running, name) != _option(plain, name):
            raise Usage(
                "`coverage run` measures a single process, and its option "
                "for %s is not known to others" % name,
                "write it to the coverage configuration file, under [run], "
                "and start `manage.py mule --coverage`")
    found.to_native("--coverage", path or None, True)
    found.notes.append("`coverage run` is taken as --coverage, which "
                       "measures every process")


def _option(coverage, name):
    try:
        return coverage.get_option(name)
    except Exception:  # this coverage.py does not know it
        return None


def measured(line, typed, chosen):
    """The command of a zygote that measures from its first line on.

    `typed` is what --coverage was given, "" for nothing and None if it was
    not; `chosen` is from settings.MULE.
    """
    if typed is None and not chosen:
        return line
    rcfile = typed if typed is not None else chosen
    return line.replace(
        "$PYTHON ", "$PYTHON -m mule.contrib.django.measured %s " % (
            shlex.quote(rcfile if isinstance(rcfile, str) else "")), 1)

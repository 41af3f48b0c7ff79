"""Plays parts of a run on a project's databases, where Django is installed.

Not a test: test_django_databases.py starts it in an environment with Django,
with the code of one scene on the command line. The project is made of
settings alone and of the apps in the current folder. What `tell` is given
comes back to the test as JSON, a line each.
"""

import json
import os
import signal
import sys
import traceback

TOLD = os.fdopen(os.dup(1), "w")


def tell(value):
    TOLD.write(json.dumps(value) + "\n")
    TOLD.flush()


def configure(databases, apps=("shop",), **more):
    import django
    from django.conf import settings
    settings.configure(
        DATABASES=databases, SECRET_KEY="none", USE_TZ=True,
        INSTALLED_APPS=["django.contrib.contenttypes", *apps],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField", **more)
    django.setup()


def runner(**words):
    from django.test.runner import DiscoverRunner
    return DiscoverRunner(verbosity=0, interactive=False, **words)


class Build:
    """A zygote that has made its databases; `with` drops them."""

    def __init__(self, build="b1", aliases=None, serialized=(), runner=None,
                 say=None, **words):
        from mule.contrib.django.databases import Databases
        self.databases = Databases(build, **words)
        self.runner = runner or globals()["runner"]()
        self.said = []
        self.say = say or self.said.append
        self.aliases = aliases or ["default"]
        self.serialized = set(serialized)

    def __enter__(self):
        try:
            self.databases.create(
                self.runner, dict.fromkeys(self.aliases, False),
                self.serialized, self.say)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.left = self.databases.drop(self.runner, self.say)

    def worker(self, slot, work):
        """Forks a worker that attaches and calls work(databases). Gives what
        that gives, or raises what it raised, as a RuntimeError."""
        return self.finish(self.begin(slot, work))

    def begin(self, slot, work):
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(read)
            try:
                self.databases.attach(slot)
                answer = [work(self.databases), None]
            except BaseException as error:
                answer = [None, "%s: %s\n%s\n%s" % (
                    type(error).__name__, error,
                    getattr(error, "hint", None), traceback.format_exc())]
            with os.fdopen(write, "w") as file:
                json.dump(answer, file)
            os._exit(0)
        os.close(write)
        return pid, read

    def finish(self, begun):
        pid, read = begun
        with os.fdopen(read) as file:
            text = file.read()
        _, status = os.waitpid(pid, 0)
        if not text:
            return {"signal": os.WTERMSIG(status)}
        value, problem = json.loads(text)
        if problem:
            raise RuntimeError(problem)
        return value


def attempt(work):
    """What Unfit says, if that is how it ends."""
    from mule.harness import Unfit
    try:
        work()
    except Unfit as problem:
        return {"reason": str(problem), "hint": problem.hint}
    return None


def names(alias="default"):
    """What is in the table of this connection's database."""
    from shop.models import Item
    return sorted(Item.objects.using(alias).values_list("name", flat=True))


def add(name, alias="default"):
    from shop.models import Item
    return Item.objects.using(alias).create(name=name).pk


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def sql(statement, alias="default"):
    from django.db import connections
    with connections[alias].cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else None


if __name__ == "__main__":
    sys.path.insert(0, os.getcwd())
    exec(compile(sys.argv[1], "<scene>", "exec"))

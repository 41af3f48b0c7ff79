"""Real database servers, each in a private folder, on a free port.

    server = PostgresServer.start()
    server.settings("shop")   # for DATABASES
    server.databases()        # names of those that are there
    server.stop()

They listen on 127.0.0.1 and on a socket in their folder, and do not wait for
disks. Started by root they run as another user, since PostgreSQL refuses to
be root. Tests that need one are skipped where it is not installed, and fail
where CI=true.
"""

import contextlib
import ctypes
import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from .brokers import free_port

PATIENCE = 60  # seconds for a server to come, and to go
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None)


def missing(what):
    """Ends a test, or a class of tests, that needs what is not there."""
    if os.environ.get("CI") == "true":
        raise AssertionError(f"{what} is not installed")
    raise unittest.SkipTest(f"{what} is not installed")


def _die_with_parent():
    """After the user was changed, which would undo it."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


class Server:
    """One server. Started by `start`, stopped by pid; it does not outlive
    the thread that started it."""

    def __init__(self, process, folder, port, socket_path):
        self.process = process
        self.folder = folder
        self.port = port
        self.socket_path = socket_path

    @classmethod
    def start(cls, *options):
        """`options` are more words for its command line."""
        last = None
        for _ in range(3):  # somebody may take the port meanwhile
            place = tempfile.mkdtemp(prefix="mule-db-", dir=_open_folder())
            try:
                return cls._start(place, free_port(), options)
            except OSError as error:
                last = error
                shutil.rmtree(place, ignore_errors=True)
            except BaseException:
                shutil.rmtree(place, ignore_errors=True)
                raise
        raise last

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Ends it, whoever is connected. Idempotent."""
        if self.process.poll() is None:
            self.process.send_signal(self.farewell)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _await(self):
        """Until it answers; OSError if it does not."""
        end = time.monotonic() + PATIENCE
        while not self.answers():
            if self.process.poll() is not None \
                    or time.monotonic() > end:
                self.process.kill()
                self.process.wait()
                raise OSError("%s does not come up: %s" % (
                    type(self).__name__, self.said()))
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.02)

    def said(self):
        with open(os.path.join(self.folder, "log"), encoding="utf-8",
                  errors="replace") as file:
            return file.read()[-2000:]


def _open_folder():
    """Where another user may go: a job's own TMPDIR is its user's alone."""
    return "/tmp" if os.getuid() == 0 else None


def _as_user(names):
    """What makes a process of another user, for root."""
    if os.getuid() != 0:
        return {}
    for name in names:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid,
                "extra_groups": []}
    raise OSError("no user to run a server as")


def _give(place, identity):
    if identity:
        os.chown(place, identity["user"], identity["group"])


def _run(words, **more):
    done = subprocess.run(words, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=PATIENCE, **more)
    if done.returncode != 0:
        raise OSError("%s: %s" % (
            words[0], done.stdout.decode("utf-8", "replace")[-500:]))
    return done.stdout.decode("utf-8", "replace")


class PostgresServer(Server):
    """Its user is `mule`, who may do everything. No user needs a password but
    `locked`, who has none."""

    farewell = signal.SIGINT  # ends sessions

    FAST = ("-c", "fsync=off", "-c", "full_page_writes=off",
            "-c", "synchronous_commit=off")

    @staticmethod
    def programs():
        """The folder of the newest one that is installed."""
        path = shutil.which("postgres")
        if path is not None:
            return os.path.dirname(os.path.realpath(path))
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"),
                       key=lambda name: int(name.split("/")[4]))
        return os.path.dirname(found[-1]) if found else missing("PostgreSQL")

    @classmethod
    def _start(cls, place, port, options):
        programs = cls.programs()
        identity = _as_user(["postgres", "nobody"])
        _give(place, identity)
        data = os.path.join(place, "data")
        _run([os.path.join(programs, "initdb"), "-D", data, "-U", "mule",
              "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync",
              "--no-instructions"], cwd=place, **identity)
        with open(os.path.join(data, "pg_hba.conf"), "w") as file:
            file.write("local all all trust\n"
                       "host all locked 127.0.0.1/32 scram-sha-256\n"
                       "host all all 127.0.0.1/32 trust\n")
        if "fsync=on" not in options:  # as it is installed
            options = cls.FAST + options
        with open(os.path.join(place, "log"), "wb") as log:
            process = subprocess.Popen(
                [os.path.join(programs, "postgres"), "-D", data,
                 "-p", str(port), "-k", place,
                 "-c", "listen_addresses=127.0.0.1",
                 "-c", "max_connections=100", *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=place,
                preexec_fn=_die_with_parent, **identity)
        server = cls(process, place, port, place)
        server._await()
        return server

    def answers(self):
        return subprocess.run(
            [os.path.join(self.programs(), "pg_isready"), "-q",
             "-h", "127.0.0.1", "-p", str(self.port), "-U", "mule",
             "-d", "postgres"]).returncode == 0

    def settings(self, name, **more):
        """An entry of DATABASES."""
        return {"ENGINE": "django.db.backends.postgresql", "NAME": name,
                "HOST": "127.0.0.1", "PORT": str(self.port), "USER": "mule",
                "PASSWORD": "", **more}

    def sql(self, statement, database="postgres"):
        """The rows of a statement, each a list of texts."""
        text = _run([os.path.join(self.programs(), "psql"), "-h",
                     self.folder, "-p", str(self.port), "-U", "mule", "-d",
                     database, "-qXAt", "-F", "\x1f", "-v", "ON_ERROR_STOP=1",
                     "-c", statement])
        return [line.split("\x1f") for line in text.splitlines()]

    def databases(self):
        """Those that somebody created."""
        return sorted(row[0] for row in self.sql(
            "SELECT datname FROM pg_database WHERE NOT datistemplate"
            " AND datname <> 'postgres'"))


class MariaServer(Server):
    """Its user is `mule`, who may do everything and has no password."""

    farewell = signal.SIGTERM

    FAST = ("--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0",
            "--innodb-flush-method=nosync", "--skip-log-bin",
            "--innodb-log-file-size=16M", "--innodb-buffer-pool-size=64M")

    @staticmethod
    def program(*names):
        path = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"
        for name in names:
            found = shutil.which(name, path=path)
            if found:
                return found
        return missing("MariaDB")

    @classmethod
    def _start(cls, place, port, options):
        install = cls.program("mariadb-install-db")
        identity = _as_user(["mysql", "nobody"])
        _give(place, identity)
        data = os.path.join(place, "data")
        # A job's own TMPDIR is no place for its user either.
        _run([install, "--no-defaults", "--datadir=" + data,
              "--tmpdir=" + place,
              "--auth-root-authentication-method=normal", "--skip-test-db",
              "--innodb-flush-method=nosync"], cwd=place, **identity)
        setup = os.path.join(place, "setup.sql")
        with open(setup, "w") as file:
            file.write("CREATE USER IF NOT EXISTS mule@'%';\n"
                       "CREATE USER IF NOT EXISTS mule@localhost;\n"
                       "GRANT ALL ON *.* TO mule@'%' WITH GRANT OPTION;\n"
                       "GRANT ALL ON *.* TO mule@localhost"
                       " WITH GRANT OPTION;\n")
        sock = os.path.join(place, "sock")
        if "--fsync" in options:
            options = tuple(word for word in options if word != "--fsync")
        else:
            options = cls.FAST + options
        with open(os.path.join(place, "log"), "wb") as log:
            process = subprocess.Popen(
                [cls.program("mariadbd", "mysqld"), "--no-defaults",
                 "--datadir=" + data, "--tmpdir=" + place,
                 "--port=" + str(port),
                 "--socket=" + sock, "--bind-address=127.0.0.1",
                 "--pid-file=" + os.path.join(place, "pid"),
                 "--init-file=" + setup, "--character-set-server=utf8mb4",
                 *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=place,
                preexec_fn=_die_with_parent, **identity)
        server = cls(process, place, port, sock)
        server._await()
        return server

    def answers(self):
        return os.path.exists(self.socket_path) and subprocess.run(
            [self.program("mysqladmin", "mariadb-admin"), "--no-defaults",
             "--socket=" + self.socket_path, "--user=mule", "ping"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL).returncode == 0

    def settings(self, name, **more):
        """An entry of DATABASES."""
        return {"ENGINE": "django.db.backends.mysql", "NAME": name,
                "HOST": "127.0.0.1", "PORT": str(self.port), "USER": "mule",
                "PASSWORD": "", **more}

    def sql(self, statement, database=""):
        """The rows of a statement, each a list of texts."""
        text = _run([self.program("mysql", "mariadb"), "--no-defaults",
                     "--socket=" + self.socket_path, "--user=mule",
                     "--batch", "--skip-column-names", "-e", statement,
                     *([database] if database else [])])
        return [line.split("\t") for line in text.splitlines()]

    def databases(self):
        """Those that somebody created."""
        own = {"information_schema", "mysql", "performance_schema", "sys"}
        return sorted(row[0] for row in self.sql("SHOW DATABASES")
                      if row[0] not in own)

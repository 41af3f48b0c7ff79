"""A TestCase with stock Python Celery workers that load mule.tasks, on a
company's broker, beside the company's own tasks."""

import json
import os
import queue
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from . import brokers, celery_env, environments, processes
from .celery_line import CeleryLine

ROOT = environments.ROOT
PATIENCE = float(os.environ.get("MULE_TEST_PATIENCE", "90"))
FAKE = os.path.join(ROOT, "tests", "support", "fake_member.py")

APP = '''\
import os, sys, time
sys.path.insert(0, {python!r})
from celery import Celery
{prologue}
app = Celery("company", broker={broker!r}, backend="rpc://")
app.conf.update(imports=("mule.tasks",), task_default_queue="default",
                {settings})

@app.task(name="company.add")
def add(one, two):
    return one + two

@app.task(name="company.hold")
def hold(path):
    with open(path) as pipe:
        return pipe.read()
'''
FAKED = '''\
from mule import celery_node
celery_node.command = lambda: [{python!r}, {fake!r}]
'''


class Broker:
    """One for all tests of a module; tests share nothing else."""

    servers = {}

    @classmethod
    def get(cls, kind):
        missing = brokers.missing(kind)
        if missing:
            if os.environ.get("CI") == "true":
                raise AssertionError(f"{missing} is not installed")
            raise unittest.SkipTest(f"{missing} is not installed")
        if kind not in cls.servers:
            server = (brokers.RedisServer if kind == "redis"
                      else brokers.RabbitServer)()
            cls.servers[kind] = server.start()
            if kind == "rabbitmq":
                server.call("rabbit", "await_startup", server.node)
        return cls.servers[kind]

    @classmethod
    def end(cls):
        while cls.servers:
            cls.servers.popitem()[1].end()


class Clients:
    """A caller for each environment, for all tests of a class."""

    lines = {}

    @classmethod
    def get(cls, python):
        if python not in cls.lines:
            cls.lines[python] = CeleryLine(python).__enter__()
        return cls.lines[python]

    @classmethod
    def end(cls):
        while cls.lines:
            cls.lines.popitem()[1].__exit__()


class Member:
    """The test's end of fake_member.py: what came, and what is to be said."""

    def __init__(self, link):
        self.link = link
        self.stream = link.makefile("rb")
        self.seen = queue.Queue()
        self.backlog = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            for line in self.stream:
                self.seen.put(json.loads(line))
        except (OSError, ValueError):
            pass
        self.seen.put({"from": "end", "task": 0, "line": {"msg": "end"}})

    def wait(self, source, seconds=PATIENCE, **members):
        """The next message from there whose line has these members."""
        def fits(message):
            line = message["line"] or {}
            return message["from"] == source and all(
                line.get(name) == value for name, value in members.items())

        for message in self.backlog:
            if fits(message):
                self.backlog.remove(message)
                return message
        deadline = time.monotonic() + seconds
        while True:
            try:
                message = self.seen.get(
                    timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(
                    f"{source} {members} did not come; there were "
                    f"{self.backlog}") from None
            if fits(message):
                return message
            self.backlog.append(message)

    def say(self, payload=None, **line):
        message = {"to": "main", "line": line}
        if payload is not None:
            message["payload"] = payload
        self._send(message)

    def end(self, task, how, value=None):
        self._send({"to": "task", "task": task, "line": {
            "msg": "end", "how": how, "value": value}})

    def exit(self, status=0):
        self._send({"to": "exit", "status": status})

    def _send(self, message):
        self.link.sendall(json.dumps(message).encode() + b"\n")


class Worker:
    """A stock worker. What it logs is in `log()`."""

    def __init__(self, case, process, path):
        self.case = case
        self.process = process
        self.path = path

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        with open(self.path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def wait_log(self, text, count=1, seconds=PATIENCE):
        """Nothing tells when a file grows, so it is looked at."""
        deadline = time.monotonic() + seconds
        while self.log().count(text) < count:
            if time.monotonic() > deadline or (
                    self.process.poll() is not None
                    and self.log().count(text) < count):
                raise AssertionError(f"{text!r} was not logged:\n"
                                     + self.log()[-6000:])
            time.sleep(0.02)

    def stop(self, number=signal.SIGTERM, seconds=PATIENCE):
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.wait(seconds)

    def wait(self, seconds=PATIENCE):
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError("the worker did not end:\n"
                                 + self.log()[-6000:]) from None

    def kill(self):
        below = processes.descendants_of(self.pid)
        for pid in [self.pid, *below]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()


class StockCase(unittest.TestCase):
    """Of an environment (celery_env) and a kind of broker."""

    stock_version = "newest"
    broker_kind = "redis"

    @classmethod
    def tearDownClass(cls):
        Clients.end()
        Broker.end()

    def setUp(self):
        processes.reap_orphans()
        self.python = celery_env.python(self.stock_version)
        self.broker = Broker.get(self.broker_kind)
        self.home = os.path.realpath(tempfile.mkdtemp(prefix="st-"))
        self.addCleanup(shutil.rmtree, self.home, ignore_errors=True)
        self.tmp = os.path.join(self.home, "tmp")
        os.mkdir(self.tmp)
        self.workers = []
        self.addCleanup(self._look_behind)
        self.addCleanup(self._end_workers)
        self.url = self.vhost()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(os.path.join(self.home, "member"))
        self.listener.listen(8)
        self.addCleanup(self.listener.close)
        self.members = []
        self.addCleanup(self._close_members)

    def vhost(self):
        """A corner of the broker that no other test has used."""
        if self.broker_kind == "redis":
            self.broker.command("FLUSHALL")
            return self.broker.url
        name = os.path.basename(self.home)
        self.broker.add_vhost(name)
        self.addCleanup(self.broker.delete_vhost, name)
        return self.broker.url_of(name)

    def enter(self, context):
        value = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        return value

    def _close_members(self):
        for member in self.members:
            member.link.close()

    def _end_workers(self):
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.kill()

    def _look_behind(self):
        left = processes.with_variable("MULE_TEST_MARK", self.home)
        left = processes.wait_for_end(left, 10)
        names = [f"{pid} {processes.command_of(pid)}" for pid in left]
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        processes.wait_for_end(left, 10)
        processes.bury_children()
        self.assertEqual(names, [], "processes were left behind")
        # Celery's own folder is left by a worker that was killed.
        files = [name for name in os.listdir(self.tmp)
                 if not name.startswith("pymp-")]
        self.assertEqual(files, [], "files were left behind")

    def write_app(self, fake=True, settings="", prologue=""):
        if fake:
            prologue += FAKED.format(python=self.python, fake=FAKE)
        with open(os.path.join(self.home, "company.py"), "w") as file:
            file.write(APP.format(python=os.path.join(ROOT, "python"),
                                  broker=self.url, prologue=prologue,
                                  settings=settings))

    def variables(self, **changes):
        environment = {
            name: value for name, value in os.environ.items()
            if not name.startswith(("MULE", "CELERY", "PYTHON"))}
        environment.update({
            "MULE_TEST_MARK": self.home, "TMPDIR": self.tmp,
            "MULE_FAKE_MEMBER": os.path.join(self.home, "member"),
            "C_FORCE_ROOT": "1", "PYTHONDONTWRITEBYTECODE": "1"}, **changes)
        return environment

    def start(self, *words, app="company", name="w", queues="default",
              env=None):
        path = os.path.join(self.home, f"worker{len(self.workers)}.log")
        with open(path, "wb") as log:
            process = subprocess.Popen(
                [self.python, "-m", "celery", "-A", app, "worker", "-n",
                 f"{name}@test", "-Q", queues, "-l", "INFO", *words],
                cwd=self.home, env=env or self.variables(),
                stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True)
        worker = Worker(self, process, path)
        self.workers.append(worker)
        return worker

    def member(self, worker, greet=True):
        """The fake that the worker has started."""
        self.listener.settimeout(PATIENCE)
        try:
            link, _ = self.listener.accept()
        except socket.timeout:
            raise AssertionError("no native process was started:\n"
                                 + worker.log()[-6000:]) from None
        link.settimeout(None)
        member = Member(link)
        self.members.append(member)
        if greet:
            member.hello = member.wait("main", msg="hello")["line"]
            member.say(msg="hello", protocol="1.0", version="0")
            member.wait("main", msg="way", up=True)
        return member

    # ------------------------------------------------ as a coordinator does

    def client(self, code, *words):
        """Runs Python with the Celery of this test, and gives its JSON."""
        prologue = ("import json, sys, kombu, celery\n"
                    f"url = {self.url!r}\nwords = {words!r}\n"
                    "app = celery.Celery('client', broker=url,"
                    " backend='rpc://')\n"
                    "def show(value): print(json.dumps(value))\n")
        status, out, err = Clients.get(self.python).run(
            prologue + code, cwd=self.home, env=self.variables())
        self.assertEqual(status, 0, err)
        return json.loads(out or "null")

    def send(self, task, payload, queue_name="default", **more):
        """A task of mule by the default exchange; gives its id."""
        return self.client(
            "import uuid\n"
            "task, payload, queue, more = words\n"
            "id = str(uuid.uuid4())\n"
            "headers = {'lang': 'c', 'task': task, 'id': id,"
            " 'ignore_result': True, 'mule_build': 'b', **more}\n"
            "with kombu.Connection(url) as c:\n"
            "    c.Producer().publish([[payload, 's'], {}, {}], exchange='',\n"
            "        routing_key=queue, headers=headers,\n"
            "        serializer='json', correlation_id=id)\n"
            "show(id)\n", task, payload, queue_name, more)

    def declare(self, name, expires_ms):
        self.client(
            "name, expires = words\n"
            "with kombu.Connection(url) as c:\n"
            "    kombu.Queue(name, kombu.Exchange(''), name, durable=True,\n"
            "        queue_arguments={'x-expires': expires})(\n"
            "        c.default_channel).queue_declare()\n", name, expires_ms)

    def take(self, name, count, expires_ms=600000):
        """Bodies of messages of a queue."""
        return self.client(
            "import socket\n"
            "name, count, expires = words\nseen = []\n"
            "def take(body, message):\n"
            "    message.ack(); seen.append(body)\n"
            "queue = kombu.Queue(name, kombu.Exchange(''), name,\n"
            "    durable=True, queue_arguments={'x-expires': expires})\n"
            "with kombu.Connection(url) as c:\n"
            "    with c.Consumer([queue], callbacks=[take]):\n"
            "        while len(seen) < count:\n"
            "            c.drain_events(timeout=60)\n"
            "show(seen)\n", name, count, expires_ms)

    def add(self, queue_name="default"):
        """The company's own task: it must work whatever mule does."""
        return self.client(
            "result = app.send_task('company.add', (20, 22), queue=words[0])\n"
            "show(result.get(timeout=60))\n", queue_name)

    def broadcast(self, method, reply=False, node="w@test", **arguments):
        return self.client(
            "method, arguments, node, reply = words\n"
            "show(app.control.broadcast(method, arguments=arguments,\n"
            "    destination=[node], reply=reply, timeout=10, limit=1))\n",
            method, arguments, node, reply)

    def queues(self, node="w@test"):
        """Names of the queues that it takes from."""
        found = self.client(
            "show(app.control.inspect([words[0]], timeout=10)"
            ".active_queues())\n", node) or {}
        return sorted(queue["name"] for queue in found.get(node, []))

    def wait_queues(self, wanted, node="w@test"):
        deadline = time.monotonic() + PATIENCE
        while True:
            found = self.queues(node)
            if found == sorted(wanted):
                return
            self.assertLess(time.monotonic(), deadline,
                            f"it takes from {found}, not {wanted}")

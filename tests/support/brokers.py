"""Real brokers, started by a test on free ports in a folder of their own.

    with RabbitServer() as rabbit, RedisServer() as redis:
        run_mule("--broker", rabbit.url)

A server touches nothing outside of its folder, listens on 127.0.0.1 only, and
dies with the thread that started it. `kill` and `start` again are what a
crash and a restart are: port, folder and data stay. Needs the packages
rabbitmq-server and redis-server; `missing()` says which is not there.
"""

import base64
import ctypes
import hashlib
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse

from .erlang_line import ErlangLine, binary

PR_SET_PDEATHSIG = 1
RABBIT_PROGRAMS = ("/usr/lib/rabbitmq/bin/rabbitmq-server",
                   "/usr/local/sbin/rabbitmq-server")
START_SECONDS = 300
STOP_SECONDS = 60

_libc = ctypes.CDLL(None)
_given = set()


def rabbit_program():
    """The script itself: the one on PATH changes user and folder."""
    for path in RABBIT_PROGRAMS:
        if os.access(path, os.X_OK):
            return path
    return None


def missing(kind):
    """What is not installed of what "redis" or "rabbitmq" needs, or None."""
    if kind == "redis":
        return None if shutil.which("redis-server") else "redis-server"
    if rabbit_program() is None or not shutil.which("erl"):
        return "rabbitmq-server"
    return None if shutil.which("epmd") else "epmd"


def free_port():
    """A port that nobody listens on, and that was not given before.

    Below the range from which the system takes ports for outgoing
    connections: a client that knocks at the port of a stopped server could
    otherwise be connected to itself, and keep the server from coming back.
    """
    while True:
        port = random.randrange(15000, 32000)
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _given:
            _given.add(port)
            return port


def _die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def make_certificates(folder):
    """A CA and what it signed for a server on localhost and for a client.

    Gives the paths by name: ca, server, server_key, client, client_key.
    """
    paths = {name: os.path.join(folder, name + ".pem")
             for name in ("ca", "ca_key", "server", "server_key", "client",
                          "client_key")}

    def openssl(*words, text=None):
        subprocess.run(["openssl", *words], check=True, text=True, input=text,
                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
            "-subj", "/CN=authority of a test", "-keyout", paths["ca_key"],
            "-out", paths["ca"])
    for name in ("server", "client"):
        request = os.path.join(folder, name + ".csr")
        extensions = os.path.join(folder, name + ".ext")
        with open(extensions, "w", encoding="ascii") as file:
            file.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj",
                "/CN=localhost", "-keyout", paths[name + "_key"], "-out",
                request)
        openssl("x509", "-req", "-in", request, "-CA", paths["ca"], "-CAkey",
                paths["ca_key"], "-CAcreateserial", "-days", "2", "-extfile",
                extensions, "-out", paths[name])
    return paths


class Server:
    """What both have in common: a folder, a port and a process."""

    scheme = ""
    tls_scheme = ""

    def __init__(self, folder=None):
        self._owns_folder = folder is None
        self.folder = folder or tempfile.mkdtemp(prefix="broker")
        self.port = free_port()
        self.tls_port = None
        self.certificates = None
        self.process = None

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_):
        self.end()

    @property
    def pid(self):
        return self.process.pid

    def pids(self):
        """Of all that it consists of."""
        return [self.process.pid] if self.process else []

    @property
    def log_path(self):
        return os.path.join(self.folder, "out.log")

    def log(self):
        try:
            with open(self.log_path, errors="replace",
                      encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def _spawn(self, words, environment, **streams):
        with open(self.log_path, "ab") as log:
            return subprocess.Popen(
                words, env=environment, cwd=self.folder, **{
                    "stdout": log, "stderr": log,
                    "stdin": subprocess.DEVNULL, **streams},
                preexec_fn=_die_with_parent)

    def _environment(self, **more):
        return {"PATH": os.environ.get("PATH", os.defpath),
                "HOME": self.folder, "LANG": "C.UTF-8", **more}

    def _launch(self):
        raise NotImplementedError

    def _answers(self):
        raise NotImplementedError

    def start(self):
        """Starts it, again too, and waits until it serves."""
        assert self.process is None, "it is running"
        self.process = self._launch()
        self.wait_until_up()
        return self

    def start_without_waiting(self):
        assert self.process is None, "it is running"
        self.process = self._launch()

    def wait_until_up(self, seconds=START_SECONDS):
        deadline = time.monotonic() + seconds
        while not self._answers():
            status = self.process.poll()
            if status is not None:
                self.process = None
                raise RuntimeError("the broker ended with %d:\n%s"
                                   % (status, self.log()[-4000:]))
            if time.monotonic() > deadline:
                raise TimeoutError("the broker does not answer:\n%s"
                                   % self.log()[-4000:])
            # There is no event for "a port is listened on".
            time.sleep(0.02)

    def stop(self):
        """As an operator stops it: it writes what it has to its disk."""
        self._finish(signal.SIGTERM)

    def kill(self):
        """As a crash does: nothing is written any more."""
        self._finish(signal.SIGKILL)

    def _finish(self, number):
        if self.process is None:
            return
        self.process.send_signal(number)
        self.process.send_signal(signal.SIGCONT)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def restart(self):
        self.stop()
        return self.start()

    def suspend(self):
        """Lets it hang: connections stay, nothing is answered."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def end(self):
        """Kills it and removes all it wrote. May be called twice."""
        self.kill()
        if self._owns_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _url(self, scheme, port, user, password, path):
        login = ""
        if user or password:
            login = "%s:%s@" % (urllib.parse.quote(user, safe=""),
                                urllib.parse.quote(password, safe=""))
        return "%s://%s%s:%d/%s" % (scheme, login,
                                    "localhost" if port == self.tls_port
                                    else "127.0.0.1", port, path)

    def _with_tls(self):
        self.tls_port = free_port()
        self.certificates = make_certificates(self.folder)

    def _tls_query(self):
        return "ssl_ca_certs=" + urllib.parse.quote(self.certificates["ca"])


class RedisServer(Server):
    """A redis-server without persistence, but for `append_only`.

    `options` are words of its command line: ["--maxmemory", "4mb"].
    """

    def __init__(self, folder=None, *, password="", append_only=False,
                 tls=False, options=()):
        super().__init__(folder)
        self.password = password
        self.append_only = append_only
        self.options = list(options)
        self.socket_path = os.path.join(self.folder, "redis.sock")
        if tls:
            self._with_tls()

    @property
    def url(self):
        return self.url_of(0)

    def url_of(self, database):
        return self._url("redis", self.port, "", self.password, str(database))

    @property
    def tls_url(self):
        return "%s?%s" % (self._url("rediss", self.tls_port, "",
                                    self.password, "0"), self._tls_query())

    @property
    def socket_url(self):
        login = ""
        if self.password:
            login = ":%s@" % urllib.parse.quote(self.password, safe="")
        return "redis+socket://%s%s" % (login, self.socket_path)

    def _launch(self):
        words = ["redis-server", "--bind", "127.0.0.1", "--port",
                 str(self.port), "--dir", self.folder, "--save", "",
                 "--daemonize", "no", "--unixsocket", self.socket_path,
                 "--appendonly", "yes" if self.append_only else "no",
                 "--appendfsync", "always"]
        if self.password:
            words += ["--requirepass", self.password]
        if self.tls_port:
            words += ["--tls-port", str(self.tls_port),
                      "--tls-cert-file", self.certificates["server"],
                      "--tls-key-file", self.certificates["server_key"],
                      "--tls-ca-cert-file", self.certificates["ca"],
                      "--tls-auth-clients", "optional"]
        return self._spawn(words + self.options, self._environment())

    def command(self, *words, database=0):
        """Asks it something: lists, integers, texts or None. bytes inside."""
        with socket.create_connection(("127.0.0.1", self.port), 10) as link:
            stream = link.makefile("rb")
            answer = None
            lines = [words]
            if database:
                lines.insert(0, ("SELECT", database))
            if self.password:
                lines.insert(0, ("AUTH", self.password))
            for line in lines:
                link.sendall(self._encode(line))
                answer = self._read(stream)
            return answer

    @staticmethod
    def _encode(words):
        parts = [b"*%d\r\n" % len(words)]
        for word in words:
            if not isinstance(word, bytes):
                word = str(word).encode()
            parts.append(b"$%d\r\n%s\r\n" % (len(word), word))
        return b"".join(parts)

    def _read(self, stream):
        line = stream.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("redis-server closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RuntimeError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"+":
            return rest
        if rest == b"-1":
            return None
        if kind == b"$":
            return stream.read(int(rest) + 2)[:-2]
        return [self._read(stream) for _ in range(int(rest))]

    def keys(self, pattern="*", database=0):
        """The names of its keys, sorted: what a test left."""
        found = self.command("KEYS", pattern, database=database)
        return sorted(key.decode("utf-8", "replace") for key in found)

    def _answers(self):
        try:
            return self.command("PING") == b"PONG"
        except (OSError, RuntimeError):  # not yet, or still loading
            return False


class RabbitServer(Server):
    """A rabbitmq-server with a name resolver (epmd) of its own.

    `users` are names with their passwords; the first one may do everything
    on `vhosts`, the others nothing. `config` is added to rabbitmq.conf,
    `advanced` is the text of advanced.config.
    """

    def __init__(self, folder=None, *, users=None, vhosts=("/",), tls=False,
                 config="", advanced=""):
        super().__init__(folder)
        self.users = users or {"guest": "guest"}
        self.vhosts = vhosts
        self.config = config
        self.advanced = advanced
        self.node = "rabbit%d@localhost" % self.port
        self.distribution_port = free_port()
        self.epmd_port = free_port()
        self.epmd = None
        self.line = None
        if tls:
            self._with_tls()

    @property
    def url(self):
        return self.url_of("/")

    def url_of(self, vhost, user=None, password=None):
        user = user if user is not None else next(iter(self.users))
        if password is None:
            password = self.users[user]
        path = urllib.parse.quote(vhost, safe="")
        return self._url("amqp", self.port, user, password, path)

    @property
    def tls_url(self):
        user = next(iter(self.users))
        return "%s?%s" % (self._url("amqps", self.tls_port, user,
                                    self.users[user], "%2F"),
                          self._tls_query())

    def _path(self, name):
        return os.path.join(self.folder, name)

    def _write(self, name, text):
        with open(self._path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def _definitions(self):
        users = []
        for name, password in self.users.items():
            salt = b"salt"
            digest = hashlib.sha256(salt + password.encode()).digest()
            users.append({
                "name": name, "tags": ["administrator"], "limits": {},
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "password_hash": base64.b64encode(salt + digest).decode()})
        permissions = [{"user": users[0]["name"], "vhost": vhost,
                        "configure": ".*", "write": ".*", "read": ".*"}
                       for vhost in self.vhosts]
        return {"users": users, "permissions": permissions,
                "vhosts": [{"name": vhost} for vhost in self.vhosts]}

    def _write_configuration(self):
        lines = ["listeners.tcp.1 = 127.0.0.1:%d" % self.port,
                 "log.file.level = warning",
                 "load_definitions = " + self._path("definitions.json"),
                 "disk_free_limit.absolute = 1MB"]
        if self.tls_port:
            lines += ["listeners.ssl.1 = 127.0.0.1:%d" % self.tls_port,
                      "ssl_options.cacertfile = " + self.certificates["ca"],
                      "ssl_options.certfile = " + self.certificates["server"],
                      "ssl_options.keyfile = "
                      + self.certificates["server_key"],
                      "ssl_options.verify = verify_peer",
                      "ssl_options.fail_if_no_peer_cert = false"]
        self._write("rabbitmq.conf", "\n".join(lines) + "\n" + self.config)
        self._write("definitions.json", json.dumps(self._definitions()))
        self._write("plugins", "[].\n")
        if self.advanced:
            self._write("advanced.config", self.advanced)

    def environment(self):
        """What makes a program of RabbitMQ speak of this server alone."""
        return self._environment(
            ERL_EPMD_PORT=str(self.epmd_port), ERL_EPMD_ADDRESS="127.0.0.1",
            RABBITMQ_NODENAME=self.node,
            RABBITMQ_NODE_PORT=str(self.port),
            RABBITMQ_DIST_PORT=str(self.distribution_port),
            RABBITMQ_BASE=self.folder,
            RABBITMQ_MNESIA_BASE=self._path("data"),
            RABBITMQ_LOG_BASE=self._path("log"),
            RABBITMQ_CONFIG_FILE=self._path("rabbitmq.conf"),
            RABBITMQ_ADVANCED_CONFIG_FILE=self._path("advanced.config"),
            RABBITMQ_CONF_ENV_FILE=self._path("none"),
            RABBITMQ_PID_FILE=self._path("pid"),
            RABBITMQ_ENABLED_PLUGINS_FILE=self._path("plugins"),
            # The script becomes the server instead of watching it.
            RABBITMQ_ALLOW_INPUT="1",
            RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-noinput")

    def _launch(self):
        self._write_configuration()
        if self.epmd is None:
            # In the foreground: the one that a server starts by itself
            # would outlive it.
            self.epmd = self._spawn(
                ["epmd", "-port", str(self.epmd_port), "-address",
                 "127.0.0.1"], self._environment())
        while not self._accepts(self.epmd_port):
            if self.epmd.poll() is not None:
                raise RuntimeError("epmd ended:\n" + self.log())
            time.sleep(0.01)
        return self._spawn([rabbit_program()], self.environment())

    @staticmethod
    def _accepts(port):
        try:
            socket.create_connection(("127.0.0.1", port), 5).close()
            return True
        except OSError:
            return False

    def _answers(self):
        """Whether it answers the header of the protocol with a start."""
        try:
            with socket.create_connection(("127.0.0.1", self.port),
                                          5) as link:
                link.sendall(b"AMQP\0\0\x09\x01")
                return link.recv(1) == b"\1"
        except OSError:
            return False

    def ctl(self, *words, seconds=60):
        """Runs rabbitmqctl for this server; gives what it prints. Slow."""
        program = os.path.join(os.path.dirname(rabbit_program()),
                               "rabbitmqctl")
        done = subprocess.run(
            [program, "--quiet", *words], env=self.environment(),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=seconds, check=False)
        if done.returncode != 0:
            raise RuntimeError("rabbitmqctl %s: %s"
                               % (" ".join(words), done.stdout))
        return done.stdout

    def call(self, module, function, *values):
        """As `ctl`, but without a program to start: Erlang's terms."""
        if self.line is None:
            self.line = ErlangLine(
                lambda words, **streams: self._spawn(
                    words, self.environment(), **streams), self.node)
        return self.line.call(module, function, *values)

    def queues(self, vhost="/"):
        """Name -> messages, of all queues: what a test left."""
        text = self.call("rabbit_amqqueue", "info_all", binary(vhost),
                         "[name,messages]")
        found = re.findall(r'queue,<<"(.*?)">>}},{messages,(\d+)}', text)
        assert len(found) == text.count("{name,"), text
        return {name: int(messages) for name, messages in found}

    def exchanges(self, vhost="/"):
        """The names of the exchanges that are not the broker's own."""
        text = self.call("rabbit_exchange", "info_all", binary(vhost),
                         "[name]")
        found = re.findall(r'exchange,<<(?:"(.*?)")?>>}}', text)
        assert len(found) == text.count("{name,"), text
        return sorted(name for name in found
                      if name and not name.startswith("amq."))

    def add_vhost(self, name):
        self.call("rabbit_vhost", "add", binary(name), binary("test"))
        everything = binary(".*")
        self.call("rabbit_auth_backend_internal", "set_permissions",
                  binary(next(iter(self.users))), binary(name), everything,
                  everything, everything, binary("test"))

    def delete_vhost(self, name):
        self.call("rabbit_vhost", "delete", binary(name), binary("test"))

    def alarm(self, on):
        """Memory alarm: it reads no more from who publishes, or it does."""
        self.ctl("set_vm_memory_high_watermark", "0.0000001" if on else "0.4")

    def pids(self):
        return [*super().pids(), *(
            one.pid for one in (self.epmd, self.line and self.line.process)
            if one is not None)]

    def end(self):
        self.kill()
        if self.line is not None:
            self.line.end()
            self.line = None
        if self.epmd is not None:
            self.epmd.kill()
            self.epmd.wait()
            self.epmd = None
        super().end()

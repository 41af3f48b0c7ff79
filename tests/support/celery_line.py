"""The `celery` command of a real Celery, and clients of it, again and again.

What they import takes them a second or more, so it is started once and forked
for each call; what it does then is what the command or the client does.

    with CeleryLine(python, url) as celery:
        status, out, err = celery("inspect", "--json", "ping")
        answers = celery.all(["status"], ["inspect", "stats"])  # at once
        status, out, err = celery.run("import app; ...", cwd=folder)
"""

import json
import os
import select
import signal
import subprocess

from .running import PATIENCE

SCRIPT = """
import json, os, sys
import celery.app.amqp, celery.app.control, celery.backends.rpc, celery.result
import kombu.transport.pyamqp, kombu.transport.redis
from celery.bin.celery import main

def become(call, files):
    null = os.open(os.devnull, os.O_RDONLY)
    for number, file in enumerate([null, *files]):
        os.dup2(file, number)
    os.chdir(call["cwd"])
    if call["env"] is not None:
        os.environ.clear()
        os.environ.update(call["env"])
    if call["code"] is None:
        sys.argv = ["celery", *call["words"]]
        sys.exit(main())
    sys.argv = ["-c", *call["words"]]
    exec(compile(call["code"], "<client>", "exec"), {"__name__": "__main__"})
    sys.exit(0)

for line in sys.stdin:
    calls = []
    for call in json.loads(line):
        files = [os.memfd_create("out"), os.memfd_create("err")]
        pid = os.fork()
        if pid == 0:
            become(call, files)
        calls.append((pid, files))
    answers = []
    for pid, files in calls:
        answer = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])]
        for file in files:
            os.lseek(file, 0, os.SEEK_SET)
            with open(file, encoding="utf-8", errors="replace") as stream:
                answer.append(stream.read())
        answers.append(answer)
    print(json.dumps(answers), flush=True)
"""


class CeleryLine:
    """Without a URL the words of a call say where the broker is."""

    def __init__(self, python, url=None):
        self.python = python
        self.broker = [] if url is None else ["-b", url]

    def __enter__(self):
        self.process = subprocess.Popen(
            [self.python, "-c", SCRIPT], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, bufsize=1,
            start_new_session=True)
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    @property
    def pid(self):
        return self.process.pid

    def __call__(self, *words, **place):
        """Runs `celery WORDS`; gives status, output and errors."""
        return self.all(words, **place)[0]

    def all(self, *calls, **place):
        """Runs them side by side, and gives what each gave."""
        return self._answers([self._call(None, [*self.broker, *words], **place)
                              for words in calls])

    def run(self, code, *words, **place):
        """Runs `python -c CODE WORDS`; gives status, output and errors."""
        return self._answers([self._call(code, words, **place)])[0]

    @staticmethod
    def _call(code, words, cwd=None, env=None):
        return {"code": code, "words": [str(word) for word in words],
                "cwd": cwd or os.getcwd(), "env": env}

    def _answers(self, calls):
        self.process.stdin.write(json.dumps(calls) + "\n")
        self.process.stdin.flush()
        if not select.select([self.process.stdout], [], [], PATIENCE)[0]:
            raise AssertionError(f"celery does not end: {calls}")
        answers = self.process.stdout.readline()
        if not answers:
            raise AssertionError(f"celery ended its caller: {calls}")
        return json.loads(answers)

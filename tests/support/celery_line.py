"""The `celery` command of a real Celery, called again and again.

What it imports takes it a second or more, so it is started once and forked
for each call; what it does then is what the command does.

    with CeleryLine(python, url) as celery:
        status, out, err = celery("inspect", "--json", "ping")
        answers = celery.all(["status"], ["inspect", "stats"])  # at once
"""

import json
import os
import select
import subprocess

from .running import PATIENCE

SCRIPT = """
import json, os, sys
import kombu.transport.pyamqp, kombu.transport.redis
from celery.bin.celery import main
for line in sys.stdin:
    calls = []
    for words in json.loads(line):
        files = [os.memfd_create("out"), os.memfd_create("err")]
        pid = os.fork()
        if pid == 0:
            for number, file in enumerate(files, 1):
                os.dup2(file, number)
            sys.argv = ["celery", *words]
            sys.exit(main())
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

    def __init__(self, python, url):
        self.python = python
        self.url = url

    def __enter__(self):
        self.process = subprocess.Popen(
            [self.python, "-c", SCRIPT], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, bufsize=1)
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.kill()
        self.process.wait()

    @property
    def pid(self):
        return self.process.pid

    def __call__(self, *words):
        """Runs `celery -b URL WORDS`; gives status, output and errors."""
        return self.all(words)[0]

    def all(self, *calls):
        """Runs them side by side, and gives what each gave."""
        line = json.dumps([["-b", self.url, *map(str, words)]
                           for words in calls])
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        if not select.select([self.process.stdout], [], [], PATIENCE)[0]:
            raise AssertionError(f"celery does not end: {calls}")
        answers = self.process.stdout.readline()
        if not answers:
            raise AssertionError(f"celery ended its caller: {calls}")
        return json.loads(answers)

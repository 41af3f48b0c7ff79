"""However a run ends, the server is left as it was found."""

import os
import signal

from support import processes
from support.database_servers import MariaServer, PostgresServer
from support.django_case import DjangoCase, IMPORTS
from support.running import PATIENCE

# Two slots run; one of them tells who it is and waits for ever, once.
WAITING = IMPORTS + """
import threading
class A(TestCase):
    def test_1(self):
        Item.objects.create(name="a")
        if os.path.exists("waited"):
            return  # this is another attempt
        open("waited", "w").close()
        with open(os.environ["READY"], "w") as file:
            file.write("%d %d\\n" % (os.getpid(), os.getppid()))
        threading.Event().wait()
class B(TransactionTestCase):
    def test_1(self):
        Item.objects.create(name="b")
"""

# A migration that does the same.
MIGRATION = """
import os, threading
from django.db import migrations
def wait(apps, editor):
    if os.path.exists("waited"):
        return  # another process has what this one had
    open("waited", "w").close()
    with open(os.environ["READY"], "w") as file:
        file.write("%d\\n" % os.getpid())
    threading.Event().wait()
class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [migrations.RunPython(wait)]
"""


class WaysOut(DjangoCase):
    kind = PostgresServer

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.kind.start()
        cls.addClassCleanup(cls.server.stop)

    def setUp(self):
        super().setUp()
        self.addCleanup(self.look_at_server)
        self.ready = self.fifo("ready")

    def look_at_server(self):
        left = self.server.databases()
        for name in left:
            self.server.sql("DROP DATABASE " + name)
        self.assertEqual(left, [], "databases were left")

    def kept(self):
        return [self.server.process.pid]

    def begin(self, files, *args):
        """Starts a run; gives it and the pids that READY was told."""
        self.project(files, self.server.settings("shop"))
        program = self.start_django("-j2", *args,
                                    env={"READY": self.ready.path})
        return program, [int(word) for word
                         in self.ready.line(program).split()]

    def waiting(self, *args):
        return self.begin({"shop/tests/test_it.py": WAITING}, *args)

    def test_after_ctrl_c(self):
        program, _ = self.waiting()
        self.assertNotEqual(self.server.databases(), [])
        program.signal(signal.SIGINT)
        self.assertEqual(self.result_of(program, check=False).status,
                         -signal.SIGINT)

    def test_after_sigterm_by_class(self):
        program, _ = self.waiting("--isolation", "class")
        program.signal(signal.SIGTERM)
        self.assertEqual(self.result_of(program, check=False).status,
                         -signal.SIGTERM)

    def test_after_ctrl_c_in_the_middle_of_migrations(self):
        program, _ = self.begin({
            "shop/tests/test_it.py": WAITING,
            "shop/migrations/0002_wait.py": MIGRATION})
        self.assertNotEqual(self.server.databases(), [])
        program.signal(signal.SIGINT)
        self.assertEqual(self.result_of(program, check=False).status,
                         -signal.SIGINT)

    def test_after_a_zygote_was_killed(self):
        program, (_, zygote) = self.waiting()
        os.kill(zygote, signal.SIGKILL)
        self.result_of(program, check=False)

    def test_after_a_zygote_was_killed_in_the_middle_of_migrations(self):
        program, (zygote,) = self.begin({
            "shop/tests/test_it.py": WAITING,
            "shop/migrations/0002_wait.py": MIGRATION})
        os.kill(zygote, signal.SIGKILL)
        self.result_of(program, check=False)

    def test_after_a_worker_was_killed(self):
        program, (worker, _) = self.waiting()
        os.kill(worker, signal.SIGKILL)
        result = self.result_of(program, check=False)
        self.assertEqual(self.short(result),
                         {"A.test_1": "crashed", "B.test_1": "passed"})

    def test_after_mule_itself_was_killed_the_next_run_cleans_up(self):
        program, (_, zygote) = self.waiting()
        program.signal(signal.SIGKILL)
        processes.wait_for_end([zygote], PATIENCE)
        self.django_test("-j1", "shop.tests.test_it.B")

    def test_after_a_run_beside_another_of_the_same_id(self):
        program, _ = self.waiting("--id", "same")
        # Both slots have their database once the other test has run.
        program.wait_until(
            lambda: any(event["event"] == "test_finished"
                        for event in program.events), "B")
        there = self.server.databases()
        second = self.django_test("-j1", "--id", "same",
                                  "shop.tests.test_it.B", status=3)
        self.assertSays(second.err, "there is a database ",
                        "give this one another")
        # What the first one has was left alone.
        self.assertEqual(self.server.databases(), there)
        program.signal(signal.SIGINT)
        self.result_of(program, check=False)


class WaysOutOfMaria(WaysOut):
    kind = MariaServer

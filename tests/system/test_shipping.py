"""Workers that have no sources get them: shipped, or out of git."""

import os
import subprocess
import tarfile

from support.fleet_case import FleetCase

GIT_ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.org",
}
# Says what is in a file that lies beside it.
SUITE = """
    import os, unittest
    class T(unittest.TestCase):
        def test_data(self):
            with open("data") as file:
                print(file.read())
    class U(unittest.TestCase):
        def test_other(self): pass
    """
STATES = {"test_it.T.test_data": "passed", "test_it.U.test_other": "passed"}


class ShippingCase(FleetCase):
    """self.folder is a checkout; workers run in self.empty."""

    def setUp(self):
        super().setUp()
        self.environment.update(GIT_ENVIRONMENT)
        self.empty = os.path.join(self.home, "empty")
        os.mkdir(self.empty)
        self.suite({"test_it.py": SUITE, "data": "committed"})
        self.git("init", "-q", "-b", "main")
        self.commit()

    def git(self, *words):
        done = subprocess.run(["git", "-C", self.folder, *words], check=True,
                              env={**os.environ, **GIT_ENVIRONMENT},
                              stdout=subprocess.PIPE)
        return done.stdout.decode().strip()

    def commit(self):
        self.git("add", ".")
        self.git("commit", "-qm", "more")

    def worker(self, *args, **more):
        return self.start_worker(*args, cwd=self.empty, **more)

    def state(self, *names):
        """What workers keep; in the order of its names."""
        folder = os.path.join(self.home, "state", "mule", *names)
        return sorted(os.listdir(folder)) if os.path.isdir(folder) else []

    def said(self, result):
        return "".join(event["text"] for event in result.all("worker")
                       if event["what"] == "said")


class Redis(ShippingCase):

    def test_the_working_tree_is_shipped_as_it_is(self):
        self.suite({"data": "not committed", "fresh.txt": "untracked",
                    "noise.o": "ignored", ".gitignore": "*.o\n"})
        self.worker()
        result = self.distributed("--ship")
        self.assertStates(result, STATES)
        self.assertEqual(result.output_of("test_it.T.test_data"),
                         "not committed\n")
        self.assertEqual(self.state("trees"), [])
        ships = self.state("ships")
        self.assertEqual(len(ships), 1)
        with tarfile.open(os.path.join(self.home, "state", "mule", "ships",
                                       ships[0])) as archive:
            self.assertEqual(archive.getnames(),
                             [".gitignore", "data", "fresh.txt",
                              "test_it.py"])

    def test_a_large_tree_is_pulled_once_for_each_host(self):
        with open(self.path("big"), "wb") as file:
            file.write(os.urandom(5 << 20))
        for name in "one", "two", "three":
            self.worker(name=name)
        result = self.distributed("--ship", "--max-workers", "3")
        self.assertStates(result, STATES)
        said = self.said(result)
        self.assertEqual(said.count("pulling the tree: 5.0 MiB"), 1, said)
        again = self.distributed("--ship")
        self.assertStates(again, STATES)
        self.assertNotIn("pulling", self.said(again))
        self.assertIn("is here already", self.said(again))

    def test_a_stock_worker_gets_it_too(self):
        with open(self.path("big"), "wb") as file:
            file.write(os.urandom(2 << 20))
        self.suite({"data": "for celery"})
        self.worker(kind="stock")
        result = self.distributed("--ship")
        self.assertStates(result, STATES)
        self.assertEqual(result.output_of("test_it.T.test_data"),
                         "for celery\n")

    def test_a_build_in_a_folder_of_the_checkout_works_in_that_folder(self):
        self.suite({"below/test_low.py": """
            import unittest
            class T(unittest.TestCase):
                def test_data(self):
                    with open("../data") as file:
                        print(file.read())
            """})
        self.worker()
        result = self.distributed("--ship", cwd=self.path("below"))
        self.assertStates(result, {"test_low.T.test_data": "passed"})
        self.assertEqual(result.output_of("test_low.T.test_data"),
                         "committed\n")

    def test_what_is_no_checkout_says_what_to_do(self):
        subprocess.run(["rm", "-rf", self.path(".git")], check=True)
        self.worker()
        result = self.distributed("--ship", status=None)
        self.assertIn(result.status, (3, 4))
        self.assertSays(result.text, "is no git checkout", "git init")

    def test_a_tree_beyond_the_limit_names_another_way(self):
        with open(self.path("big"), "wb") as file:
            file.write(os.urandom(1 << 20))
        self.worker()
        result = self.distributed("--ship", "--ship-limit", "500K",
                                  status=None)
        self.assertIn(result.status, (3, 4))
        self.assertSays(result.text, "big", "git:", "--ship-limit")

    def test_workers_fetch_the_commit_that_is_checked_out(self):
        commit = self.git("rev-parse", "HEAD")
        self.suite({
            "data": "not committed",
            "mule.yaml": f"""
                workspaces:
                  ci:
                    git: file://{self.folder}
                    setup: echo revision $MULE_REVISION
                """})
        self.worker("--allow-scripts")
        result = self.distributed("--workspace", "ci")
        self.assertStates(result, STATES)
        self.assertEqual(result.output_of("test_it.T.test_data"),
                         "committed\n")
        self.assertSays(result.text, "--ship sends it")
        self.assertSays(self.said(result), f"revision {commit}\n")
        self.assertEqual(len(self.state("mirrors")), 1)
        self.assertEqual(self.state("trees"), [])

    def test_another_revision_can_be_named(self):
        self.git("tag", "old")
        self.suite({"data": "newer", "mule.yaml": f"""
            workspaces: {{ci: {{git: "file://{self.folder}"}}}}
            """})
        self.commit()
        self.worker()
        result = self.distributed("--workspace", "ci", "--revision", "old")
        self.assertEqual(result.output_of("test_it.T.test_data"),
                         "committed\n")

    def test_a_commit_that_was_not_pushed_fails_with_what_to_do(self):
        origin = os.path.join(self.home, "origin")
        subprocess.run(["git", "clone", "-q", "--bare", self.folder, origin],
                       check=True, env={**os.environ, **GIT_ENVIRONMENT})
        self.suite({"mule.yaml": f"""
            workspaces: {{ci: {{git: "file://{origin}"}}}}
            """})
        self.commit()
        self.worker()
        result = self.distributed("--workspace", "ci", "--wait", "3s",
                                  status=3)
        self.assertSays(result.text, self.git("rev-parse", "HEAD"), "push it")
        self.assertEqual(self.state("trees"), [])

    def test_a_worker_that_dies_while_it_serves_leaves_its_tree_to_no_one(self):
        ready = self.fifo("ready")
        go = self.fifo("go")
        self.suite({"test_it.py": """
            import os, unittest
            class T(unittest.TestCase):
                def test_wait(self):
                    with open(os.environ["READY"], "w") as file:
                        file.write("here\\n")
                    with open(os.environ["GO"]) as file:
                        file.readline()
            """})
        variables = {"READY": ready.path, "GO": go.path}
        worker = self.worker(env=variables)
        build = self.start_distributed("--ship")
        ready.line(build)
        self.assertEqual(len(self.state("trees")), 1)
        os.kill(worker.pid, 9)
        worker.wait()
        self.worker(env=variables)  # finds what the dead one left
        ready.line(build)
        go.write()
        result = self.result_of(build)
        self.assertStates(result, {"test_it.T.test_wait": "passed"})
        self.assertEqual(self.state("trees"), [])


    def part_of_archive(self):
        return [name for name in self.state("ships")
                if name.endswith(".part") and os.path.getsize(os.path.join(
                    self.home, "state", "mule", "ships", name)) > 1 << 20]

    def test_a_connection_that_is_cut_while_it_pulls_does_no_harm(self):
        with open(self.path("big"), "wb") as file:
            file.write(os.urandom(30 << 20))
        proxy = self.proxy()
        self.worker(broker=proxy.url(self.broker.url))
        build = self.start_distributed("--ship", "--lease", "20s")
        build.wait_until(self.part_of_archive, "a part of the archive",
                         ticking=True)
        proxy.drop()
        part = self.part_of_archive()
        proxy.restore()
        result = self.result_of(build)
        self.assertEqual(len(part), 1)  # it was in the middle of it
        self.assertStates(result, STATES)
        self.assertEqual(self.state("trees"), [])


class Rabbit(ShippingCase):

    broker_kind = "rabbitmq"

    def test_the_working_tree_is_shipped_as_it_is(self):
        with open(self.path("big"), "wb") as file:
            file.write(os.urandom(5 << 20))
        self.suite({"data": "not committed"})
        self.worker()
        self.worker(name="two", kind="stock")
        result = self.distributed("--ship")
        self.assertStates(result, STATES)
        self.assertEqual(result.output_of("test_it.T.test_data"),
                         "not committed\n")

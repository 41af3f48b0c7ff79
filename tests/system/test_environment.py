"""What tests, commands and scripts find around them: docs/environment.md."""

import json
import os
import sys
import re
import sys

from support.mule_case import ROOT, MuleCase

LOOK = """
    import json, os, signal, stat, sys

    def look():
        fds = [int(fd) for fd in os.listdir("/proc/self/fd")]
        fds = [fd for fd in fds if os.path.exists("/proc/self/fd/%d" % fd)]
        with open("/proc/self/status") as file:
            status = dict(line.partition(":")[::2] for line in file)
        return {
            "env": dict(os.environ),
            "stdin": os.readlink("/proc/self/fd/0"),
            "fds": fds,
            "tmp": os.listdir(os.environ["TMPDIR"]),
            "tmp_mode": stat.S_IMODE(os.stat(os.environ["TMPDIR"]).st_mode),
            "cwd": os.getcwd(),
            "leads": os.getpgid(0) == os.getpid(),
            "blocked": int(status["SigBlk"], 16),
            "ignored": int(status["SigIgn"], 16),
            "interrupt": signal.getsignal(signal.SIGINT)
                         is signal.default_int_handler,
            "path": sys.path,
            "tty": [os.isatty(fd) for fd in (0, 1, 2)],
        }

    def tell():
        print(json.dumps(look()))
        open(os.path.join(os.environ["TMPDIR"], "rubbish"), "w").close()
    """
SUITE = {
    "look.py": LOOK,
    "test_look.py": """
        import unittest
        import look

        class A(unittest.TestCase):
            def test(self): look.tell()

        class B(unittest.TestCase):
            def test(self): look.tell()
        """,
}
IGNORED_BY_PYTHON = 1 << (13 - 1) | 1 << (25 - 1)  # SIGPIPE, SIGXFSZ
# 32 and 33 are the C library's own: whatever make starts by posix_spawn()
# has them ignored, and no program can set them.
OUT_OF_REACH = 1 << (32 - 1) | 1 << (33 - 1)


class Environment(MuleCase):

    def seen(self, *args, **more):
        """What each test found, by its id."""
        result = self.mule_test(*args, **more)
        return {id: json.loads(result.output_of(id)) for id in result.finished}

    def test_a_test_knows_where_it_runs(self):
        self.suite(SUITE)
        seen = self.seen("-j1", "--id", "build-7")
        self.assertEqual(len(seen), 2)
        env = seen["test_look.A.test"]["env"]
        self.assertEqual(env["MULE"], "1")
        self.assertEqual(env["MULE_BUILD_ID"], "build-7")
        self.assertEqual(env["MULE_SLOTS"], "1")
        self.assertEqual(env["MULE_SLOT"], "0")
        self.assertEqual(env["MULE_LOCAL_SLOT"], "0")
        self.assertEqual(env["MULE_ATTEMPT"], "1")
        jobs = {look["env"]["MULE_JOB"] for look in seen.values()}
        self.assertEqual(len(jobs), 2)
        for job in jobs:
            self.assertRegex(job, r"^build-7\.\d+\.1$")
        self.assertNotIn("MULE_SOCKET", env)
        self.assertNotIn("MULE_ROLE", env)
        self.assertNotIn("TEST", env)

    def test_the_rest_of_the_environment_is_left_alone(self):
        self.suite(SUITE)
        # A python3 on PATH may be a script that changes the environment.
        before = self.variables({"OWN": "a b\n", "LC_ALL": "C",
                                 "OMP_NUM_THREADS": "7",
                                 "MULE_PYTHON": sys.executable})
        env = self.seen(env=before)["test_look.A.test"]["env"]
        for name, value in before.items():
            if name not in ("TMPDIR", "PWD", "OLDPWD", "SHLVL", "_"):
                self.assertEqual(env.get(name), value, name)

    def test_secrets_are_taken_away(self):
        self.suite(SUITE)
        secrets = ["MULE_BROKER", "MULE_SECRET", "MULE_SECRET_FILE",
                   "CELERY_BROKER_URL", "CELERY_RESULT_BACKEND"]
        env = self.seen(env=dict.fromkeys(secrets, "secret"))[
            "test_look.A.test"]["env"]
        self.assertEqual([name for name in secrets if name in env], [])

    def test_what_is_set_and_removed_is_what_the_page_says(self):
        with open(os.path.join(ROOT, "docs", "environment.md"),
                  encoding="utf-8") as file:
            page = file.read()
        first, second = [set(re.findall(r"(?m)^\| `(\w+)` \|", table))
                         for table in page.split("| variable | value |")[1:]]
        removed = re.search(r"(?s)These are removed,.*?:(.*?)\. ", page)
        removed = set(re.findall(r"`(\w+)`", removed.group(1)))
        self.suite({**SUITE, "show": "#!/bin/sh\nexec env -0\n"})
        before = self.variables(dict.fromkeys(removed, "secret"))
        # A program in PATH may be a wrapper that sets variables itself.
        in_test = self.seen("--python", sys.executable,
                            env=before)["test_look.A.test"]["env"]
        self.assertEqual(self.changes(before, in_test), (first, removed))
        result = self.mule_test("--runner", "./show", "job", env={
            **before, "MULE_REVISION": "1"})
        in_command = dict(pair.split("=", 1) for pair in
                          result.output_of("job").split("\0") if pair)
        self.assertEqual(self.changes(before, in_command),
                         (first | second, removed))

    @staticmethod
    def changes(before, after):
        """The variables that were set or changed, and those that went."""
        return ({name for name in after
                 if after[name] != before.get(name)
                 and name not in ("PWD", "OLDPWD", "SHLVL", "_", "LC_CTYPE")},
                set(before) - set(after))

    def test_each_job_has_an_empty_private_tmpdir(self):
        self.suite(SUITE)
        for look in self.seen("-j1").values():
            self.assertEqual(look["tmp"], [])
            self.assertEqual(look["tmp_mode"], 0o700)
            self.assertTrue(look["env"]["TMPDIR"].startswith(self.tmp))

    def test_descriptors_and_folder_are_plain(self):
        self.suite(SUITE)
        for look in self.seen().values():
            self.assertEqual(look["stdin"], "/dev/null")
            self.assertEqual([fd for fd in look["fds"] if 2 < fd < 100], [])
            self.assertEqual(look["tty"], [False, False, False])
            self.assertEqual(look["cwd"], os.path.realpath(self.folder))
            self.assertTrue(look["leads"])

    def test_signals_are_reset_even_if_mule_ignores_them(self):
        self.suite(SUITE)
        # As `mule test &` in a script does, and a nohup around it.
        program = self.start(
            "-c", "trap '' INT QUIT HUP TERM USR1; exec \"$0\" test "
                  "--json events.json", self.binary(), binary="/bin/sh")
        result = self.result_of(program, self.path("events.json"))
        for id in result.finished:
            look = json.loads(result.output_of(id))
            self.assertEqual(look["blocked"], 0)
            self.assertEqual(
                look["ignored"] & ~(IGNORED_BY_PYTHON | OUT_OF_REACH), 0)
            self.assertTrue(look["interrupt"])
        self.assertEqual(result.count("passed"), 2, result.text)

    def binary(self):
        return os.environ.get("MULE_BINARY") or os.path.join(
            ROOT, "build", "mule")

    def test_the_path_is_that_of_unittest(self):
        self.suite(SUITE)
        path = self.seen()["test_look.A.test"]["path"]
        self.assertEqual(os.path.realpath(path[0]),
                         os.path.realpath(self.folder))
        package = os.path.join(ROOT, "python")
        self.assertFalse([entry for entry in path
                          if os.path.realpath(entry).startswith(package)])

    def test_a_build_has_one_hash_seed_that_its_id_decides(self):
        self.suite(SUITE)
        seeds = [{look["env"]["PYTHONHASHSEED"] for look in
                  self.seen("--id", id).values()}
                 for id in ("one", "one", "two")]
        self.assertEqual([len(seed) for seed in seeds], [1, 1, 1])
        self.assertEqual(seeds[0], seeds[1])
        self.assertNotEqual(seeds[0], seeds[2])
        chosen = self.seen(env={"PYTHONHASHSEED": "12"})
        self.assertEqual({look["env"]["PYTHONHASHSEED"]
                          for look in chosen.values()}, {"12"})
        result = self.mule_test("--id", "one")
        self.assertIn(f"PYTHONHASHSEED={seeds[0].pop()}", result.out)

    def test_commands_find_what_scripts_expect(self):
        self.suite({"show.sh": "#!/bin/sh\nenv; ls -l /proc/$$/fd/0\n"})
        result = self.mule_test(
            "--runner", "./show.sh", "a job", "--id", "seven",
            env={"MULE_REVISION": "abc", "BUILD_ID": "wrong"})
        out = result.output_of("a job")
        for line in ("TEST=a job", "BUILD_ID=seven", "WORKSPACE=",
                     "MULE_REVISION=abc", "MULE_BUILD_ID=seven",
                     "MULE_ATTEMPT=1", "MULE=1"):
            self.assertIn(line, out.splitlines())
        self.assertRegex(out, r"(?m)^MULE_JOB=seven\.\d+\.1$")
        self.assertRegex(out, r"(?m)^TMPDIR=" + re.escape(self.tmp))
        self.assertIn("-> /dev/null", out)

    def test_scripts_of_a_workspace_know_the_build(self):
        self.suite({
            "mule.yaml": "workspaces: {ci: {setup: 'env > up', "
                         "teardown: 'env > down'}}\n",
            "show.sh": "#!/bin/sh\nenv\n",
        })
        result = self.mule_test("--workspace", "ci", "--id", "seven",
                                "--runner", "./show.sh", "a",
                                env={"MULE_REVISION": "abc"})
        for text in (self.read("up"), self.read("down"),
                     result.output_of("a")):
            for line in ("BUILD_ID=seven", "WORKSPACE=ci",
                         "MULE_REVISION=abc", "MULE=1"):
                self.assertIn(line, text.splitlines())

    def test_mule_inside_mule_counts_anew(self):
        self.suite(dict(SUITE, **{"outer.sh": """
            #!/bin/sh
            "$BINARY" test --id inner -j1 --json inner.json >/dev/null
            """}))
        self.mule_test("--runner", "./outer.sh", "a", "--id", "outer", "-j3",
                       env={"BINARY": self.binary()})
        inner = [json.loads(line) for line in
                 self.read("inner.json").splitlines()]
        found = [json.loads(event["out"]["head"]) for event in inner
                 if event["event"] == "test_finished"]
        self.assertEqual(len(found), 2)
        for look in found:
            self.assertEqual(look["env"]["MULE_BUILD_ID"], "inner")
            self.assertEqual(look["env"]["MULE_SLOTS"], "1")
            self.assertTrue(look["env"]["MULE_JOB"].startswith("inner."))

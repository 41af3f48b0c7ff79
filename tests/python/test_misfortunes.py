"""What tests do to their process costs themselves only, and is told."""

import os
import signal
import sys
import time
import unittest

try:
    from driver import PATIENCE, Driver, Gone
except ImportError:
    from .driver import PATIENCE, Driver, Gone

HEAD = "import os, signal, sys, time, unittest\n"

OWN = ["coverage", "fcntl", "json", "mmap", "mule", "resource", "select",
       "socket"]


def suite(body, head=""):
    """A module of one class with this body."""
    lines = [HEAD, head, "class A(unittest.TestCase):"]
    for line in body.strip("\n").splitlines():
        lines.append("    " + line)
    return {"test_it.py": "\n".join(lines) + "\n"}


def until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.005)  # between two looks, not for an event


class Misfortunes(unittest.TestCase):
    maxDiff = None

    def outcomes(self, files, isolations=("class", "worker"), **options):
        for isolation in isolations:
            options["isolation"] = isolation
            with self.subTest(isolation=isolation), \
                    Driver(files, options=options) as mule:
                mule.collect()
                yield mule.run()

    def check(self, files, *states, **options):
        for outcome in self.outcomes(files, **options):
            self.assertEqual(
                tuple(outcome.states().values()), states,
                [f for r in outcome.results.values()
                 for f in r.get("findings", ())])

    def test_a_crash_costs_the_test_that_ran(self):
        for how in ("os._exit(0)", "os.kill(os.getpid(), signal.SIGSEGV)",
                    "os.abort()", "os.kill(os.getpid(), signal.SIGKILL)"):
            with self.subTest(how=how):
                self.check(suite("""
def test_1(self):
    pass
def test_2(self):
    %s
def test_3(self):
    pass
""" % how), "passed", "crashed", "passed")

    def test_the_output_of_a_crash_is_there(self):
        for outcome in self.outcomes(suite("""
def test_1(self):
    print("last words", end="")
    sys.stderr.write("and more")
    os.kill(os.getpid(), signal.SIGSEGV)
""")):
            self.assertEqual(outcome.driver.output(), b"last words")
            err = outcome.driver.output(stream="err")
            self.assertTrue(err.startswith(b"and more"), err)
            self.assertIn(b'test_it.py", line', err)

    def test_closed_descriptors_do_not_cut_the_connection(self):
        self.check(suite("""
def test_1(self):
    os.closerange(3, 4096)
def test_2(self):
    os.closerange(0, 4096)
    self.fail("after all")
def test_3(self):
    os.write(1, b"here")
"""), "passed", "failed", "error", isolations=("class",))
        for outcome in self.outcomes(suite("""
def test_1(self):
    os.closerange(0, 4096)
"""), isolations=("class", "worker")):
            self.assertEqual(list(outcome.states().values()), ["passed"])

    def test_a_worker_goes_on_after_its_descriptors_were_closed(self):
        files = suite("""
def test_1(self):
    os.closerange(0, 4096)
""")
        files["test_next.py"] = suite("""
def test_1(self):
    self.assertEqual(sys.stdin.read(), "")
    print("to its file")
""")["test_it.py"]
        for outcome in self.outcomes(files, isolations=("worker",)):
            self.assertEqual(list(outcome.states().values()),
                             ["passed", "passed"])
            self.assertEqual(outcome.driver.output(), b"to its file\n")
            self.assertEqual(
                [p.hello["resume"]["job"] for p in outcome.driver.peers
                 if p.hello and "resume" in p.hello], [1])

    def test_a_descriptor_reused_for_something_else_is_noticed(self):
        self.check(suite("""
def test_1(self):
    os.closerange(3, 4096)
    null = os.open(os.devnull, os.O_RDWR)
    for fd in range(3, 1024):
        if fd != null:
            os.dup2(null, fd)
def test_2(self):
    self.fail("told to mule and not to /dev/null")
"""), "passed", "failed")

    def test_each_job_starts_in_the_first_folder(self):
        files = suite("def test_1(self):\n    os.chdir('/')")
        files["test_next.py"] = suite("""
def test_1(self):
    self.assertTrue(os.path.exists("test_next.py"))
""")["test_it.py"]
        self.check(files, "passed", "passed")

    def test_output_belongs_to_its_test(self):
        for outcome in self.outcomes(suite("""
@classmethod
def setUpClass(cls):
    print("class")
def test_1(self):
    print("one")
def test_2(self):
    pass
def test_3(self):
    os.write(2, b"three")
def test_4(self):
    import subprocess
    subprocess.run(["echo", "four"])
def test_5(self):
    import _ctypes
    puts = _ctypes.dlsym(_ctypes.dlopen(None, 0), "puts")
    _ctypes.call_function(puts, (b"five",))
@classmethod
def tearDownClass(cls):
    print("end")
""")):
            out, err = (outcome.driver.output(),
                        outcome.driver.output(stream="err"))
            texts = []
            for number in range(5):
                result = outcome.results[number]
                for name, data in (("out", out), ("err", err)):
                    if name in result:
                        first, last = result[name]
                        texts.append((number + 1, name, data[first:last]))
            self.assertEqual(texts, [
                (1, "out", b"one\n"), (3, "err", b"three"),
                (4, "out", b"four\n"), (5, "out", b"five\n")])
            [done] = outcome.done
            self.assertEqual(done["out"], [0, len(out)])
            self.assertEqual(done["err"], [0, len(err)])
            self.assertEqual(out, b"class\none\nfour\nfive\nend\n")

    def test_one_file_for_both_streams_keeps_their_order(self):
        files = suite("""
def test_1(self):
    print("1")
    sys.stderr.write("2\\n")
    print("3")
""")
        with Driver(files, merged=True) as mule:
            mule.collect()
            outcome = mule.run()
            self.assertEqual(mule.output(), b"1\n2\n3\n")
            self.assertEqual(outcome["test_1"]["out"], [0, 6])
            self.assertNotIn("err", outcome["test_1"])

    def test_a_file_that_a_test_cut_is_told_as_it_is(self):
        self.check(suite("""
def test_1(self):
    print("a long line of output")
def test_2(self):
    os.truncate("/dev/stdout", 0)
def test_3(self):
    print("more")
"""), "passed", "passed", "passed")

    def test_what_a_test_patches_is_not_used(self):
        self.check(suite("""
def test_1(self):
    from unittest import mock
    import json
    def broken(*args, **kwargs):
        raise RuntimeError("patched")
    for owner, name in ((os, "write"), (os, "getpid"), (os, "fstat"),
                        (os, "read"), (os, "lseek"), (os, "close"),
                        (time, "monotonic_ns"), (time, "monotonic"),
                        (json, "dumps"), (json.encoder, "c_make_encoder"),
                        (os, "_exit"), (os, "chdir"), (os, "wait4")):
        setattr(owner, name, broken)
    sys.stdout = sys.stderr = None
    self.fail("broken")
def test_2(self):
    pass
"""), "failed", "passed")

    def test_a_replaced_stdout_is_flushed(self):
        for outcome in self.outcomes(suite("""
def test_1(self):
    sys.stdout = open(1, "w", closefd=False)
    print("in a buffer")
def test_2(self):
    print("later")
""")):
            self.assertEqual(outcome.driver.output(), b"in a buffer\nlater\n")

    def test_a_child_that_comes_back_is_not_heard(self):
        self.check(suite("""
def test_1(self):
    self.child = os.fork()
    if self.child:
        self.assertEqual(os.waitpid(self.child, 0)[1], 0)
def test_2(self):
    child = os.fork()
    if not child:
        self.fail("in the child")
    self.assertEqual(os.waitpid(child, 0)[1], 1 << 8)
def test_3(self):
    pass
"""), "passed", "passed", "passed")

    def test_children_left_behind_are_told(self):
        files = suite("""
def test_1(self):
    import subprocess
    self.__class__.child = subprocess.Popen(["sleep", "60"])
    self.child.returncode = 0
""")
        for outcome in self.outcomes(files, isolations=("class",)):
            [end] = outcome.exits
            self.assertIs(end["leak"], True)
            os.killpg(end["pid"], signal.SIGKILL)
        for outcome in self.outcomes(suite("def test_1(self): pass"),
                                     isolations=("class",)):
            self.assertIs(outcome.exits[0]["leak"], False)

    def test_threads_left_behind_do_not_hold_up_the_job(self):
        self.check(suite("""
def test_1(self):
    import threading
    threading.Thread(target=threading.Event().wait).start()
def test_2(self):
    pass
"""), "passed", "passed")

    def test_multiprocessing_works_inside_a_test(self):
        self.check(suite("""
def run(self, result=None):
    super().run(result)
def with_method(self, method):
    import multiprocessing
    context = multiprocessing.get_context(method)
    with context.Pool(2) as pool:
        self.assertEqual(pool.map(double, [1, 2, 3]), [2, 4, 6])
    queue = context.Queue()
    process = context.Process(target=put, args=(queue, 5))
    process.start()
    self.assertEqual(queue.get(timeout=20), 5)
    process.join()
    self.assertEqual(process.exitcode, 0)
def test_fork(self):
    self.with_method("fork")
def test_forkserver(self):
    self.with_method("forkserver")
def test_spawn(self):
    self.with_method("spawn")
def test_shared_memory(self):
    from multiprocessing import shared_memory
    memory = shared_memory.SharedMemory(create=True, size=100)
    memory.close()
    memory.unlink()
""", head="""
def double(x):
    return 2 * x
def put(queue, value):
    queue.put(value)
"""), *["passed"] * 4)

    def test_surrogates_and_nul_arrive_as_utf_8(self):
        for outcome in self.outcomes(suite("""
def test_1(self):
    self.fail("half \\ud800 and nul \\0 and \\u4e2d")
def test_2(self):
    self.skipTest("\\udcff")
""")):
            [finding] = outcome["test_1"]["findings"]
            self.assertEqual(finding["message"],
                             "half \ufffd and nul \0 and \u4e2d")
            self.assertEqual(outcome["test_2"]["reason"], "\ufffd")

    def test_an_exception_that_cannot_be_shown_is_still_an_error(self):
        for outcome in self.outcomes(suite("""
def test_1(self):
    class Bad(Exception):
        def __str__(self):
            raise ValueError("never")
        __repr__ = __str__
    raise Bad()
""")):
            [finding] = outcome["test_1"]["findings"]
            self.assertEqual(outcome["test_1"]["state"], "error")
            self.assertIn("Bad", finding["type"])

    def test_texts_are_cut_at_the_limit(self):
        for outcome in self.outcomes(suite("""
def test_1(self):
    self.fail("x" * 1000000)
"""), max_output=1000):
            [finding] = outcome["test_1"]["findings"]
            self.assertLess(len(finding["message"]), 1100)
            self.assertLess(len(finding["trace"]), 1100)

    def test_a_breakpoint_fails_with_the_command_to_use(self):
        for outcome in self.outcomes(suite("""
def test_1(self):
    breakpoint()
def test_2(self):
    import pdb
    pdb.set_trace()
    os.getpid()
""")):
            for name in "test_1", "test_2":
                result = outcome[name]
                self.assertEqual(result["state"], "error")
                self.assertIn("mule test --pdb test_it.A." + name,
                              result["findings"][0]["message"])

    def test_the_dump_signal_says_where_it_is(self):
        files = suite("""
def test_slow(self):
    os.write(1, b"ready")
    sys.stdin = None
    self.wait_here()
def wait_here(self):
    while True:
        signal.pause()
""")
        for isolation in "class", "worker":
            with Driver(files, options={"isolation": isolation}) as mule:
                mule.collect()
                worker = mule.fork()
                mule.ask(worker, mule.jobs[0])
                until(lambda: mule.output() == b"ready")
                pid, job, _, running = mule.read_page()
                self.assertEqual((job, running), (1, 0))
                os.kill(pid, worker.hello["dump_signal"])
                until(lambda: b"in wait_here" in mule.output(stream="err"))
                os.kill(pid, signal.SIGTERM)
                if isolation == "class":
                    message = mule.message(worker, "started")
                    self.assertEqual(message["item"], 0)
                    message = mule.message(worker, "exit")
                    self.assertEqual(message["status"], signal.SIGTERM)
                    mule.message(worker, "done")

    def test_the_page_tells_what_runs(self):
        files = suite("""
def test_1(self):
    pass
def test_2(self):
    os.write(1, b"ready")
    signal.pause()
""")
        with Driver(files, options={"isolation": "worker"}) as mule:
            mule.collect()
            worker = mule.fork()
            mule.ask(worker, mule.jobs[0])
            until(lambda: mule.output() == b"ready")
            self.assertEqual(mule.read_page(),
                             (worker.hello["pid"], 1, [0], 1))
            os.kill(worker.hello["pid"], signal.SIGKILL)
            with self.assertRaises(Gone):
                mule.message(worker)
            end = mule.message(mule.zygote, "exited")
            self.assertEqual(end["status"], signal.SIGKILL)
            self.assertEqual(end["pid"], worker.hello["pid"])

    def test_without_a_page_started_is_sent(self):
        files = suite("def test_1(self): pass\ndef test_2(self): pass")
        for isolation in "class", "worker":
            with Driver(files, page=False,
                        options={"isolation": isolation}) as mule:
                mule.collect()
                worker = mule.fork()
                self.assertNotIn("page", worker.hello["can"])
                mule.ask(worker, mule.jobs[0])
                kinds = []
                while not kinds or kinds[-1] != "done":
                    kinds.append(mule.message(worker)["msg"])
                expected = ["started", "passed", "started", "passed", "done"]
                if isolation == "class":
                    expected = ["process", *expected[:4], "exit", "done"]
                self.assertEqual(kinds, expected)

    def test_the_end_of_the_connection_ends_everything(self):
        files = suite("""
def test_1(self):
    os.write(1, b"ready")
    signal.pause()
""")
        for isolation in "class", "worker":
            with Driver(files, options={"isolation": isolation}) as mule:
                mule.collect()
                worker, idle = mule.fork(0), mule.fork(1)
                mule.ask(worker, mule.jobs[0])
                until(lambda: mule.output() == b"ready")
                pid = mule.read_page()[0]
                worker.sock.close()
                idle.sock.close()
                mule.peers = [mule.zygote]
                ended = {mule.message(mule.zygote, "exited")["slot"]}
                if isolation == "worker":  # in a test, notices nothing
                    self.assertEqual(ended, {1})
                    os.kill(pid, signal.SIGKILL)
                ended.add(mule.message(mule.zygote, "exited")["slot"])
                self.assertEqual(ended, {0, 1})
                with self.assertRaises(ProcessLookupError):
                    os.killpg(pid, 0)
                mule.zygote.sock.close()
                mule.peers = []
                self.assertEqual(mule.process.wait(PATIENCE), 0)

    def test_the_end_is_quiet_while_the_suite_is_loaded(self):
        files = {"test_a.py": """
            import os
            os.mkfifo("fifo")
            open("fifo").read()
            """, "test_b.py": ""}
        with Driver(files) as mule:
            mule.start().send({"msg": "collect", "labels": []})
            mule.message(mule.zygote, "importing")
            fifo = os.path.join(mule.folder, "fifo")
            until(lambda: os.path.exists(fifo))
            mule.zygote.sock.close()
            mule.peers = []
            open(fifo, "w").close()
            self.assertEqual(mule.process.wait(PATIENCE), 0)
            self.assertEqual(mule.zygote_output(), b"")

    def test_stop_ends_with_status_0(self):
        with Driver(suite("def test_1(self): pass")) as mule:
            mule.collect()
            worker = mule.fork()
            worker.send({"msg": "stop"})
            self.assertEqual(mule.message(mule.zygote, "exited")["status"], 0)
            mule.zygote.send({"msg": "stop"})
            self.assertEqual(mule.process.wait(PATIENCE), 0)

    def test_another_major_protocol_is_refused(self):
        with Driver({}) as mule:
            mule.accept = lambda: None
            mule.spawn("zygote")
            deadline = time.monotonic() + PATIENCE
            while not mule.peers or not mule.peers[0].messages:
                mule.poll(deadline)
            mule.peers[0].send({"msg": "refused", "reason":
                                "protocol 1.0 is not 2.0"})
            self.assertEqual(mule.process.wait(PATIENCE), 1)
            self.assertIn(b"mule: protocol 1.0 is not 2.0",
                          mule.zygote_output())

    def test_exit_functions_run_where_they_were_registered(self):
        for outcome in self.outcomes(suite("""
def test_1(self):
    atexit.register(print, "of the test")
def test_2(self):
    pass
""", head="import atexit\natexit.register(print, 'of the module')\n")):
            mule = outcome.driver
            if mule.options["isolation"] == "worker":
                mule.message(mule.zygote, "exited")
            self.assertEqual(mule.output(), b"of the test\n")
            mule.zygote.send({"msg": "stop"})
            mule.process.wait(PATIENCE)
            self.assertEqual(mule.zygote_output(), b"of the module\n")

    def test_the_environment_of_a_job_is_its_own(self):
        files = suite("""
def test_1(self):
    import tempfile
    self.assertEqual(os.environ["MULE_JOB"], "b.1.1")
    self.assertNotIn("GONE", os.environ)
    self.assertEqual(tempfile.gettempdir(), os.environ["TMPDIR"])
    self.assertNotIn("MULE_SOCKET", os.environ)
    self.assertNotIn("MULE_ROLE", os.environ)
""", head="import tempfile\ntempfile.gettempdir()\n")
        for isolation in "class", "worker":
            with Driver(files, options={"isolation": isolation}) as mule:
                mule.start(env={"GONE": "1"})
                mule.collect()
                worker = mule.fork()
                mule.ask(worker, mule.jobs[0], env={
                    "MULE_JOB": "b.1.1", "GONE": None, "TMPDIR": mule.home})
                self.assertEqual(
                    mule.message(worker, "passed")["items"][0][0], 0)

    def test_the_interpreter_is_as_unittest_has_it(self):
        files = suite("""
def test_1(self):
    self.assertEqual(sys.path[0], os.getcwd())
    self.assertNotIn("mule", " ".join(sys.path[1:]))
    main = sys.modules["__main__"]
    self.assertEqual(main.__spec__.name, "unittest.__main__")
    self.assertEqual(os.path.basename(main.__file__), "__main__.py")
    self.assertFalse(hasattr(main, "start"))
    self.assertTrue(sys.argv[0].endswith(" -m unittest"), sys.argv)
    self.assertNotIn("mule", sys.modules)
    self.assertNotIn("ctypes", sys.modules)
    self.assertNotIn("json", sys.modules)
    self.assertIs(sys.stdout, sys.__stdout__)
    self.assertEqual(sys.stdout.name, "<stdout>")
def test_own_modules_come_first(self):
    for name in %r:
        if name not in sys.builtin_module_names:
            self.assertEqual(__import__(name).own, name)
""" % (OWN,))
        for name in OWN:
            files[name + ".py"] = "own = %r" % name
        self.check(files, "passed", "passed")

    def test_warnings_are_shown_as_unittest_shows_them(self):
        for outcome in self.outcomes(suite("""
def test_1(self):
    import warnings
    warnings.warn("old", DeprecationWarning)
""")):
            self.assertIn(b"DeprecationWarning: old",
                          outcome.driver.output(stream="err"))

    def test_a_job_without_items_to_tell_is_done(self):
        for outcome in self.outcomes(suite("""
def test_1(self):
    self._outcome.result.stop()
def test_2(self):
    pass
""")):
            self.assertEqual(list(outcome.states().values()),
                             ["passed", "not run"])


class Spawned(unittest.TestCase):
    """Workers that no zygote forked."""

    def run_spawned(self, files, **collect):
        with Driver(files) as mule:
            mule.collect(**collect)
            mule.zygote.send({"msg": "stop"})
            mule.process.wait(PATIENCE)
            worker = mule.spawn("worker", slot=3)
            self.assertEqual(worker.hello["slot"], 3)
            self.assertEqual(worker.hello["can"], ["run"])
            return mule.run(worker)

    def test_items_are_found_by_their_ids(self):
        outcome = self.run_spawned(suite("""
def test_1(self):
    pass
def test_2(self):
    print("output")
    self.fail()
"""))
        self.assertEqual(list(outcome.states().values()),
                         ["passed", "failed"])
        self.assertEqual(outcome["test_2"]["out"], [0, 7])

    def test_the_second_of_an_id_is_the_second(self):
        outcome = self.run_spawned(suite("""
def test_1(self):
    self.assertFalse(hasattr(self, "second"))
""", head="""
def load_tests(loader, tests, pattern):
    tests = [A("test_1"), A("test_1")]
    tests[1].second = True
    return unittest.TestSuite(tests)
"""))
        self.assertEqual([r["state"] for r in outcome.results.values()],
                         ["passed", "failed"])

    def test_a_suite_with_its_own_run_is_run_by_it(self):
        outcome = self.run_spawned(suite("""
def test_1(self):
    self.assertTrue(Own.running)
""", head="""
class Own(unittest.TestSuite):
    running = False
    def run(self, result):
        Own.running = True
        return super().run(result)
def load_tests(loader, tests, pattern):
    return Own(tests)
"""))
        self.assertEqual(list(outcome.states().values()), ["passed"])

    def test_a_module_that_cannot_be_loaded_says_why(self):
        outcome = self.run_spawned(suite("def test_1(self): pass", head="""
if os.environ.get("MULE_SLOT"):
    raise OSError("not in a worker")
"""))
        [result] = outcome.results.values()
        self.assertEqual(result["state"], "error")
        self.assertIn("not in a worker", result["findings"][0]["trace"])

    def test_the_folder_of_discovery_is_on_the_path(self):
        files = {"src/helper.py": "",
                 "src/test_it.py": "import helper\n"
                 + suite("def test_1(self): pass")["test_it.py"]}
        outcome = self.run_spawned(files, basedir="src")
        self.assertEqual(list(outcome.states().values()), ["passed"])

    def test_threads_of_the_module_are_there(self):
        outcome = self.run_spawned(suite("""
def test_1(self):
    self.assertTrue(thread.is_alive())
""", head="""
import threading
thread = threading.Thread(target=threading.Event().wait, daemon=True)
thread.start()
"""))
        self.assertEqual(list(outcome.states().values()), ["passed"])


if __name__ == "__main__":
    unittest.main()

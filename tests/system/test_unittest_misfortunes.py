"""Tests that do to their process what tests should not do."""

from support.mule_case import CLASS, MuleCase


class Endings(MuleCase):
    """A test that ends its process costs itself, and no other test."""

    def one_bad_test(self, body, *args, status=1, before="", **more):
        """Runs test_b, whose body is given, between two good tests."""
        self.suite({"test_it.py": before + CLASS
                    + "    def test_a(self): pass\n"
                    + "    def test_b(self):\n        "
                    + body.replace("\n", "\n        ")
                    + "\n    def test_c(self): pass\n"})
        result = self.mule_test(*args, status=status, **more)
        self.assertEqual(result.states["test_it.T.test_a"], "passed")
        self.assertEqual(result.states["test_it.T.test_c"], "passed")
        self.assertEqual(len(result.states), 3, result.text)
        return result.finished["test_it.T.test_b"]

    def test_a_segmentation_fault_is_a_crash(self):
        event = self.one_bad_test("print('last words')\n"
                                  "import ctypes; ctypes.string_at(0)")
        self.assertEqual(event["state"], "crashed")
        self.assertIn("signal 11", event["findings"][0]["message"])
        self.assertEqual(event["out"]["head"], "last words\n")

    def test_a_crash_shows_where_python_was(self):
        event = self.one_bad_test("import ctypes; ctypes.string_at(0)")
        self.assertIn("test_it.py", event["err"]["head"])
        self.assertIn("test_b", event["err"]["head"])

    def test_a_crash_is_never_green_by_a_second_try(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        with open("tries", "a") as file:
            file.write("x")
        if os.path.getsize("tries") == 1:
            os.abort()
"""})
        result = self.mule_test(status=1)
        self.assertStates(result, {"test_it.T.test_a": "crashed"})
        self.assertEqual(self.read("tries"), "x")

    def test_leaving_with_status_0_is_a_crash(self):
        event = self.one_bad_test("os._exit(0)")
        self.assertEqual(event["state"], "crashed")
        self.assertIn("status 0", event["findings"][0]["message"])

    def test_leaving_with_another_status_is_a_crash(self):
        event = self.one_bad_test("os._exit(42)")
        self.assertEqual(event["state"], "crashed")
        self.assertIn("status 42", event["findings"][0]["message"])

    def test_killing_itself_is_a_crash(self):
        event = self.one_bad_test("os.kill(os.getpid(), 9)")
        self.assertEqual(event["state"], "crashed")
        self.assertIn("signal 9", event["findings"][0]["message"])

    def test_killing_its_process_group_is_a_crash(self):
        event = self.one_bad_test("os.killpg(0, 9)")
        self.assertEqual(event["state"], "crashed")

    def test_killing_its_parent_costs_itself_and_no_other(self):
        event = self.one_bad_test("os.kill(os.getppid(), 9)\n"
                                  "import signal; signal.pause()",
                                  "--test-timeout", "20")
        self.assertIn(event["state"], ("crashed", "lost", "error"))

    def signal_where_it_was_loaded(self, signo, **more):
        """A test that knows the process that loaded its module, by number."""
        self.suite({"test_it.py": f"""
            import os, signal, unittest
            LOADED_IN = os.getpid()
            class A(unittest.TestCase):
                def test_a(self):
                    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
                    os.kill(LOADED_IN, {signo})
                    self.assertTrue(signal.sigtimedwait([signal.SIGUSR1], 60))
                def test_b(self): pass
            class B(unittest.TestCase):
                def test_c(self): pass
            """, "test_other.py": CLASS + "    def test_d(self): pass\n"})
        return self.mule_test(**more)

    def test_signalling_where_it_was_loaded_reaches_itself(self):
        result = self.signal_where_it_was_loaded("signal.SIGUSR1")
        self.assertEqual(set(result.states.values()), {"passed"})
        self.assertEqual(len(result.states), 4)
        self.assertEqual(result.tally["retried"], 1)
        self.assertSays(result.text, "what has not run yet is loaded again")

    def test_killing_where_it_was_loaded_is_a_crash(self):
        result = self.signal_where_it_was_loaded("9", status=1)
        self.assertStates(result, {"test_it.A.test_a": "crashed",
                                   "test_it.A.test_b": "passed",
                                   "test_it.B.test_c": "passed",
                                   "test_other.T.test_d": "passed"})

    def test_SystemExit_is_an_error(self):
        event = self.one_bad_test("sys.exit(0)")
        self.assertEqual(event["state"], "error")
        self.assertEqual(event["findings"][0]["type"], "SystemExit")

    def test_KeyboardInterrupt_is_an_error_and_stops_nobody(self):
        event = self.one_bad_test("raise KeyboardInterrupt")
        self.assertEqual(event["state"], "error")
        self.assertIn("KeyboardInterrupt", str(event["findings"]))

    def test_a_signal_to_itself_like_that_of_the_terminal_stops_nobody(self):
        event = self.one_bad_test(
            "import signal, time\nos.kill(os.getpid(), signal.SIGINT)\n"
            "signal.pause()", "--test-timeout", "20")
        self.assertIn(event["state"], ("error", "crashed"))

    def test_a_recursion_that_never_ends_is_an_error(self):
        event = self.one_bad_test("def f(): f()\nf()")
        self.assertEqual(event["state"], "error")
        self.assertIn("RecursionError", str(event["findings"]))

    def test_no_memory_left_is_an_error_or_a_crash(self):
        event = self.one_bad_test(
            "import resource\n"
            "used = int(open('/proc/self/statm').read().split()[0]) * 4096\n"
            "resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20),) * 2)\n"
            "x = bytearray(1 << 30)")
        self.assertEqual(event["state"], "error")
        self.assertIn("MemoryError", str(event["findings"]))

    def test_a_crash_in_a_fixture_is_an_error_of_the_process(self):
        self.suite({"test_it.py": CLASS + """
    @classmethod
    def setUpClass(cls): os._exit(7)
    def test_a(self): pass
class Other(unittest.TestCase):
    def test_b(self): pass
"""})
        result = self.mule_test(status=1)
        self.assertEqual(result.states["test_it.Other.test_b"], "passed")
        self.assertNotEqual(result.states["test_it.T.test_a"], "passed")
        self.assertIn("status 7", result.text)

    def test_a_crash_after_the_last_test_is_not_green(self):
        self.suite({"test_it.py": CLASS + """
    @classmethod
    def tearDownClass(cls): os.abort()
    def test_a(self): pass
"""})
        result = self.mule_test(status=1)
        self.assertEqual(result.states["test_it.T.test_a"], "passed")
        self.assertIn("signal 6", result.text)

    def test_a_crash_at_exit_of_the_interpreter_is_seen(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        import atexit
        atexit.register(os.abort)
"""})
        result = self.mule_test(status=None)
        self.assertEqual(result.states["test_it.T.test_a"], "passed")

    def test_every_test_of_a_class_may_crash(self):
        self.suite({"test_it.py": CLASS + "".join(
            f"    def test_{i}(self): os.abort()\n" for i in range(5))})
        result = self.mule_test(status=1)
        self.assertEqual(result.count("crashed"), 5)


class Descriptors(MuleCase):

    def test_closing_all_descriptors_costs_nobody(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self): os.closerange(0, 4096)
    def test_b(self): pass
    def test_c(self): self.fail("is told")
"""})
        result = self.mule_test(status=1)
        self.assertStates(result, {
            "test_it.T.test_a": "passed", "test_it.T.test_b": "passed",
            "test_it.T.test_c": "failed"})

    def test_closing_them_under_shared_workers_costs_nobody(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self): os.closerange(0, 4096)
    def test_b(self): self.fail("is told")
class U(unittest.TestCase):
    def test_c(self): pass
"""})
        result = self.mule_test("--isolation", "worker", "-j", "1", status=1)
        self.assertEqual(result.states["test_it.U.test_c"], "passed")
        self.assertEqual(result.states["test_it.T.test_b"], "failed")

    def test_a_daemon_of_the_old_kind_costs_nobody(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        pid = os.fork()
        if pid == 0:
            os.setsid()
            os.closerange(0, 4096)
            for number in (0, 1, 2):
                os.open("/dev/null", os.O_RDWR)
            os._exit(0)
        self.assertEqual(os.waitpid(pid, 0)[1], 0)
    def test_b(self): pass
"""})
        result = self.mule_test()
        self.assertEqual(result.count("passed"), 2)

    def test_only_the_first_three_descriptors_are_open(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        import subprocess
        self.assertEqual(os.read(0, 10), b"")
        listed = subprocess.run(["ls", "/proc/self/fd"], close_fds=False,
                                stdout=subprocess.PIPE).stdout.split()
        print(sorted(map(int, listed)))
"""})
        result = self.mule_test()
        # The fourth is the folder that `ls` reads.
        self.assertEqual(result.output_of("test_it.T.test_a"),
                         "[0, 1, 2, 3]\n")

    def test_using_up_all_descriptors_costs_the_test(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        import resource
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        files = []
        while True:
            files.append(open("/dev/null"))
    def test_b(self): pass
"""})
        result = self.mule_test(status=1)
        self.assertStates(result, {"test_it.T.test_a": "error",
                                   "test_it.T.test_b": "passed"})

    def test_replacing_the_streams_is_survived(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        import io
        sys.stdout = sys.stderr = io.StringIO()
        print("to nobody")
    def test_b(self):
        sys.stdout.close()
        sys.stdout = None
    def test_c(self): self.fail("is told")
"""})
        result = self.mule_test(status=1)
        self.assertStates(result, {
            "test_it.T.test_a": "passed", "test_it.T.test_b": "passed",
            "test_it.T.test_c": "failed"})


class Surroundings(MuleCase):

    def test_changing_directory_moves_no_other_class(self):
        self.suite({"test_a.py": CLASS + "    def test_a(self):"
                                         " os.chdir('/')\n",
                    "test_b.py": CLASS + "    def test_b(self):"
                                         " print(os.getcwd())\n"})
        result = self.mule_test("-j", "1")
        self.assertEqual(result.output_of("test_b.T.test_b"),
                         self.folder + "\n")

    def test_removing_the_working_directory_costs_nobody(self):
        self.suite({"test_a.py": CLASS + """
    def test_a(self):
        os.mkdir("gone")
        os.chdir("gone")
        os.rmdir("../gone")
    def test_b(self): self.fail("is told")
"""})
        result = self.mule_test(status=1)
        self.assertStates(result, {"test_a.T.test_a": "passed",
                                   "test_a.T.test_b": "failed"})

    def test_threads_left_running_cost_nobody(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        import threading
        threading.Thread(target=threading.Event().wait).start()
    def test_b(self):
        import threading
        threading.Thread(target=threading.Event().wait, daemon=True).start()
    def test_c(self): pass
"""})
        result = self.mule_test()
        self.assertEqual(result.count("passed"), 3)

    def test_patched_functions_do_not_reach_mule(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        import json, select, socket, time
        def broken(*args, **keywords): raise RuntimeError("patched")
        os.write = os.read = os.fork = os.getpid = os.fstat = broken
        os.waitpid = os.wait4 = os.dup = os.lseek = broken
        time.time = time.monotonic = time.perf_counter = broken
        json.dumps = json.loads = socket.socket.sendall = broken
        json.JSONEncoder.encode = select.select = broken
        print("patched")
    def test_b(self): self.fail("is told")
    def test_c(self): pass
class U(unittest.TestCase):
    def test_d(self): pass
"""})
        for isolation in ("class", "worker"):
            with self.subTest(isolation=isolation):
                result = self.mule_test("--isolation", isolation, "-j", "1",
                                        status=1)
                self.assertStates(result, {
                    "test_it.T.test_a": "passed",
                    "test_it.T.test_b": "failed",
                    "test_it.T.test_c": "passed",
                    "test_it.U.test_d": "passed"})

    def test_time_that_stands_still_is_survived(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        import time
        from unittest import mock
        for name in ("time", "monotonic", "perf_counter", "sleep"):
            patch = mock.patch("time." + name, return_value=0.0)
            patch.start()
        self.assertEqual(time.time(), 0.0)
    def test_b(self): pass
"""})
        result = self.mule_test()
        self.assertEqual(result.count("passed"), 2)

    def test_a_strange_locale_and_encoding_are_survived(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self): self.fail("m\\xf6p")
    def test_b(self): print("\\xe4\\u20ac\\U0001f40e")
"""})
        result = self.mule_test(status=1, env={
            "LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0",
            "PYTHONCOERCECLOCALE": "0"})
        self.assertStates(result, {"test_it.T.test_a": "failed",
                                   "test_it.T.test_b": "error"})
        self.assertIn("UnicodeEncodeError", result.text)

    def test_a_changed_umask_and_priority_stay_with_their_class(self):
        self.suite({"test_a.py": CLASS + "    def test_a(self):\n"
                                         "        os.umask(0o777)\n",
                    "test_b.py": CLASS + "    def test_b(self):\n"
                                         "        self.assertNotEqual("
                                         "os.umask(0), 0o777)\n"})
        self.mule_test("-j", "1")

    def test_an_alarm_that_a_test_sets_is_its_own(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        import signal
        hits = []
        signal.signal(signal.SIGALRM, lambda *_: hits.append(1))
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        signal.pause()
        self.assertEqual(hits, [1])
    def test_b(self):
        import faulthandler, signal
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        faulthandler.disable()
"""})
        self.mule_test()


class Processes(MuleCase):

    def test_children_that_a_test_waits_for_are_fine(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        import subprocess
        self.assertEqual(subprocess.call(["true"]), 0)
        pid = os.fork()
        if pid == 0:
            os._exit(3)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 3)
"""})
        result = self.mule_test()
        self.assertEqual(result.tally["leaks"], 0)

    def test_a_fork_that_goes_on_in_the_test_speaks_to_nobody(self):
        self.suite({"test_it.py": CLASS + """
    def test_a(self):
        if os.fork() == 0:
            return     # the child runs the rest of the class, too
        os.wait()
    def test_b(self): pass
    def test_c(self): self.fail("once")
"""})
        result = self.mule_test(status=1)
        self.assertStates(result, {
            "test_it.T.test_a": "passed", "test_it.T.test_b": "passed",
            "test_it.T.test_c": "failed"})

    def test_multiprocessing_by_fork_works(self):
        self.multiprocessing("fork")

    def test_multiprocessing_by_spawn_works(self):
        self.multiprocessing("spawn")

    def test_multiprocessing_by_forkserver_works(self):
        self.multiprocessing("forkserver")

    def multiprocessing(self, method):
        self.suite({"test_it.py": f"""
            import multiprocessing, unittest
            def square(value):
                return value * value
            class T(unittest.TestCase):
                def test_pool(self):
                    context = multiprocessing.get_context({method!r})
                    with context.Pool(2) as pool:
                        self.assertEqual(pool.map(square, range(5)),
                                         [0, 1, 4, 9, 16])
                        pool.close()
                        pool.join()
                def test_queue(self):
                    context = multiprocessing.get_context({method!r})
                    queue = context.Queue()
                    process = context.Process(target=queue.put, args=(7,))
                    process.start()
                    self.assertEqual(queue.get(timeout=60), 7)
                    process.join()
                    self.assertEqual(process.exitcode, 0)
            """})
        for isolation in ("class", "worker"):
            with self.subTest(isolation=isolation):
                result = self.mule_test("--isolation", isolation)
                self.assertEqual(result.count("passed"), 2, result.text)

    def test_concurrent_futures_work(self):
        self.suite({"test_it.py": """
            import concurrent.futures, unittest
            class T(unittest.TestCase):
                def test_a(self):
                    with concurrent.futures.ProcessPoolExecutor(2) as pool:
                        self.assertEqual(list(pool.map(abs, (-1, -2))),
                                         [1, 2])
            """})
        self.mule_test()


class Crowds(MuleCase):

    def test_many_classes_each_have_a_process_of_their_own(self):
        self.suite({"test_it.py": "import os, unittest\n" + "".join(
            f"class C{i}(unittest.TestCase):\n"
            f"    def test_a(self): print(os.getpid())\n"
            for i in range(200))})
        result = self.mule_test()
        pids = {result.output_of(id) for id in result.states}
        self.assertEqual(len(pids), 200)

    def test_a_class_of_a_thousand_tests_has_a_thousand_results(self):
        self.suite({"test_it.py": "import unittest\n"
                                  "class T(unittest.TestCase): pass\n"
                                  "for i in range(1000):\n"
                                  "    setattr(T, f'test_{i}',"
                                  " lambda self: None)\n"})
        result = self.mule_test()
        self.assertEqual(result.count("passed"), 1000)
        self.assertTrue(all(event["attempt"] == 1
                            for event in result.all("test_finished")))

    def test_crashes_among_many_tests_cost_only_themselves(self):
        self.suite({"test_it.py": "import os, unittest\n"
                                  "class T(unittest.TestCase): pass\n"
                                  "for i in range(300):\n"
                                  "    setattr(T, f'test_{i:03}',\n"
                                  "            (lambda self: os.abort())"
                                  " if i % 50 == 7 else lambda self: None)\n"})
        result = self.mule_test(status=1)
        self.assertEqual((result.count("passed"), result.count("crashed")),
                         (294, 6))
        self.assertEqual({id for id, state in result.states.items()
                          if state == "crashed"},
                         {f"test_it.T.test_{i:03}"
                          for i in range(7, 300, 50)})

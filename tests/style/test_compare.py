"""What the comparisons take for the same, and what they do not."""

import importlib.machinery
import importlib.util
import io
import json
import pathlib
import sys
import tempfile
import types
import unittest
from contextlib import redirect_stdout

TOOLS = pathlib.Path(__file__).parents[2] / "tools"
sys.path.insert(0, str(TOOLS))
sys.dont_write_bytecode = True
import compared  # noqa: E402


def load(name):
    """A program of tools/ as a module."""
    loader = importlib.machinery.SourceFileLoader(
        name.replace("-", "_"), str(TOOLS / name))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


tool = load("compare-with-django")
ENDED = types.SimpleNamespace(status=0, timed_out=False, seconds=1.0)
CASE = "shop.tests.Case"


def django(*entries, ended=ENDED):
    """Django's side, from the lines of a record."""
    return read(compared.read_record,
                [repr(entry) for entry in (*entries, ("end", 1))], ended)


def mule(*events, ended=ENDED, **totals):
    """mule's side, from its events."""
    last = {"event": "run_finished", "ran": 0, "failures": 0, "errors": 0,
            "skips": 0, "xfails": 0, "xpasses": 0, **totals}
    return read(compared.read_mule,
                [json.dumps({"wall_ms": 5000, **event})
                 for event in (*events, last)], ended)


def read(reader, lines, ended):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "side")
        path.write_text("".join(line + "\n" for line in lines))
        return reader(path, ended)


def ran(name, kind="pass"):
    ident = f"{CASE}.{name}"
    return [("plan", ident), ("ran", ident), (kind, ident)]


def finished(name, state="passed", **more):
    return {"event": "test_finished", "id": f"{CASE}.{name}", "state": state,
            **more}


class ComparisonTest(unittest.TestCase):

    def differing(self, *tries):
        found = tool.Comparison(tries[0])
        for sides in tries[1:]:
            found.add(sides, {"shop"})
        return found.differing()

    def test_what_both_passed_is_the_same(self):
        self.assertEqual([], self.differing(
            (django(*ran("test_a")), mule(finished("test_a")))))

    def test_what_one_failed_differs(self):
        self.assertEqual([f"{CASE}.test_a"], self.differing(
            (django(*ran("test_a")), mule(finished("test_a", "failed")))))

    def test_what_one_did_not_name_differs(self):
        self.assertEqual([f"{CASE}.test_b"], self.differing(
            (django(*ran("test_a"), *ran("test_b")),
             mule(finished("test_a")))))

    def test_another_reason_for_a_skip_differs(self):
        theirs = django(*ran("test_a", "skip"),
                        ("reason", [f"{CASE}.test_a", "no server"]))
        for reason, same in (("no server", True), ("no browser", False)):
            with self.subTest(reason):
                found = self.differing((theirs, mule(finished(
                    "test_a", "skipped", reason=reason))))
                self.assertEqual(same, not found)

    def test_a_class_that_skips_gives_its_reason_to_each_test(self):
        fixture = f"setUpClass ({CASE})"
        theirs = django(("plan", f"{CASE}.test_a"), ("skip", fixture),
                        ("reason", [fixture, "no server"]))
        self.assertEqual([], self.differing((theirs, mule(finished(
            "test_a", "skipped", reason="no server", ran=False)))))

    def test_two_results_of_one_id_are_both_compared(self):
        theirs = django(*ran("test_a"), *ran("test_a"))
        self.assertEqual([f"{CASE}.test_a"], self.differing(
            (theirs, mule(finished("test_a")))))
        self.assertEqual([], self.differing(
            (theirs, mule(finished("test_a"), finished("test_a#2")))))

    def test_what_is_the_same_when_run_again_does_not_differ(self):
        theirs = django(*ran("test_a"))
        self.assertEqual([], self.differing(
            (theirs, mule(finished("test_a", "failed"))),
            (theirs, mule(finished("test_a")))))

    def test_the_first_result_has_a_time(self):
        self.assertEqual(5.0, mule(finished("test_a")).first)
        self.assertEqual(7.5, django(*ran("test_a"), ("first", 7.5)).first)

    def test_an_id_belongs_to_a_folder(self):
        for ident in (f"{CASE}.test_a", f"setUpClass ({CASE})",
                      "unittest.loader._FailedTest.shop.tests"):
            with self.subTest(ident):
                self.assertEqual("shop", tool.folder_of(ident))


class ReportTest(unittest.TestCase):

    def report(self, sides, known=""):
        with tempfile.TemporaryDirectory() as folder:
            causes = pathlib.Path(folder, "known")
            causes.write_text(known)
            tap = tool.Tap(None)
            with redirect_stdout(io.StringIO()) as out:
                tool.report(tap, "sqlite", tool.Comparison(sides),
                            compared.Known(causes))
        return tap, out.getvalue()

    def test_a_folder_without_a_difference_is_good(self):
        tap, out = self.report((django(*ran("test_a")),
                                mule(finished("test_a"), ran=1)))
        self.assertEqual((2, 0), (tap.count, tap.bad), out)
        self.assertIn("ok 1 - sqlite: shop: 1 items", out)

    def test_a_difference_is_named_with_both_results(self):
        tap, out = self.report((django(*ran("test_a")),
                                mule(finished("test_a", "failed"))))
        self.assertEqual(1, tap.bad)
        self.assertIn("not ok 1 - sqlite: shop", out)
        self.assertIn("Django: pass=1 ran=1", out)
        self.assertIn("mule:   failed=1 ran=1", out)

    def test_a_known_difference_is_good_and_named(self):
        tap, out = self.report(
            (django(*ran("test_a")), mule(finished("test_a", "failed"))),
            "sqlite shop.*.test_a: sees the fork\n")
        self.assertEqual(0, tap.bad, out)
        self.assertIn("known: sees the fork", out)

    def test_a_cause_on_one_database_is_none_on_the_other(self):
        tap, _ = self.report(
            (django(*ran("test_a")), mule(finished("test_a", "failed"))),
            "postgresql shop.*.test_a: sees the fork\n")
        self.assertEqual(1, tap.bad)

    def test_other_counts_are_bad(self):
        tap, _ = self.report((django(*ran("test_a")),
                              mule(finished("test_a"), ran=2)))
        self.assertEqual(1, tap.bad)

    def test_another_exit_status_is_bad(self):
        failed = types.SimpleNamespace(status=1, timed_out=False, seconds=1.0)
        tap, _ = self.report((django(*ran("test_a")),
                              mule(finished("test_a"), ran=1, ended=failed)))
        self.assertEqual(1, tap.bad)

    def test_a_side_that_did_not_end_is_bad(self):
        theirs = read(compared.read_record,
                      [repr(entry) for entry in ran("test_a")], ENDED)
        tap, _ = self.report((theirs, mule(finished("test_a"), ran=1)))
        self.assertEqual(1, tap.bad)


if __name__ == "__main__":
    unittest.main()

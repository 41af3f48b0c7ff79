"""tools/check_floors.py finds what it is there to find."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

TOOL = pathlib.Path(__file__).parents[2] / "tools" / "check_floors.py"


class CheckFloorsTest(unittest.TestCase):

    def check(self, files):
        """Runs the tool over a tree of these files; gives what it printed."""
        with tempfile.TemporaryDirectory() as root:
            for name, text in files.items():
                path = pathlib.Path(root, "src", name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            done = subprocess.run(
                [sys.executable, str(TOOL), root], capture_output=True,
                text=True, check=False)
        self.assertEqual(done.stderr, "")
        self.assertEqual(done.returncode, 1 if done.stdout else 0)
        return done.stdout

    def assert_found(self, files, message):
        self.assertIn(message, self.check(files))

    def test_a_clean_tree_is_clean(self):
        self.assertEqual(self.check({
            "main.c": '#include "command/command.h"\n',
            "model/job.c": '#include "model/job.h"\n#include <stdio.h>\n'
                           '#include "util/buf.h"\n',
            "loop/loop.c": "#include <uv.h>\n#include <unistd.h>\n",
        }), "")

    def test_a_floor_does_not_include_one_above_it(self):
        self.assert_found({"util/buf.c": '\n#include "adapter/session.h"\n'},
                          "util/buf.c:2: util/ must not know adapter/")

    def test_run_does_not_know_reports(self):
        self.assert_found({"run/run.c": '#include "report/junit.h"\n'},
                          "run/ must not know report/")

    def test_a_library_belongs_to_its_floor(self):
        self.assert_found({"run/run.c": "#include <uv.h>\n"},
                          "run/ must not use <uv.h>")

    def test_what_decides_does_not_touch_the_world(self):
        self.assert_found({"schedule/queue.c": "#include <unistd.h>\n"},
                          "does not touch the world")

    def test_only_now_asks_what_time_it_is(self):
        text = "static long f(void) { return time(0); }\n"
        self.assertEqual(self.check({"util/now.c": text}), "")
        self.assert_found({"run/run.c": text}, "only util/now.c asks")

    def test_words_of_another_floor_are_found_in_identifiers(self):
        self.assert_found({"schedule/queue.c": "int queue_fd;\n"},
                          "schedule/ must not speak of fd: queue_fd")

    def test_comments_and_texts_may_say_anything(self):
        self.assertEqual(self.check({"schedule/queue.c":
            '// fd\n/* uv\n * fd */\nconst char *queue_text = "fd // fd";\n'
        }), "")

    def test_a_finding_behind_a_comment_has_the_right_line(self):
        self.assert_found({"util/buf.c":
            '/*\n * "quoted\n */\n#include "run/run.h"\n'}, "buf.c:4:")

    def test_a_name_is_there_once(self):
        self.assert_found({"util/job.h": "", "model/job.h": ""},
                          "has the same name")

    def test_a_folder_that_is_no_floor_is_found(self):
        self.assert_found({"misc/x.c": ""}, "there is no floor misc")


if __name__ == "__main__":
    unittest.main()

"""What mule says to somebody who gets it wrong, or listens badly."""

from support.mule_case import BINARY, CLASS, MuleCase

PASSING = {"test_it.py": CLASS + "    def test_a(self): pass\n"}


class Commands(MuleCase):

    def test_no_command_is_a_mistake_and_shows_them_all(self):
        result = self.mule()
        self.assertEqual(result.status, 4)
        self.assertEqual(result.out, "")
        self.assertSays(result.err, "Usage: mule COMMAND", "doctor")

    def test_help_is_for_standard_output(self):
        for words in (["--help"], ["-h"], ["help"]):
            result = self.mule(*words)
            self.assertEqual(result.status, 0)
            self.assertSays(result.out, "Usage: mule COMMAND", "doctor")
            self.assertEqual(result.err, "")

    def test_help_about_a_command_is_that_of_the_command(self):
        self.assertEqual(self.mule("help", "list").out,
                         self.mule("list", "--help").out)

    def test_an_unknown_command_names_the_nearest(self):
        self.assertMistake(self.mule("tets"), 'did you mean "test"?')
        self.assertMistake(self.mule("help", "doktor"),
                           'did you mean "doctor"?')
        self.assertMistake(self.mule("xyz"), "mule --help")

    def test_an_unknown_option_names_the_nearest(self):
        self.assertMistake(self.mule("test", "--timout", "5"),
                           "did you mean --timeout?")


class StandardStreams(MuleCase):

    def shell(self, text, *words):
        """Runs a line of shell in which $0 is mule."""
        return self.result_of(
            self.start("-c", text, BINARY, *words, binary="/bin/sh"),
            check=False)

    def test_closed_streams_do_no_harm(self):
        self.suite(PASSING)
        for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
            for words in (["test", "--xunit"], ["list"], ["doctor"]):
                with self.subTest(closed=closed, words=words):
                    result = self.shell(f'exec "$0" "$@" {closed}', *words)
                    self.assertEqual(result.status, 0, result.text)
        cases = self.xml("xunit", "TEST-test_it.T.xml").iter("testcase")
        self.assertEqual(len(list(cases)), 1)

    def test_a_full_disk_is_not_a_success(self):
        self.suite(PASSING)
        for words in ("test", "list", "doctor", "help", "test --help",
                      "--version"):
            with self.subTest(words=words):
                result = self.shell(f'exec "$0" {words} >/dev/full')
                self.assertEqual(result.status, 3, result.text)

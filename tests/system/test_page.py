"""The page of --html, in a browser: what it says, and how it is used."""

import base64
import hashlib
import json
import os
import re
import subprocess
import tempfile
import unittest
from html.parser import HTMLParser

from support import browser
from support.mule_case import CLASS, ROOT, MuleCase

PLAYER = os.path.join(
    os.path.dirname(os.environ.get("MULE_BINARY") or
                    os.path.join(ROOT, "build", "mule")),
    "tests", "picture_player")
SHIFT = 8
CTRL = 2


def play(path, tests, *more):
    subprocess.run([PLAYER, "html", path, str(tests)] +
                   [str(number) for number in more], check=True)


def data_of(path):
    """What the page was told."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    return json.loads(re.search(r'id="data">(.*?)</script>', text,
                                re.DOTALL).group(1))


def luminance(colour):
    """Of #rrggbb, as WCAG has it."""
    parts = [int(colour.strip()[at:at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928
              else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


class PageCase(unittest.TestCase):
    """One browser for each class."""

    tests = 100
    more = ()

    @classmethod
    def setUpClass(cls):
        if not browser.find():
            raise unittest.SkipTest("no Chromium on this machine")
        if not os.path.exists(PLAYER):
            raise unittest.SkipTest(PLAYER + " was not built")
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.path = os.path.join(folder.name, "page.html")
        play(cls.path, cls.tests, *cls.more)
        cls.told = data_of(cls.path)
        cls.page = browser.Browser()
        cls.addClassCleanup(cls.page.close)

    def setUp(self):
        self.page.open(self.path)
        self.page.prefer("light")
        self.page.size(1280, 900)
        self.addCleanup(self.look_behind)

    def look_behind(self):
        self.page.run("localStorage.clear()")
        self.assertEqual(self.page.complaints, [])
        self.assertEqual(self.page.requests,
                         ["file://" + self.path])

    def text(self, selector):
        return self.page.run(
            "document.querySelector({}).innerText".format(
                json.dumps(selector)))

    def count(self, selector):
        return self.page.run(
            "document.querySelectorAll({}).length".format(
                json.dumps(selector)))

    def number_in(self, selector):
        digits = re.sub(r"\D", "", self.text(selector))
        return int(digits)

    def states(self):
        """How many tests the page says ended in each state."""
        found = self.page.run(
            "[...document.querySelectorAll('#totals button')].map("
            "b => b.innerText)")
        return {re.sub(r"^\W*[\d\u2009]+\s*", "", text):
                int(re.sub(r"\D", "", text)) for text in found}

    def check_counts(self):
        told = self.told["tally"]["states"]
        names = {"timeout": "timed out", "xfailed": "expected failure"}
        self.assertEqual(self.states(), {
            names.get(name, name): count for name, count in told.items()})


class SmallPageTest(PageCase):

    def test_counts_are_those_of_the_run(self):
        self.check_counts()
        self.assertIn("Failed", self.text("h1"))
        self.assertEqual(self.page.run("document.title"), "Failed · k3v9x2")
        self.assertEqual(self.number_in("#tests-title"), 100)
        self.assertEqual(self.count("#tests tbody tr"), 50)
        self.assertEqual(self.count("#failures .entry"), 2)

    def test_a_failure_is_told_with_what_was_printed_and_a_command(self):
        text = self.text("#failures .entry")
        self.assertIn("AssertionError: 13 != 12 : the total", text)
        self.assertIn('File "/src/shop/tests/test_cart.py", line 31', text)
        self.assertIn("cart: 3 items", text)
        self.assertIn("</script><script>alert(1)</script><!-- &lt;", text)
        self.assertIn("123\u2009456 bytes left out", text)
        self.assertIn("that was all", text)
        self.assertIn("mule test tests.test_cart.Cart.test_total", text)
        self.assertNotIn("\x1b", text)

    def test_the_command_can_be_copied(self):
        self.page.ask("Browser.grantPermissions", False, permissions=[
            "clipboardReadWrite", "clipboardSanitizedWrite"])
        self.page.click("#failures .copy")
        self.page.wait(
            "document.querySelector('#failures .copy').innerText === 'Copied'")

    def test_search_and_filters_narrow_the_table(self):
        self.page.press("/")
        self.assertEqual(
            self.page.run("document.activeElement.type"), "search")
        self.page.type("CartTest1 keeps")
        self.page.wait("document.querySelectorAll('#tests tbody tr').length "
                       "< 50")
        shown = self.page.run(
            "[...document.querySelectorAll('#tests tbody th')].map("
            "e => e.textContent)")
        self.assertTrue(shown)
        for name in shown:
            self.assertIn("keeps_its_total", name)
            self.assertIn("CartTest1", name.replace("\u200b", ""))
        self.page.click("#tests .chip.is-skipped")
        self.page.wait("document.querySelectorAll('#tests tbody tr').length "
                       "< {}".format(len(shown)))
        self.assertEqual(self.page.run(
            "document.querySelector('#tests .chip.is-skipped').ariaPressed"),
            "true")

    def test_nothing_that_matches_is_said(self):
        self.page.press("/")
        self.page.type("no such test")
        self.page.wait("document.querySelector('#tests tbody').innerText."
                       "includes('Nothing matches')")

    def test_headings_sort_the_table(self):
        def times():
            return self.page.run(
                "[...document.querySelectorAll('#tests tbody tr')].map("
                "r => r.cells[2].textContent)")
        self.page.click("#tests thead th:nth-child(3) button")
        self.assertEqual(self.page.run(
            "document.querySelector('#tests thead th:nth-child(3)').ariaSort"),
            "descending")
        longest = max(self.told["tests"]["us"])
        self.assertEqual(times()[0], "{:.3g}\u00a0ms".format(longest / 1000))
        self.page.click("#tests thead th:nth-child(3) button")
        self.assertEqual(self.page.run(
            "document.querySelector('#tests thead th:nth-child(3)').ariaSort"),
            "ascending")
        self.assertNotEqual(times()[0],
                            "{:.3g}\u00a0ms".format(longest / 1000))

    def test_pages_of_the_table_turn(self):
        first = self.text("#tests tbody")
        self.page.click("#tests .pager button:last-child")
        self.assertNotEqual(self.text("#tests tbody"), first)
        self.assertIn("51–100 of 100", self.text("#tests .pager"))

    def test_a_total_shows_its_tests(self):
        self.page.click("#totals .is-skipped")
        self.assertEqual(self.count("#tests tbody tr"),
                         self.told["tally"]["states"]["skipped"])

    def range(self):
        return self.text("#timeline .range")

    def test_the_timeline_is_used_by_keyboard(self):
        self.page.run("document.querySelector('canvas.lanes').focus()")
        whole = self.range()
        self.assertIn("the whole run", whole)
        self.page.press("+")
        self.assertNotEqual(self.range(), whole)
        near = self.range()
        self.page.press("ArrowRight", SHIFT)
        self.assertNotEqual(self.range(), near)
        self.page.press("0")
        self.assertEqual(self.range(), whole)

    def test_arrow_keys_name_tests_and_enter_shows_one(self):
        self.page.run("document.querySelector('canvas.lanes').focus()")
        self.page.press("ArrowDown")
        first = self.text("#live")
        self.assertRegex(first, r"^shop\.\S+, passed, .*, slot 0$")
        self.page.press("ArrowRight")
        self.assertNotEqual(self.text("#live"), first)
        self.page.press("ArrowDown")
        self.assertRegex(self.text("#live"), r"slot 1$")
        self.page.press("Enter")
        self.page.wait("document.querySelectorAll('#tests tbody tr').length "
                       "=== 1")
        name = self.text("#live").split(",")[0]
        self.assertIn(name.rsplit(".", 1)[1], self.text("#tests tbody"))

    def test_the_mouse_hovers_zooms_and_pans(self):
        box = self.page.run(
            "(() => { const c = document.querySelector('canvas.lanes'); "
            "c.scrollIntoView({block: 'center', behavior: 'instant'}); "
            "const b = c.getBoundingClientRect(); return [b.x, b.y, b.width];"
            "})()")
        x, y = box[0] + box[2] * 0.5, box[1] + 10
        self.page.mouse("mouseMoved", x, y)
        self.page.wait("!document.querySelector('.tip').hidden")
        self.assertIn("slot 0", self.text(".tip"))
        self.page.mouse("mouseWheel", x, y, deltaX=0, deltaY=-400,
                        modifiers=CTRL)
        self.page.wait("!document.querySelector('#timeline .range').innerText"
                       ".includes('whole')")
        before = self.range()
        self.page.mouse("mousePressed", x, y, button="left", clickCount=1)
        self.page.mouse("mouseMoved", x - 200, y, button="left", buttons=1)
        self.page.mouse("mouseReleased", x - 200, y, button="left",
                        clickCount=1)
        self.assertNotEqual(self.range(), before)

    def test_colours_follow_the_system_and_the_switch(self):
        def dark():
            return self.page.run(
                "getComputedStyle(document.documentElement)"
                ".backgroundColor") == "rgb(21, 23, 26)"
        self.assertFalse(dark())
        self.page.prefer("dark")
        self.assertTrue(dark())
        self.page.click(".theme [data-theme=light]")
        self.assertFalse(dark())
        self.page.prefer("light")
        self.page.click(".theme [data-theme=dark]")
        self.assertTrue(dark())
        self.page.click(".theme [data-theme=auto]")
        self.assertFalse(dark())

    def test_words_in_colours_can_be_read(self):
        """At least 4.5 to 1, as WCAG wants of small text."""
        for scheme in ("light", "dark"):
            self.page.prefer(scheme)
            colours = self.page.run("""
                (() => {
                    const style = getComputedStyle(document.documentElement);
                    const of = name => style.getPropertyValue('--' + name);
                    return Object.fromEntries(['surface', 'page', 'ink',
                        'muted', 'passed', 'failed', 'error', 'timeout',
                        'crashed', 'lost', 'xpassed', 'xfailed', 'skipped',
                        'not-run', 'flaky'].map(name => [name, of(name)]));
                })()""")
            ground = luminance(colours.pop("surface"))
            page = luminance(colours.pop("page"))
            for name, colour in colours.items():
                for other in (ground, page):
                    pair = sorted((luminance(colour), other))
                    self.assertGreaterEqual(
                        (pair[1] + 0.05) / (pair[0] + 0.05), 4.5,
                        (scheme, name, colour))

    def test_everything_is_reached_by_the_tab_key(self):
        seen = set()
        for _ in range(40):
            self.page.press("Tab")
            seen.add(self.page.run(
                "(() => { const e = document.activeElement; return e.id || "
                "e.className || e.innerText; })()"))
        self.assertIn("skip", seen)
        self.assertIn("Light", seen)
        self.assertIn("total is-failed", seen)
        self.assertIn("copy", seen)
        self.assertTrue(self.page.run("document.hasFocus()"))

    def test_headings_landmarks_and_names_are_there(self):
        for landmark in ("header", "nav", "main", "footer"):
            self.assertEqual(self.count(landmark), 1, landmark)
        self.assertEqual(self.count("h1"), 1)
        self.assertEqual(self.page.run(
            "[...document.querySelectorAll('section')].filter(s => "
            "!document.getElementById(s.getAttribute('aria-labelledby')))"
            ".length"), 0)
        self.assertEqual(self.page.run(
            "[...document.querySelectorAll('button, input, a, canvas')]"
            ".filter(e => !e.ariaHidden && !e.textContent.trim() && "
            "!e.getAttribute('aria-label')).length"), 0)
        self.assertEqual(self.page.run(
            "[...document.querySelectorAll('table')].filter(t => "
            "!t.caption || !t.tHead.querySelector('th[scope=col]') || "
            "!t.querySelector('tbody th[scope=row]')).length"), 0)
        ids = self.page.run("[...document.querySelectorAll('[id]')]"
                            ".map(e => e.id)")
        self.assertEqual(len(ids), len(set(ids)))

    def test_a_phone_shows_it_without_scrolling_sideways(self):
        for width in (360, 640, 820, 1920):
            self.page.size(width, 900)
            self.assertLessEqual(self.page.run(
                "document.documentElement.scrollWidth"), width)

    def test_it_can_be_printed(self):
        sheet = base64.b64decode(self.page.ask(
            "Page.printToPDF", printBackground=True)["data"])
        self.assertTrue(sheet.startswith(b"%PDF"))


class Outline(HTMLParser):
    """What a reader of HTML finds that could ask for something."""

    def __init__(self):
        super().__init__()
        self.addresses = []
        self.scripts = []
        self.styles = []
        self.policy = ""
        self.inside = None

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        for name in ("src", "href", "action", "data", "srcset"):
            if name in attributes:
                self.addresses.append(attributes[name])
        if attributes.get("http-equiv") == "Content-Security-Policy":
            self.policy = attributes["content"]
        self.inside = tag if attributes.get("type") is None else None

    def handle_data(self, data):
        if self.inside == "script":
            self.scripts.append(data)
        elif self.inside == "style":
            self.styles.append(data)

    def handle_endtag(self, tag):
        self.inside = None


class SourceTest(unittest.TestCase):
    """What can be said without a browser."""

    def setUp(self):
        if not os.path.exists(PLAYER):
            self.skipTest(PLAYER + " was not built")
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "page.html")
        play(self.path, 100)
        self.outline = Outline()
        with open(self.path, encoding="utf-8") as file:
            self.outline.feed(file.read())

    def test_it_names_no_other_address(self):
        self.assertEqual(
            [address for address in self.outline.addresses
             if not address.startswith(("#", "data:"))], [])

    def test_only_its_own_script_and_style_may_run(self):
        policy = self.outline.policy
        self.assertIn("default-src 'none'", policy)
        self.assertNotIn("unsafe", policy)
        for kind, texts in (("script-src", self.outline.scripts),
                            ("style-src", self.outline.styles)):
            self.assertEqual(len(texts), 1)
            digest = hashlib.sha256(texts[0].encode()).digest()
            self.assertIn("{} 'sha256-{}'".format(
                kind, base64.b64encode(digest).decode()), policy)


class LargePageTest(PageCase):

    tests = 10000

    def test_all_tests_are_there(self):
        self.check_counts()
        self.assertEqual(self.number_in("#tests-title"), 10000)
        self.assertIn("1–50 of 10\u2009000", self.text("#tests .pager"))
        self.assertTrue(self.page.run(
            "document.getElementById('groups').hidden"))

    def test_failures_are_drawn_as_they_are_asked_for(self):
        self.assertEqual(self.count("#failures .entry"), 50)
        self.page.click("#failures .more")
        self.assertEqual(self.count("#failures .entry"), 100)


class CutPageTest(PageCase):
    """A run that broke off: mule was killed, or its recording cut."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with open(cls.path, encoding="utf-8") as file:
            text = file.read()
        data = json.dumps({**cls.told, "end": {"cut": True, "us": 500000}})
        start, rest = text.split('id="data">')
        end = rest[rest.index("</script>"):]
        with open(cls.path, "w", encoding="utf-8") as file:
            file.write(start + 'id="data">' + data.replace("<", "\\u003c") +
                       end)

    def test_it_says_so(self):
        self.assertIn("Broken off", self.text("h1"))
        self.assertIn("never came to its end", self.text("#callouts"))


class FleetPageTest(PageCase):

    tests = 2000
    more = (64, 4)

    def test_lanes_and_balance_are_by_worker(self):
        self.assertIn("64 slots", self.text("#summary").replace("\xa0", " "))
        self.assertEqual(self.count("#workers .table tbody tr"), 4)
        self.assertIn("mule@node3", self.text("#workers"))

    def test_lanes_scroll(self):
        self.assertTrue(self.page.run(
            "(() => { const s = document.querySelector('.scroller'); "
            "return s.scrollHeight > s.clientHeight; })()"))


class MillionTest(PageCase):

    tests = 1000000
    more = (16,)

    def test_a_million_tests_fit_into_a_page(self):
        self.assertLess(os.path.getsize(self.path), 10 << 20)
        self.check_counts()
        self.assertIn("cannot name 1\u2009000\u2009000 tests",
                      self.text("#callouts").replace("\xa0", " "))
        counted = sum(group[2] for group in self.told["groups"])
        self.assertEqual(counted, 1000000)
        self.assertEqual(self.number_in("#groups-title"),
                         len(self.told["groups"]))
        self.page.run("document.querySelector('canvas.lanes').focus()")
        self.page.press("+")
        self.assertNotIn("whole", self.text("#timeline .range"))


class RealRunTest(MuleCase):
    """The options of mule test, and of mule report."""

    def setUp(self):
        super().setUp()
        self.suite({"test_it.py": CLASS + """
    def test_a(self): pass
    def test_b(self):
        print("said </script>")
        self.assertEqual(1, 2)
"""})
        self.page = os.path.join(self.home, "page.html")
        self.trace = os.path.join(self.home, "trace.json")

    def check_page_and_trace(self):
        told = data_of(self.page)
        self.assertEqual(told["tally"]["states"], {"passed": 1, "failed": 1})
        self.assertEqual(sorted(told["tests"]["state"]), ["f", "p"])
        self.assertEqual(told["end"]["exit_status"], 1)
        self.assertIn("said </script>\n", json.dumps(told["tests"]["detail"])
                      .replace("\\n", "\n"))
        with open(self.trace, encoding="utf-8") as file:
            events = json.load(file)["traceEvents"]
        self.assertEqual(
            sorted(event["args"]["state"] for event in events
                   if event["ph"] == "X"), ["failed", "passed"])

    def test_a_run_writes_page_and_trace(self):
        self.mule_test("--html", self.page, "--trace", self.trace, status=1)
        self.check_page_and_trace()

    def test_a_recording_becomes_page_and_trace(self):
        kept = os.path.join(self.home, "kept.mule")
        self.mule_test("--record", kept, status=1)
        result = self.mule("report", "--html", self.page, "--trace",
                           self.trace, kept)
        self.assertEqual(result.status, 0, result.text)
        self.check_page_and_trace()

    def test_a_page_knows_the_builds_before(self):
        for _ in range(3):
            self.mule_test("--html", self.page, status=1)
        told = data_of(self.page)["history"]
        self.assertEqual([build["bad"] for build in told["builds"]], [1, 1])
        self.assertEqual(
            sorted([[state for _, state, _ in points]
                    for points in told["tests"].values()]),
            [["f", "f"], ["p", "p"]])
        self.mule_test("--no-store", "--html", self.page, status=1)
        self.assertEqual(data_of(self.page)["history"], {})
        kept = self.mule("report", "--html", self.page)
        self.assertEqual(kept.status, 0, kept.text)
        told = data_of(self.page)["history"]
        self.assertEqual(len(told["builds"]), 2)

    def test_a_place_that_cannot_be_written_to_is_told_before_the_run(self):
        for option in ("--html", "--trace"):
            result = self.mule("test", option, "/proc/no/such/file")
            self.assertSays(result.err, "/proc/no/such", option)
            self.assertNotEqual(result.status, 0)
            self.assertNotIn("Ran ", result.text)

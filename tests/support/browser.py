"""A headless Chromium that a test drives through its DevTools pipe.

Standard library only. What a page says on its console, what it throws and
every address it asks for are kept, so that a test can say that there was
nothing.
"""

import base64
import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time

DEADLINE = 120  # seconds, for anything: machines may be slow
NAMES = ("chromium", "chromium-browser", "google-chrome")


def find():
    """Where there is one, or None."""
    for name in NAMES:
        path = shutil.which(name)
        if path:
            return path
    return None


class BrowserError(Exception):
    pass


class Browser:
    """with Browser() as browser: page = browser.open(path)"""

    def __init__(self, width=1280, height=900):
        self.home = tempfile.mkdtemp(prefix="mc-browser-")
        to_read, self._write = os.pipe()
        self._read, to_write = os.pipe()
        command = [
            find(), "--headless=new", "--no-sandbox", "--disable-gpu",
            "--disable-dev-shm-usage", "--remote-debugging-pipe",
            "--user-data-dir=" + self.home, "--no-first-run",
            "--disable-extensions", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--mute-audio",
            "--window-size={},{}".format(width, height), "about:blank"]

        def place():
            # Its own ends may be where Chromium looks for its.
            reading, writing = os.dup(to_read), os.dup(to_write)
            os.dup2(reading, 3)
            os.dup2(writing, 4)

        with open(os.path.join(self.home, "log"), "wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                close_fds=False, preexec_fn=place, start_new_session=True,
                env={**os.environ, "HOME": self.home})
        os.close(to_read)
        os.close(to_write)
        self._rest = b""
        self._number = 0
        self._answers = {}
        self.target = None
        self.loaded = False
        self.session = None
        self.requests = []
        self.complaints = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        with contextlib.suppress(OSError, BrowserError):
            self.ask("Browser.close", on_page=False)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        # What it started is in its session.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self._write)
        os.close(self._read)
        shutil.rmtree(self.home, ignore_errors=True)

    # The wire: JSON, each ended by a NUL.

    def _receive(self, until):
        while b"\0" not in self._rest:
            left = until - time.monotonic()
            ready = left > 0 and select.select([self._read], [], [], left)[0]
            piece = os.read(self._read, 1 << 20) if ready else b""
            if not piece:
                raise BrowserError("the browser says nothing")
            self._rest += piece
        line, self._rest = self._rest.split(b"\0", 1)
        message = json.loads(line)
        if "id" in message:
            self._answers[message["id"]] = message
        else:
            self._note(message["method"], message.get("params", {}))

    def _note(self, method, params):
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Page.loadEventFired":
            self.loaded = True
        elif method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get(
                "description", details["text"]))
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(str(params["args"]))
        elif method == "Log.entryAdded":
            self.complaints.append(params["entry"]["text"])

    def ask(self, method, on_page=True, **params):
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if on_page:
            message["sessionId"] = self.session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + DEADLINE
        while self._number not in self._answers:
            self._receive(until)
        answer = self._answers.pop(self._number)
        if "error" in answer:
            raise BrowserError(method + ": " + answer["error"]["message"])
        return answer["result"]

    # What a person does.

    def open(self, path):
        """Opens a file, and waits until it is drawn."""
        if self.target:
            self.ask("Target.closeTarget", False, targetId=self.target)
        target = self.ask("Target.createTarget", False, url="about:blank")
        self.target = target["targetId"]
        self.session = self.ask(
            "Target.attachToTarget", False, flatten=True,
            targetId=self.target)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(domain + ".enable")
        self.requests.clear()
        self.complaints.clear()
        url = "file://" + os.path.abspath(path)
        self.loaded = False
        self.ask("Page.navigate", url=url)
        until = time.monotonic() + DEADLINE
        while not self.loaded:
            self._receive(until)
        self.settle()

    def run(self, script):
        """The value of an expression; a promise is waited for."""
        result = self.ask("Runtime.evaluate", expression=script,
                          returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise BrowserError(str(result["exceptionDetails"]))
        return result["result"].get("value")

    def wait(self, condition):
        until = time.monotonic() + DEADLINE
        while not self.run(condition):
            if time.monotonic() > until:
                raise BrowserError("never: " + condition)
            self.settle()

    def settle(self):
        """Waits until what is due has been drawn."""
        self.run("new Promise(done => requestAnimationFrame(() => "
                 "requestAnimationFrame(() => done(true))))")

    def press(self, key, modifiers=0):
        """A key by its name; modifiers: 1 alt, 2 ctrl, 4 meta, 8 shift."""
        text = key if len(key) == 1 else {"Enter": "\r"}.get(key)
        more = {"text": text} if text else {}
        codes = {"Tab": 9, "Enter": 13, "Escape": 27, "ArrowLeft": 37,
                 "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key,
                     modifiers=modifiers,
                     windowsVirtualKeyCode=codes.get(key, 0), **more)
            more = {}
        self.settle()

    def type(self, text):
        self.ask("Input.insertText", text=text)

    def mouse(self, kind, x, y, **more):
        self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)
        self.settle()

    def click(self, selector):
        x, y = self.run(
            "(() => {{ const e = document.querySelector({}); "
            "e.scrollIntoView({{block: 'center', behavior: 'instant'}}); "
            "const b = e.getBoundingClientRect(); "
            "return [b.x + b.width / 2, b.y + b.height / 2]; }})()".format(
                json.dumps(selector)))
        self.settle()
        for kind in ("mousePressed", "mouseReleased"):
            self.mouse(kind, x, y, button="left", clickCount=1)

    def size(self, width, height):
        self.ask("Emulation.setDeviceMetricsOverride", width=width,
                 height=height, deviceScaleFactor=1, mobile=False)
        self.settle()

    def prefer(self, scheme):
        """"light" or "dark"; and nothing is to move by itself."""
        self.ask("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"}])
        self.settle()

    def screenshot(self, path, whole=False):
        image = self.ask("Page.captureScreenshot", format="png",
                         captureBeyondViewport=whole)
        with open(path, "wb") as file:
            file.write(base64.b64decode(image["data"]))

"""Snakemake's report as a reader sees it: a headless Chromium, with no network, clicks its way through the page.

The browser is spoken to in the DevTools protocol through a pipe, so that every wait ends with what it waits for.
"""

import json
import os
import re
import select
import shutil
import subprocess
import time
from pathlib import Path

from scalinglaws.claims import VERDICTS

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--host-resolver-rules=MAP * ~NOTFOUND"),
    *("--window-size=1400,1000", "--remote-debugging-pipe"),
)
STOPPED = "the browser stopped; does it start by itself?"
# Seconds for everything that is asked of one browser: enough for a machine that does much else.
PATIENCE = 240
WORDS = re.compile(rf"Parameters:.*Verdicts:.*\b({'|'.join(VERDICTS)})\b", re.DOTALL)
# An empty page has one colour and an empty picture with a frame two; lines and letters have edges of many shades.
FEWEST_COLOURS = 16
FEWEST_PIXELS = 300
WALK = Path(__file__).with_name("walk_report.js").read_text(encoding="utf-8")


def chromium():
    """The browser's program, or None where none is installed."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def offline():
    """A command's prefix that takes the network away; nothing where the system does not let us."""
    prefix = ["unshare", "--map-root-user", "--net"]
    allowed = shutil.which("unshare") and subprocess.run([*prefix, "true"], capture_output=True).returncode == 0
    return prefix if allowed else []


class Browser:
    """One page in a headless browser; `requests` and `errors` gather what it asked for and what it complained of."""

    def __init__(self, profile):
        self.requests, self.errors, self.loaded, self.rest, self.count = [], [], False, b"", 0
        self.deadline = time.monotonic() + PATIENCE
        command = [*offline(), chromium(), *OPTIONS, f"--user-data-dir={profile}", "about:blank"]
        # The browser reads commands from its descriptor 3 and answers on 4.
        pipes = ["sh", "-c", 'exec "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1', "sh"]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([*pipes, *command], stdin=pipe, stdout=pipe, bufsize=0)
        self.session = None

    def __enter__(self):
        try:
            self._attach()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _attach(self):
        page = self._ask("Target.createTarget", url="about:blank")
        self.session = self._ask("Target.attachToTarget", targetId=page["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._ask(f"{domain}.enable")

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.terminate()
        self.process.wait(timeout=30)

    def open(self, page):
        """Load a file and wait until all of it is there."""
        self.loaded = False
        answer = self._ask("Page.navigate", url=Path(page).resolve().as_uri())
        if "errorText" in answer:
            raise RuntimeError(f"the browser cannot open {page}: {answer['errorText']}")
        while not self.loaded:
            self._take(self._receive())

    def evaluate(self, expression, **context):
        """Value of a JavaScript expression in the page; of a promise, what it comes to."""
        asked = {"expression": expression, "awaitPromise": True, "returnByValue": True, **context}
        answer = self._ask("Runtime.evaluate", **asked)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"]["exception"].get("description", "the page's script failed"))
        return answer["result"].get("value")

    def evaluate_inside(self, expression):
        """Value of an expression in the page within the page."""
        (frame,) = self._ask("Page.getFrameTree")["frameTree"]["childFrames"]
        world = self._ask("Page.createIsolatedWorld", frameId=frame["frame"]["id"])
        return self.evaluate(expression, contextId=world["executionContextId"])

    def _ask(self, method, **params):
        self.count += 1
        message = {"id": self.count, "method": method, "params": params}
        message |= {"sessionId": self.session} if self.session else {}
        try:
            self.process.stdin.write(json.dumps(message).encode() + b"\0")
        except BrokenPipeError:
            raise RuntimeError(STOPPED) from None
        while (answer := self._receive()).get("id") != self.count:
            self._take(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def _receive(self):
        pieces = [self.rest]
        while b"\0" not in pieces[-1]:
            if not select.select([self.process.stdout], [], [], max(0.0, self.deadline - time.monotonic()))[0]:
                raise TimeoutError(f"the browser did not answer in {PATIENCE} s")
            pieces.append(os.read(self.process.stdout.fileno(), 1 << 20))
            if not pieces[-1]:
                raise RuntimeError(STOPPED)
        message, _, self.rest = b"".join(pieces).partition(b"\0")
        return json.loads(message)

    def _take(self, event):
        method, params = event.get("method"), event.get("params", {})
        if method == "Page.loadEventFired":
            self.loaded = True
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.errors.append(params["exceptionDetails"].get("exception", {}).get("description", "an exception"))
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.errors.append(params["entry"]["text"])


def visit(page, profile):
    """All that clicking through the report shows: its categories with their results, and what went wrong.

    A dict: `categories` maps each to its results by name, each {"caption", "complaints", "kind": "picture", "page" or
    "file", "colours", "width"}; `rows` are those of the claims' page; `requests` to the network, and console `errors`.
    """
    with Browser(profile) as browser:
        browser.open(page)
        browser.evaluate(WALK)
        seen = {"categories": browser.evaluate("reader.walk()"), "rows": 0}
        if "Claims" in seen["categories"]:
            browser.evaluate("reader.show('Claims', 'every measurement')")
            seen["rows"] = browser.evaluate_inside("document.querySelectorAll('tr').length")
        requests = [url for url in browser.requests if not url.startswith(("file:", "data:", "blob:"))]
        return seen | {"requests": requests, "errors": browser.errors}


def problems(seen, figures, wordless=()):
    """A line for everything that is wrong with a visited report.

    figures: by category, the figures that it must show; those in `wordless` bear on no single claim.
    """
    lines = [f"asks the network for {url}" for url in seen["requests"]]
    lines += [f"the console says: {error}" for error in seen["errors"]]
    for category, names in figures.items():
        results = seen["categories"].get(category, {})
        lines += [f"{category}: no figure {name}" for name in names if results.get(name, {}).get("kind") != "picture"]
        for name, result in results.items():
            lines += [f"{category}, {name}: {fault}" for fault in _faults(result, worded=name not in wordless)]
    return lines


def _faults(result, worded):
    if result["complaints"]:
        yield f"docutils complains {result['complaints']} times in its caption"
    if result["kind"] != "picture":
        return
    if result["colours"] < FEWEST_COLOURS:
        yield f"blank, {result['colours']} colours"
    if result["width"] < FEWEST_PIXELS:
        yield f"{result['width']:.0f} pixels wide"
    if worded and not WORDS.search(result["caption"]):
        yield "its caption lacks parameters or a verdict"

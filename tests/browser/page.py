"""Pages in headless Chromium, with what they log and request; and checks that say all that differs before they fail.

Chromium and its driver are Debian's. One Browser serves all pages of a script: starting it takes a second or two.
"""

import json
import os
import pathlib
import sys
import tempfile

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

_DRIVER = "/usr/bin/chromedriver"
_ALLOWED = ("file://", "data:", "about:", "blob:file://")


class _DriverOfThisProcess(Service):
    """A driver that ends with this process, however that ends."""

    def command_line_args(self):
        return ["--pdeathsig", "TERM", _DRIVER, *super().command_line_args()]


class Browser:
    """Opens files one after the other; a context manager."""

    def __init__(self, width=1400, height=1000):
        # Not in the test's folder: what a browser still writes as it ends must not be in the way of removing that.
        self._profile = tempfile.TemporaryDirectory(prefix="circuitd-browser-", ignore_cleanup_errors=True)
        environment = {**os.environ, "XDG_CACHE_HOME": self._profile.name, "XDG_CONFIG_HOME": self._profile.name}
        options = webdriver.ChromeOptions()
        options.binary_location = str(pathlib.Path(__file__).parent / "chromium.sh")
        # Chromium has no sandbox for root, and containers little room in /dev/shm.
        for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu",
                         "--force-device-scale-factor=1", "--hide-scrollbars", "--no-first-run",
                         "--disable-background-networking", f"--user-data-dir={self._profile.name}",
                         f"--window-size={width},{height}"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        driver = _DriverOfThisProcess("/usr/bin/setpriv", env=environment)
        self.driver = webdriver.Chrome(service=driver, options=options)
        self._requests = []
        self.driver.get("about:blank")  # away from the page for new tabs, which asks for much

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.driver.quit()
        self._profile.cleanup()

    def open(self, path):
        """Loads the file; forgets what earlier pages logged."""
        self.driver.get_log("browser")
        self._read_requests()
        self._requests.clear()
        self.driver.get(pathlib.Path(path).resolve().as_uri())

    def run(self, script, *arguments):
        """What the body of a JavaScript function returns."""
        return self.driver.execute_script(script, *arguments)

    def command(self, name, **parameters):
        """Of the Chrome DevTools protocol."""
        return self.driver.execute_cdp_cmd(name, parameters)

    def resize(self, width, height):
        """The page's viewport, in CSS pixels."""
        self.command("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                     mobile=False)

    def complaints(self):
        """What the page logged above "info" since it was opened, and requests that left the machine."""
        said = [f"console: {entry['message']}" for entry in self.driver.get_log("browser")
                if entry["level"] in ("WARNING", "SEVERE")]
        self._read_requests()
        if not self._requests:
            said.append("no request was seen, not even for the page")
        said += [f"requested {url[:200]}" for url in self._requests if not url.startswith(_ALLOWED)]
        return said

    def paint_ms(self):
        """From the start of the navigation to the first content on the screen, which is waited for; None if there is
        none within seconds."""
        return self.driver.execute_async_script("""
            const done = arguments[0];
            setTimeout(() => done(null), 5000);
            new PerformanceObserver(list => {
              for (const entry of list.getEntriesByName('first-contentful-paint')) done(entry.startTime);
            }).observe({type: 'paint', buffered: true});""")

    def _read_requests(self):
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                self._requests.append(message["params"]["request"]["url"])


class Checks:
    """Counts what was compared, and prints what differs."""

    def __init__(self):
        self.page = ""  # what is being looked at: begins every message
        self._count = 0
        self._failures = 0

    def that(self, holds, message):
        self._count += 1
        if not holds:
            self._failures += 1
            print(f"{self.page}: {message}")
        return bool(holds)

    def equal(self, what, actual, expected):
        return self.that(actual == expected, f"{what}: {actual!r}, expected {expected!r}")

    def none(self, what, found):
        """`found`, a list, is empty."""
        rest = "" if len(found) <= 8 else f" and {len(found) - 8} more"
        return self.that(not found, f"{what}: {'; '.join(map(str, found[:8]))}{rest}")

    def finish(self):
        """Ends the process: 0 if something was compared and nothing differs."""
        print(f"{self._count} checks, {self._failures} failed")
        sys.exit(0 if self._count and not self._failures else 1)

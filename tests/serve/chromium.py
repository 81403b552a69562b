# SPDX-License-Identifier: Apache-2.0
"""Drives Debian's Chromium over its DevTools protocol, with the standard library alone.

A Browser has its own profile in a temporary folder and nothing to do with a network but what the page
asks for. A Page collects what must not happen: errors on the console, exceptions, violations of
the Content-Security-Policy, requests to other hosts.
"""
import base64
import json
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import time

PATIENCE = 60

# Keys that a test presses: key, code, key code, text.
KEYS = {
    "Tab": ("Tab", "Tab", 9, ""),
    "Enter": ("Enter", "Enter", 13, "\r"),
    "Space": (" ", "Space", 32, " "),
    "Escape": ("Escape", "Escape", 27, ""),
}


def find():
    """The program's path, or None."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


class WebSocket:
    """The client's side of RFC 6455, as far as DevTools uses it: text, not compressed."""

    def __init__(self, url):
        host, _, path = url[len("ws://"):].partition("/")
        name, _, port = host.partition(":")
        self.socket = socket.create_connection((name, int(port)), timeout=PATIENCE)
        self.file = self.socket.makefile("rb")
        self.socket.sendall(("GET /%s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n"
                             % (path, host, base64.b64encode(os.urandom(16)).decode())).encode())
        if b" 101 " not in self.file.readline():
            raise AssertionError("DevTools refuses the connection")
        while self.file.readline() not in (b"\r\n", b""):
            pass

    def send(self, text):
        data = text.encode()
        mask = os.urandom(4)
        n = len(data)
        if n < 126:
            head = struct.pack("!BB", 0x81, 0x80 | n)
        elif n < 1 << 16:
            head = struct.pack("!BBH", 0x81, 0xfe, n)
        else:
            head = struct.pack("!BBQ", 0x81, 0xff, n)
        key = (mask * (n // 4 + 1))[:n]
        masked = (int.from_bytes(data, "big") ^ int.from_bytes(key, "big")).to_bytes(n, "big")
        self.socket.sendall(head + mask + masked)

    def receive(self):
        whole = b""
        while True:
            first, second = self._take(2)
            n = second & 0x7f
            if n == 126:
                n, = struct.unpack("!H", self._take(2))
            elif n == 127:
                n, = struct.unpack("!Q", self._take(8))
            data = self._take(n)
            kind = first & 0x0f
            if kind == 8:
                raise AssertionError("Chromium closed the connection")
            if kind in (0, 1):
                whole += data
                if first & 0x80:
                    return whole.decode()

    def _take(self, n):
        data = self.file.read(n)
        if data is None or len(data) != n:
            raise AssertionError("Chromium is gone")
        return data

    def close(self):
        self.file.close()
        self.socket.close()


class Page:
    """A tab. `wrong` is the list of what must not happen."""

    def __init__(self, browser, target, context):
        self.browser, self.context = browser, context
        self.wrong, self.requests, self.bodies = [], [], []
        self.session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        browser.pages[self.session] = self
        for domain in ("Page", "Runtime", "Log", "Network", "DOM", "Audits"):
            self.call(domain + ".enable")

    def call(self, method, **params):
        return self.browser.call(method, self.session, **params)

    def event(self, method, params):
        if method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.wrong.append("exception: " + details.get("exception", {}).get("description", details["text"]))
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.wrong.append("console: %s" % [a.get("value", a.get("description")) for a in params["args"]])
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.wrong.append("log: %s %s" % (params["entry"]["text"], params["entry"].get("url")))
        elif method == "Audits.issueAdded" and params["issue"]["code"] == "ContentSecurityPolicyIssue":
            self.wrong.append("policy: %s" % params["issue"]["details"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
            if "postData" in params["request"]:
                self.bodies.append(params["request"]["postData"])

    def run(self, expression):
        """The value of a JavaScript expression, awaited."""
        got = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True,
                        userGesture=True)
        if "exceptionDetails" in got:
            raise AssertionError("%s: %s" % (expression, got["exceptionDetails"].get("exception", {})
                                             .get("description")))
        return got["result"].get("value")

    def until(self, expression, what=None, patience=PATIENCE):
        """Waits until a JavaScript expression is true."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            if self.run("!!(%s)" % expression):
                return
            time.sleep(0.02)
        raise AssertionError("it never came: %s\n%s\n%s" % (what or expression, self.wrong, self.text("body")))

    def text(self, selector):
        return self.run("document.querySelector(%s)?.innerText ?? ''" % json.dumps(selector))

    def open(self, url):
        self.call("Page.navigate", url=url)
        self.until("document.readyState === 'complete' && location.href === %s" % json.dumps(url))

    def press(self, name, shift=False):
        key, code, number, text = KEYS[name]
        common = {"key": key, "code": code, "windowsVirtualKeyCode": number, "modifiers": 8 if shift else 0}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def choose(self, paths, selector="#files"):
        """Puts files into an input, as the dialog does."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", files=paths, nodeId=node)

    def drag(self, paths, kinds=("dragEnter", "dragOver", "drop")):
        """Drags files into the middle of the page."""
        for kind in kinds:
            self.call("Input.dispatchDragEvent", type=kind, x=300, y=300,
                      data={"items": [], "files": paths, "dragOperationsMask": 1})

    def close(self):
        del self.browser.pages[self.session]
        self.browser.call("Target.disposeBrowserContext", browserContextId=self.context)

    def look(self, path=None, width=1200, height=900, dark=False, full=False):
        """A screenshot as PNG."""
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                  mobile=False)
        time.sleep(0.3)
        data = base64.b64decode(self.call("Page.captureScreenshot", format="png",
                                          captureBeyondViewport=full)["data"])
        if path is not None:
            with open(path, "wb") as f:
                f.write(data)
        return data


class Browser:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="kith-chromium-")
        self.pages = {}
        self.n = 0
        self.socket = None
        # Root may not use Chromium's sandbox, and what it is shown here is only our own page.
        words = [find(), "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
                 "--disable-background-networking", "--disable-component-update", "--disable-sync",
                 "--disable-default-apps", "--disable-extensions", "--disable-dev-shm-usage", "--no-proxy-server",
                 "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
                 "--remote-debugging-port=0", "--user-data-dir=" + self.folder, "about:blank"]
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, env=dict(os.environ, HOME=self.folder))
        try:
            self.socket = WebSocket(self._address())
        except Exception:
            self.close()
            raise

    def _address(self):
        path = os.path.join(self.folder, "DevToolsActivePort")
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            if os.path.exists(path):
                with open(path, encoding="ascii") as f:
                    lines = f.read().split("\n")
                if len(lines) == 2:
                    return "ws://127.0.0.1:%s%s" % (lines[0], lines[1])
            time.sleep(0.05)
        raise AssertionError("Chromium did not start")

    def call(self, method, session=None, **params):
        self.n += 1
        message = {"id": self.n, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        self.socket.send(json.dumps(message))
        while True:
            got = json.loads(self.socket.receive())
            if got.get("id") == self.n:
                if "error" in got:
                    raise AssertionError("%s: %s" % (method, got["error"]))
                return got["result"]
            page = self.pages.get(got.get("sessionId"))
            if page is not None:
                page.event(got["method"], got["params"])

    def page(self):
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        return Page(self, target, context)

    def close(self):
        if self.socket is not None:
            try:
                self.call("Browser.close")
            except (AssertionError, OSError):
                pass
            self.socket.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

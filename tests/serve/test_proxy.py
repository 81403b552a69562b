#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/nginx/kith.conf in front of kith-serve, over TLS, and what systemd says of the units."""
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
import unittest

import server
from server import HELLO, UNKNOWN

os.environ["PATH"] += ":/usr/sbin"
MISSING = [name for name in ("nginx", "openssl") if shutil.which(name) is None]
PROXY = """daemon off; pid %(f)s/pid; error_log %(f)s/log;
events { worker_connections 64; }
http {
	client_body_temp_path %(f)s; proxy_temp_path %(f)s; fastcgi_temp_path %(f)s;
	uwsgi_temp_path %(f)s; scgi_temp_path %(f)s;
	%(conf)s
}
"""


class Proxy(server.Case):
    @unittest.skipIf(MISSING, "%s not installed" % " and ".join(MISSING))
    def test_nginx(self):
        s = self.serve()
        with open(os.path.join(server.TOP, "docs/nginx/kith.conf"), encoding="utf-8") as f:
            conf = f.read()
        with open(os.path.join(server.TOP, "docs/SERVE.md"), encoding="utf-8") as f:
            self.assertIn(conf.split("\n", 2)[2].rstrip(), f.read())  # it is what the page shows
        pem, key = self.folder + "/kith.pem", self.folder + "/kith.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=kith.example", "-addext",
                        "subjectAltName=DNS:kith.example", "-keyout", key, "-out", pem], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        for old, new in (("127.0.0.1:8080", "127.0.0.1:%d" % s.port),
                         ("listen 443 ", "listen 127.0.0.1:%d " % port),
                         ("/etc/ssl/kith.pem", pem), ("/etc/ssl/kith.key", key)):
            self.assertIn(old, conf)
            conf = conf.replace(old, new)
        with open(self.folder + "/nginx.conf", "w", encoding="utf-8") as f:
            f.write(PROXY % {"f": self.folder, "conf": conf})
        nginx = subprocess.Popen(["nginx", "-c", self.folder + "/nginx.conf"],
                                 stderr=subprocess.DEVNULL)
        self.addCleanup(nginx.wait)
        self.addCleanup(nginx.terminate)
        context = ssl.create_default_context(cafile=pem)

        def ask(request):
            end = time.monotonic() + server.PATIENCE
            while True:
                try:
                    raw = socket.create_connection(("127.0.0.1", port), timeout=server.PATIENCE)
                    break
                except ConnectionRefusedError:
                    self.assertLess(time.monotonic(), end)
                    time.sleep(0.05)
            with context.wrap_socket(raw, server_hostname="kith.example") as c:
                c.sendall(request)
                with c.makefile("rb") as f:
                    return server.read_reply(f)

        head = "Host: kith.example:8443\r\nConnection: close\r\n"
        reply = ask(("GET /api/v3/files/%s HTTP/1.1\r\n%s\r\n" % (HELLO, head)).encode())
        self.assertEqual(reply.status, 200)
        self.assertEqual(reply.json()["data"]["links"]["self"],
                         "https://kith.example:8443/api/v3/files/" + HELLO)
        body = (HELLO + "\n" + UNKNOWN + "\n").encode() * 2000
        reply = ask(("POST /v1/files HTTP/1.1\r\n%sContent-Length: %d\r\n\r\n" % (
            head, len(body))).encode() + body)
        self.assertEqual((reply.status, reply.body.count(b"\n")), (200, 4000))
        self.assertEqual(ask(("POST /-/reload HTTP/1.1\r\n%s\r\n" % head).encode()).status, 403)

    @unittest.skipIf(shutil.which("systemd-analyze") is None, "systemd is not installed")
    def test_units(self):
        for unit in ("kith-serve.service", "kith-serve.socket"):
            with open(os.path.join(server.TOP, "docs/systemd", unit), encoding="utf-8") as f:
                text = f.read()
            text = text.replace("ExecStart=kith-serve", "ExecStart=" + server.program("KITH_SERVE"))
            text = re.sub(r"^Documentation=.*\n", "", text, flags=re.M)
            with open(os.path.join(self.folder, unit), "w", encoding="utf-8") as f:
                f.write(text)
        done = subprocess.run(["systemd-analyze", "verify", self.folder + "/kith-serve.service",
                               self.folder + "/kith-serve.socket"], check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        mine = [line for line in done.stdout.decode().splitlines() if "kith-serve" in line]
        self.assertEqual(mine, [])
        done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager",
                               "--threshold=20", self.folder + "/kith-serve.service"], check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(done.returncode, 0, done.stdout.decode()[-300:])


if __name__ == "__main__":
    if MISSING and shutil.which("systemd-analyze") is None:
        sys.exit(77)
    server.main()

# SPDX-License-Identifier: Apache-2.0
"""The rows of scripts/bench about kith-serve: answers a second beside nginx with a constant body of the
same size, and how long one client waits. Needs wrk and nginx (Debian: wrk, nginx-light)."""
import os
import re
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
import urllib.request

CONNECTIONS = 32
SECONDS = 5


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(port):
    for _ in range(500):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError("nothing listens on port %d" % port)


NGINX = """worker_processes %(workers)d; daemon off; pid %(folder)s/pid; error_log %(folder)s/log;
events { worker_connections 1024; }
http {
	access_log off; keepalive_requests 1000000000;
	client_body_temp_path %(folder)s; proxy_temp_path %(folder)s; fastcgi_temp_path %(folder)s;
	uwsgi_temp_path %(folder)s; scgi_temp_path %(folder)s;
	server {
		listen 127.0.0.1:%(port)d reuseport;
		location / { default_type application/json; return 200 "%(body)s"; }
	}
}
"""


class Servers:
    """kith-serve and nginx, with as many threads as there are cores; `urls` leads to both."""

    def __init__(self, program, kith, built):
        self.folder = tempfile.mkdtemp(prefix="kith-bench-")
        cores, ours, theirs = os.cpu_count() or 1, free_port(), free_port()
        self.processes = [subprocess.Popen(
            [program, "-d", built, "--listen=127.0.0.1:%d" % ours], stderr=subprocess.DEVNULL)]
        wait_for(ours)
        lines = subprocess.run([kith, "export", "-d", built, "--to", "sha256"], check=True,
                               stdout=subprocess.PIPE).stdout.split()
        url = "http://127.0.0.1:%d/api/v3/files/%s" % (ours, lines[len(lines) // 2].decode())
        with urllib.request.urlopen(url) as reply:
            self.size = len(reply.read())
        conf = os.path.join(self.folder, "conf")
        with open(conf, "w", encoding="ascii") as f:
            f.write(NGINX % {"folder": self.folder, "port": theirs, "workers": cores,
                             "body": "x" * self.size})
        self.processes.append(subprocess.Popen(["nginx", "-c", conf], stderr=subprocess.DEVNULL))
        wait_for(theirs)
        self.urls = (url, "http://127.0.0.1:%d/" % theirs)

    def end(self):
        for process in self.processes:
            process.terminate()
            process.wait()
        shutil.rmtree(self.folder)


def wrk(url, connections, seconds):
    """Requests a second, and the p99 in seconds."""
    text = subprocess.run(["wrk", "-t1", "-c%d" % connections, "-d%ds" % seconds, "--latency", url],
                          check=True, stdout=subprocess.PIPE).stdout.decode()
    if "Non-2xx" in text or "Socket errors" in text:
        raise RuntimeError("wrk: " + text)
    value, unit = re.search(r"99%\s+([0-9.]+)(us|ms|s)", text).groups()
    return (float(re.search(r"Requests/sec:\s+([0-9.]+)", text).group(1)),
            float(value) * {"us": 1e-6, "ms": 1e-3, "s": 1}[unit])


def bench_serve(args, work, bench):
    for name in ("wrk", "nginx"):
        if shutil.which(name) is None and not os.path.exists("/usr/sbin/" + name):
            bench.say("%s is not installed: the rows of kith-serve are left out" % name)
            return
    os.environ["PATH"] += ":/usr/sbin"
    built = work.item("serve-%d.kith" % min(args.rows, 200000), lambda path: work.build(
        work.release("full", min(args.rows, 200000)), path))
    servers = Servers(work.programs["KITH_SERVE"], work.programs["KITH"], built)
    try:
        rates = ([], [])
        for url in servers.urls:
            wrk(url, CONNECTIONS, 1)
        for _ in range(max(3, args.runs)):  # in turn, so that both see the same machine
            for url, rate in zip(servers.urls, rates):
                rate.append(wrk(url, CONNECTIONS, SECONDS)[0])
        ours, theirs = (statistics.median(rate) for rate in rates)
        bench.row("serve: answers of %d bytes a second, %d connections" % (servers.size, CONNECTIONS),
                  "%.0f" % ours, "nginx, a constant: %.0f" % theirs, "%.2f x" % (ours / theirs),
                  "at least 0.7 x")
        waits = [wrk(url, 1, SECONDS) for url in servers.urls]
        bench.row("serve: p99 of one connection", bench.seconds(waits[0][1]),
                  "nginx, a constant: %s" % bench.seconds(waits[1][1]), "", "under 1 ms")
    finally:
        servers.end()

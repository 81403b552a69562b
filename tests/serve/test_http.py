#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""HTTP itself: methods, connections, bodies, and what bad input gets."""
import server


class Http(server.Case):
    def test_answers_and_ends(self):
        s = self.serve("--nsrlsvr=127.0.0.1:0")
        self.assertEqual(s.ask("/healthz").body, b"ok\n")
        self.assertEqual(s.ask("/healthz", what="unix").body, b"ok\n")
        self.assertEqual(s.ask("/v1/files/" + server.HELLO).json()["verdict"], "known")
        with s.connect("nsrlsvr") as c:
            c.sendall(b"QUERY " + server.HELLO.encode() + b"\n")
            self.assertEqual(c.recv(100), b"OK 1\r\n")


if __name__ == "__main__":
    server.main()

"""A minimal receiver of orders to call somebody: docs/platform/webhook.md, in fifty lines, and nothing of ours.

usage: receiver.py PORT SECRET_FILE LOG [NAME]

Each order that verifies is a line of JSON in LOG. With NAME, that person answers each at once; else it is only taken.
"""

import hashlib
import hmac
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = open(sys.argv[2], "rb").read().rstrip(b"\r\n")
SEEN = set()


def mac(*parts):
    return "v1=" + hmac.new(SECRET, b".".join(parts), hashlib.sha256).hexdigest()


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        stamp = self.headers["Hazard-Timestamp"].encode()
        if not hmac.compare_digest(mac(stamp, body), self.headers["Hazard-Signature"]):
            return self.reply(401, b"")
        order = json.loads(body)
        if order["attempt"] not in SEEN:
            SEEN.add(order["attempt"])
            with open(sys.argv[3], "a", encoding="utf-8") as log:
                log.write(json.dumps(order, ensure_ascii=False) + "\n")
        if len(sys.argv) < 5:
            return self.reply(200, b'{"read":true}')
        answer = json.dumps({"answered": {"by": sys.argv[4], "note": "on my way"}}).encode()
        now = str(int(time.time())).encode()
        signed = mac(now, order["attempt"].encode(), answer)
        self.reply(200, answer, {"Hazard-Timestamp": now.decode(), "Hazard-Signature": signed})

    def reply(self, status, body, headers=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver)
print("ready", flush=True)
server.serve_forever()

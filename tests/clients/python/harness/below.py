"""A proxy that puts a server below a path and takes the path off, as nginx does with `location /door/`."""

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

HOP = {"connection", "transfer-encoding", "keep-alive", "content-length"}


class Below:
    """Use it in a `with` statement; `lead_to` says to which server, once that is known."""

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        proxy = self
        self._target = None

        class Handler(BaseHTTPRequestHandler):
            def _pass_on(self):
                if not self.path.startswith(proxy.path + "/"):
                    self.send_error(404)
                    return
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                upstream = http.client.HTTPConnection(proxy._target, timeout=30)
                upstream.request(self.command, self.path.removeprefix(proxy.path), body, dict(self.headers))
                answer = upstream.getresponse()
                content = answer.read()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in HOP:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_HEAD = _pass_on

            def log_message(self, *_):
                pass

        self._listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._listener.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._listener.server_port}{self.path}"
        threading.Thread(target=self._listener.serve_forever, daemon=True).start()
        return self

    def lead_to(self, url):
        self._target = urlsplit(url).netloc

    def __exit__(self, *_):
        self._listener.shutdown()
        self._listener.server_close()

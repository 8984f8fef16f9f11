"""The redirect URI of a native client: a listener on a loopback port."""

import queue
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class Callback:
    """Use it in a `with` statement."""

    def __enter__(self):
        answers = self._answers = queue.Queue()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                url = urlsplit(self.path)
                page = b"<!doctype html><title>Back at the application</title><h1>Back at the application</h1>"
                self.send_response(200 if url.path == "/callback" else 404)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(page)))
                self.end_headers()
                self.wfile.write(page)
                if url.path == "/callback":
                    answers.put({name: values[0] for name, values in parse_qs(url.query).items()})

            def log_message(self, *_):
                pass

        self._listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._listener.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._listener.server_port}/callback"
        threading.Thread(target=self._listener.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown()
        self._listener.server_close()

    def answer(self, patience=30):
        """What the authorization server sent with the browser."""
        return self._answers.get(timeout=patience)

    def is_untouched(self):
        """Whether no browser has come since the last answer."""
        return self._answers.empty()

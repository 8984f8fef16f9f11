"""Another site: it shows what a test wants shown, under any name that leads to this machine, and sets cookies."""

import html
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Elsewhere:
    """Use it in a `with` statement."""

    def __enter__(self):
        site = self
        self.body, self.cookies = "", []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                page = f"<!doctype html><title>Elsewhere</title>{site.body}".encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(page)))
                for cookie in site.cookies:
                    self.send_header("Set-Cookie", cookie)
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *_):
                pass

        self._listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._listener.daemon_threads = True
        self.port = self._listener.server_port
        threading.Thread(target=self._listener.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown()
        self._listener.server_close()

    def url(self, host):
        return f"http://{host}:{self.port}/"


def form(action, fields, enctype="application/x-www-form-urlencoded"):
    """A form that a script of the page sends."""
    inputs = "".join(
        f'<input name="{html.escape(name)}" value="{html.escape(value)}">' for name, value in fields.items()
    )
    return f'<form method="post" action="{html.escape(action)}" enctype="{enctype}">{inputs}</form>'


def send(person, elsewhere, host, form):
    """Visits the other site and lets it send its form; the answer that came."""
    elsewhere.body = form
    person.page.goto(elsewhere.url(host))
    with person.page.expect_navigation() as navigation:
        person.page.evaluate("document.forms[0].submit()")
    return navigation.value

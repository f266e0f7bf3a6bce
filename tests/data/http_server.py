"""A server in a thread, which has good files, bad ones, and bad manners."""

import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        self.server.agents.append(self.headers["User-Agent"])
        answer = self.server.answers.get(self.path)
        if callable(answer):
            answer(self)
        elif answer is None:
            self.send_error(404)
        else:
            send(self, answer)

    def log_message(self, *args):
        pass


def send(handler, content, length=None):
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(content) if length is None else length))
    handler.end_headers()
    handler.wfile.write(content)


def send_without_end(handler):
    handler.send_response(200)
    handler.end_headers()
    with suppress(OSError):  # the other side hangs up
        for _ in range(1000):  # for the test, an end
            handler.wfile.write(bytes(1 << 16))


class Server(ThreadingHTTPServer):
    """answers: path -> content, or a function that is given the handler.

    asked: the paths in the order of requests; agents: who they said they were.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers, self.asked, self.agents = {}, [], []

    def url(self, path):
        return f"http://127.0.0.1:{self.server_port}{path}"


@contextmanager
def serving():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

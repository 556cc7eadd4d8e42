#!/usr/bin/python3
"""End-to-end tests of examples/serve: starts the built server on a free loopback port, speaks raw HTTP to it,
stops it. Usage: serve_test.py SERVER [NAME...]; a NAME selects the tests that begin with it.

Nothing sleeps to let things happen: what takes time is waited for, with a limit."""
import contextlib
import glob
import hashlib
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

LIMIT_S = 60
BIG_BYTES = 200 * 1024 * 1024
SERVER = ""
FOLDER = ""
DIGESTS = {}


class Failure(Exception):
    pass


def check(condition, *what):
    if not condition:
        raise Failure(" ".join(str(w) for w in what) or "check failed")


def equal(got, wanted, *what):
    check(got == wanted, repr(got)[:300], "instead of", repr(wanted)[:300], *what)


def wait_for(condition, what):
    """Until condition() holds; for states that no descriptor announces."""
    end = time.monotonic() + LIMIT_S
    while not condition():
        check(time.monotonic() < end, "waited in vain for", what)
        select.select([], [], [], 0.01)


# The server ---------------------------------------------------------------------------------------------

class Server:
    def __init__(self, *flags, workers=2, folder=None):
        environment = dict(os.environ)
        environment.pop("EVRT_WORKERS", None)
        # What the address sanitizer keeps of freed memory is not the server's.
        quarantine = "quarantine_size_mb=4:thread_local_quarantine_size_kb=64"
        environment["ASAN_OPTIONS"] = environment.get("ASAN_OPTIONS", "") + ":" + quarantine
        self.process = subprocess.Popen([SERVER, folder or FOLDER, "--port", "0", "--workers", str(workers), *flags],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
        line = self.line()
        match = re.fullmatch(r"serving .* on http://127\.0\.0\.1:(\d+)/ with (\d+) workers? \(Ctrl-C stops\)\n", line)
        check(match, "unexpected first line", repr(line), "" if line else self.process.stderr.read())
        equal(int(match.group(2)), workers)
        self.port = int(match.group(1))

    def line(self):
        ready, _, _ = select.select([self.process.stdout], [], [], LIMIT_S)
        check(ready, "the server says nothing")
        return self.process.stdout.readline().decode()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is None and self.process.poll() is None:
            self.stop()
        elif kind is not None:
            self.report()
        self.process.stdout.close()
        self.process.stderr.close()

    def report(self):
        """What became of the server in a test that failed."""
        code = self.process.poll()
        if code is None:
            self.process.kill()
            self.process.wait()
        errors = self.process.stderr.read().decode(errors="replace")
        print("  server %s%s" % ("was still running" if code is None else "had ended with %d" % code,
                                 ", stderr:\n" + errors if errors else ""), flush=True)

    def threads(self):
        """What each of the server's threads does: a line each, for who has to find out why it does not end."""
        lines = []
        for folder in glob.glob("/proc/%d/task/*" % self.process.pid):
            what = [os.path.basename(folder)]
            for name in ("comm", "wchan", "syscall", "status"):
                try:
                    with open("%s/%s" % (folder, name), encoding="ascii", errors="replace") as file:
                        text = file.read()
                except OSError as error:
                    text = str(error)
                if name == "status":
                    text = " ".join(re.findall(r"(?m)^(?:State|SigPnd|ShdPnd|SigBlk|SigCgt|.*ctxt_switches):.*$", text))
                what.append(" ".join(text.split()))
            lines.append("  " + " | ".join(what))
        return "\n".join(lines)

    def ended(self):
        try:
            code = self.process.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            print("  threads, and again a second later:\n%s" % self.threads(), flush=True)
            time.sleep(1)
            print(self.threads(), flush=True)
            self.report()
            raise Failure("the server does not end") from None
        return code, self.process.stderr.read().decode()

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        code, errors = self.ended()
        equal((code, errors), (0, ""), "on stopping")

    def fds(self):
        return len(os.listdir("/proc/%d/fd" % self.process.pid))

    def rss(self):
        with open("/proc/%d/statm" % self.process.pid, encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Client:
    """One connection; answers are read off it one by one."""
    def __init__(self, server, receive_bytes=0):
        self.socket = socket.socket()
        self.socket.settimeout(LIMIT_S)
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.connect(("127.0.0.1", server.port))
        self.rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.socket.close()

    def send(self, text):
        self.socket.sendall(text if isinstance(text, bytes) else text.encode("latin-1"))

    def more(self):
        got = self.socket.recv(1 << 18)
        self.rest += got
        return len(got)

    def head(self):
        while b"\r\n\r\n" not in self.rest:
            check(self.more(), "closed instead of an answer, after", self.rest)
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        first, *lines = head.decode("latin-1").split("\r\n")
        check(re.fullmatch(r"HTTP/1\.1 \d{3} [A-Za-z ]+", first), "bad status line", first)
        fields = dict(line.split(": ", 1) for line in lines)
        equal(len(fields), len(lines), "fields sent twice")
        return int(first[9:12]), fields

    def body(self, length):
        """The digest of the next `length` bytes."""
        digest = hashlib.sha256()
        while length:
            if not self.rest:
                check(self.more(), "body cut,", length, "bytes missing")
            piece, self.rest = self.rest[:length], self.rest[length:]
            digest.update(piece)
            length -= len(piece)
        return digest.hexdigest()

    def text(self, length):
        while len(self.rest) < length:
            check(self.more(), "body cut")
        text, self.rest = self.rest[:length], self.rest[length:]
        return text

    def answer(self, bare=False):
        status, fields = self.head()
        length = 0 if bare or status == 304 else int(fields["Content-Length"])
        return status, fields, self.text(length)

    def closed_orderly(self):
        """The peer closes, having sent nothing more, and without a reset: no answer can have been lost."""
        equal(self.rest, b"")
        equal(self.socket.recv(1), b"", "instead of a close")

    def closed(self):
        """The same, or a reset."""
        equal(self.rest, b"")
        with contextlib.suppress(ConnectionResetError):
            equal(self.socket.recv(1), b"", "instead of a close")


def get(path, *fields, method="GET", version="1.1"):
    lines = ["%s %s HTTP/%s" % (method, path, version), "Host: test", *fields, "", ""]
    return "\r\n".join(lines)


def ask(server, request, bare=False):
    with Client(server) as client:
        client.send(request)
        return client.answer(bare)


# Tests --------------------------------------------------------------------------------------------------

def test_a_statuses(workers):
    with Server(workers=workers) as server:
        for wanted, request in (
                (200, get("/")), (200, get("/one")), (200, get("/empty")), (200, get("/sub/")),
                (200, get("http://test/one")), (200, get("/%6fne?query")), (200, get("/.evrt/stats")),
                (200, "GET /one HTTP/1.0\r\n\r\n"),
                (301, get("/sub")), (404, get("/nothing")), (404, get("/one/")), (404, get("/" + "x" * 300)),
                (403, get("/fifo")), (405, get("/one", method="POST")), (405, get("*", method="OPTIONS")),
                (405, get("test:80", method="CONNECT")), (501, get("/one", method="BREW")),
                (400, "GET /one HTTP/1.1\r\n\r\n"), (400, "GET /one\r\n\r\n"), (400, "\x16\x03\x01\0\0"),
                (400, get("/one").replace("\r\n", "\n")), (400, get("/one", "Bad : x")), (400, get("/one", "X: a\0b")),
                (400, get("/one", " folded")), (400, get("/%zz")), (505, get("/", version="2.0")),
                (400, get("/one", "Content-Length: 1", "Content-Length: 2")),
                (400, get("/one", "Content-Length: 1", "Transfer-Encoding: chunked")),
                (417, get("/one", "Expect: tea")), (501, get("/one", "Transfer-Encoding: gzip, chunked")),
                (414, get("/" + "x" * 9000)), (414, get("/" + "x/" * 2100)), (431, get("/one", "X: " + "y" * 17000)),
                (431, get("/one", *["F%d: x" % i for i in range(70)]))):
            status, fields, _ = ask(server, request)
            equal(status, wanted, "for", request[:60])
            check("Date" in fields and fields["Server"] == "evrt")
            if wanted == 405:
                equal(fields["Allow"], "GET, HEAD")


def test_a_traversal(workers):
    with Server(workers=workers) as server:
        for path in ("/../secret", "/sub/../../secret", "/%2e%2e/secret", "/.%2e/secret", "/%2e%2e%2fsecret",
                     "/sub/%2e%2e/%2e%2e/secret", "/..%5csecret", "/..\\secret", "/%00", "/one%00.txt",
                     "//../secret", "/out", "/outdir/secret", "/absolute", "/sub/up/../secret"):
            status, _, body = ask(server, get(path))
            check(status in (400, 404), status, "for", path)
            check(b"hidden" not in body)
        equal(ask(server, get("/inside"))[2], b"1", "a link that stays inside")
        equal(ask(server, get("//sub/"))[0], 200)
        _, fields, _ = ask(server, get("//test//../sub?q=%22"))
        equal(fields["Location"], "/sub/?q=%22", "no redirect to another host")


def test_a_fields(workers):
    with Server(workers=workers) as server:
        _, fields, body = ask(server, get("/page.html"))
        equal(fields["Content-Type"], "text/html; charset=utf-8")
        equal(fields["Last-Modified"], "Sun, 06 Nov 1994 08:49:37 GMT")
        equal((fields["Accept-Ranges"], len(body)), ("bytes", int(fields["Content-Length"])))
        etag = fields["ETag"]
        status, head_fields, _ = ask(server, get("/page.html", method="HEAD"), bare=True)
        for name in ("Content-Length", "Content-Type", "ETag", "Last-Modified"):
            equal((status, head_fields[name]), (200, fields[name]))
        date, later = "Sun, 06 Nov 1994 08:49:37 GMT", "Monday, 07-Nov-94 08:49:37 GMT"
        earlier = "Sat Nov  5 08:49:37 1994"
        for wanted, *conditions in (
                (304, "If-None-Match: " + etag), (304, "If-None-Match: \"x\", W/" + etag), (304, "If-None-Match: *"),
                (200, "If-None-Match: \"x\""), (200, "If-None-Match: \"x\"", "If-Modified-Since: " + later),
                (304, "If-Modified-Since: " + date), (304, "If-Modified-Since: " + later),
                (200, "If-Modified-Since: " + earlier), (200, "If-Modified-Since: soon"),
                (412, "If-Match: \"x\""), (412, "If-Match: W/" + etag), (200, "If-Match: " + etag),
                (412, "If-Unmodified-Since: " + earlier), (200, "If-Unmodified-Since: " + date),
                (206, "Range: bytes=0-0", "If-Range: " + etag), (206, "Range: bytes=0-0", "If-Range: " + date),
                (200, "Range: bytes=0-0", "If-Range: W/" + etag), (200, "Range: bytes=0-0", "If-Range: " + later),
                (304, "Range: bytes=0-0", "If-None-Match: " + etag)):
            status, fields, _ = ask(server, get("/page.html", *conditions))
            equal(status, wanted, "for", conditions)
            if wanted == 304:
                check("Content-Length" not in fields and fields["ETag"] == etag)


def test_a_ranges(workers):
    with open(FOLDER + "/middle", "rb") as file:
        middle = file.read()
    with Server(workers=workers) as server, Client(server) as client:
        size = len(middle)
        for value, first, last in (("0-0", 0, 0), ("5-", 5, size - 1), ("-7", size - 7, size - 1),
                                   ("10-20", 10, 20), ("90000-999999", 90000, size - 1), ("0-16384", 0, 16384)):
            client.send(get("/middle", "Range: bytes=" + value))
            status, fields, body = client.answer()
            equal((status, fields["Content-Range"]), (206, "bytes %d-%d/%d" % (first, last, size)))
            check(body == middle[first:last + 1], "wrong bytes for", value)
        client.send(get("/middle", "Range: bytes=%d-" % size))
        status, fields, _ = client.answer()
        equal((status, fields["Content-Range"]), (416, "bytes */%d" % size))
        for value in ("bytes=0-1,5-6", "bytes=5-1", "lines=1-2", "bytes=x"):
            client.send(get("/middle", "Range: " + value))
            status, fields, body = client.answer()
            check(status == 200 and body == middle, "for", value)
        client.send(get("/middle", "Range: bytes=0-1", method="HEAD"))
        equal(client.answer(bare=True)[0], 200)


def test_a_listing(workers):
    with Server(workers=workers) as server:
        _, fields, body = ask(server, get("/names/"))
        equal(fields["Cache-Control"], "no-store")
        check(b"<script" not in body and b"&lt;script&gt;" in body and b"&amp;" in body)
        links = re.findall(rb'href="\./([^"]*)"', body)
        equal(len(links), 4)
        for link in links:
            equal(ask(server, get("/names/" + link.decode()))[0], 200, link)
        status, _, body = ask(server, get("/"))
        equal((status, body), (200, b"index"))


def test_b_keep_alive_and_pipelining(workers):
    with Server(workers=workers) as server, Client(server) as client:
        for _ in range(3):
            client.send(get("/one"))
            equal(client.answer()[2], b"1")
        client.send((get("/one") + get("/middle") + get("/nothing") + get("/one", method="HEAD") + get("/empty")) * 40)
        for _ in range(40):
            equal(client.answer()[2], b"1")
            status, fields = client.head()
            equal((status, client.body(int(fields["Content-Length"]))), (200, DIGESTS["middle"]))
            equal(client.answer()[0], 404)
            equal(client.answer(bare=True)[1]["Content-Length"], "1")
            equal(client.answer()[2], b"")
        client.send(get("/one", "Connection: close") + get("/one"))
        status, fields, _ = client.answer()
        equal((status, fields["Connection"]), (200, "close"))
        client.closed()
    with Server(workers=workers) as server, Client(server) as client:
        client.send(get("/one", "Connection: keep-alive", version="1.0"))
        equal(client.answer()[1]["Connection"], "keep-alive")
        client.send(get("/one", version="1.0"))
        equal(client.answer()[1]["Connection"], "close")
        client.closed()


def test_b_one_byte_at_a_time(workers):
    with Server(workers=workers) as server, Client(server) as client:
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in (get("/one") + get("/empty")).encode():
            client.send(bytes([byte]))
        equal(client.answer()[2], b"1")
        equal(client.answer()[0], 200)


def test_b_unwanted_bodies(workers):
    with Server(workers=workers) as server, Client(server) as client:
        client.send(get("/one", "Content-Length: 5") + "hello" + get("/empty"))
        equal((client.answer()[2], client.answer()[0]), (b"1", 200))
        client.send(get("/one", "Transfer-Encoding: chunked", method="PUT") + "3\r\nabc\r\n0\r\nA: b\r\n\r\n")
        client.send(get("/one"))
        equal((client.answer()[0], client.answer()[2]), (405, b"1"))
        client.send(get("/one", "Expect: 100-continue", "Content-Length: 5"))
        equal(client.answer()[1]["Connection"], "close")
        client.closed()
    for body, request in ((b"x" * 300000, get("/one", "Content-Length: 300000")),
                          (b"zz\r\n", get("/one", "Transfer-Encoding: chunked"))):
        with Server(workers=workers) as server, Client(server) as client:
            client.send(request.encode() + body)
            equal(client.answer()[2], b"1")
            client.closed_orderly()


def test_b_half_close(workers):
    with Server(workers=workers) as server:
        with Client(server) as client:
            client.send(get("/one") + get("/middle"))
            client.socket.shutdown(socket.SHUT_WR)
            equal(client.answer()[2], b"1")
            status, fields = client.head()
            equal((status, client.body(int(fields["Content-Length"]))), (200, DIGESTS["middle"]))
            client.closed()
        with Client(server) as client:
            client.send("GET /one HT")
            client.socket.shutdown(socket.SHUT_WR)
            client.closed()


def test_c_digests(workers):
    with Server(workers=workers) as server, Client(server) as client:
        for name, digest in sorted(DIGESTS.items()):
            client.send(get("/" + name))
            status, fields = client.head()
            equal((status, client.body(int(fields["Content-Length"]))), (200, digest), name)
        # in pieces, put together again
        whole, step = hashlib.sha256(), 30 * 1000 * 1000 + 7
        for first in range(0, BIG_BYTES, step):
            client.send(get("/big", "Range: bytes=%d-%d" % (first, first + step - 1)))
            status, fields = client.head()
            left = int(fields["Content-Length"])
            equal(status, 206)
            while left:
                if not client.rest:
                    check(client.more(), "cut")
                piece, client.rest = client.rest[:left], client.rest[left:]
                whole.update(piece)
                left -= len(piece)
        equal(whole.hexdigest(), DIGESTS["big"])


def open_connections(server):
    return int(re.search(rb'"connections_open": (\d+)', ask(server, get("/.evrt/stats"))[2]).group(1))


def crowd(server, count):
    """Many at once: every third resets midway, the others get their file whole."""
    clients = [Client(server) for _ in range(count)]
    try:
        for client in clients:
            client.send(get("/middle"))
        for i, client in enumerate(clients):
            if i % 3 == 0:
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.socket.close()
        for i, client in enumerate(clients):
            if i % 3:
                status, fields = client.head()
                equal((status, client.body(int(fields["Content-Length"]))), (200, DIGESTS["middle"]))
    finally:
        for client in clients:
            client.socket.close()
    wait_for(lambda: open_connections(server) == 1, "the crowd to be gone")


def test_c_crowd(workers):
    with Server(workers=workers) as server:
        crowd(server, 100)
        fds = server.fds()
        crowd(server, 500)
        rss = server.rss()
        for _ in range(3):
            crowd(server, 500)
        wait_for(lambda: server.fds() <= fds, "descriptors to be closed")
        check(server.rss() < rss + 32 * 1024 * 1024, "memory grew from", rss, "to", server.rss())


def test_d_slow_loris(workers):
    with Server("--head-timeout=1", workers=workers) as server, Client(server) as client:
        client.send("GET / HTTP/1.1\r\n")
        begun = time.monotonic()
        # A byte now and then does not buy more time.
        while not select.select([client.socket], [], [], 0.1)[0]:
            check(time.monotonic() < begun + LIMIT_S, "may be slow for ever")
            client.send("X")
        check(time.monotonic() > begun + 0.8, "gave up too early")
        equal(client.answer()[0], 408)
        client.closed()


def test_d_idle(workers):
    with Server("--idle-timeout=1", workers=workers) as server, Client(server) as client:
        begun = time.monotonic()
        client.send(get("/one"))
        equal(client.answer()[0], 200)
        client.closed()
        check(time.monotonic() > begun + 0.8, "closed too early")


def test_d_stalled_reader(workers):
    with Server("--stall-timeout=1", workers=workers) as server, Client(server, 4096) as client:
        client.send(get("/big"))
        client.head()
        wait_for(lambda: open_connections(server) == 1, "the stalled connection to be cut")


def test_d_connection_limit(workers):
    with Server("--max-connections=2", workers=workers) as server:
        with Client(server) as first, Client(server) as second:
            for client in (first, second):
                client.send(get("/one"))
                equal(client.answer()[0], 200)
            with Client(server) as third:
                equal(third.answer()[0], 503)
                third.closed()
        def is_free():
            with Client(server) as client:
                with contextlib.suppress(OSError, Failure):
                    client.send(get("/one"))
                    return client.answer()[0] == 200
            return False
        wait_for(is_free, "a free place")


def test_e_graceful_stop(workers):
    with Server(workers=workers) as server, Client(server) as idle, Client(server, 65536) as busy:
        idle.send(get("/one"))
        idle.answer()
        busy.send(get("/big") + get("/one"))
        status, fields = busy.head()
        server.process.send_signal(signal.SIGINT)
        idle.closed()
        def is_refused():
            with contextlib.closing(socket.socket()) as probe:
                return probe.connect_ex(("127.0.0.1", server.port)) != 0
        wait_for(is_refused, "new connections to be refused")
        equal((status, busy.body(int(fields["Content-Length"]))), (200, DIGESTS["big"]))
        # What had been asked for before the stop is still answered: once, and for the last time.
        equal(busy.answer()[1]["Connection"], "close")
        busy.closed()
        equal(server.ended(), (0, ""))


def answers_until_close(client):
    """How many whole answers come before the close; a part of one is a failure."""
    count = 0
    while True:
        try:
            if not client.rest and not client.more():
                return count
        except ConnectionResetError:
            # A request that met the close of its idle connection on the way.
            return count
        status, fields = client.head()
        equal((status, client.body(int(fields["Content-Length"]))), (200, DIGESTS["middle"]))
        count += 1


def test_e_stop_under_load(workers):
    with Server(workers=workers) as server, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Client(server)) for _ in range(60)]
        for client in clients:
            client.send(get("/middle") * 30)
        for client in clients[:20]:
            client.head()
            client.body(100 * 1000)
        server.process.send_signal(signal.SIGTERM)
        for client in clients:
            check(answers_until_close(client) <= 30)
            client.socket.close()
        equal(server.ended(), (0, ""))


def test_e_stop_has_a_deadline(workers):
    with Server("--grace=1", workers=workers) as server, Client(server, 4096) as stuck:
        stuck.send(get("/big"))
        stuck.head()
        server.process.send_signal(signal.SIGTERM)
        equal(server.ended(), (0, "evrt serve: stopped with 1 connection cut\n"))
    with Server("--grace=600", workers=workers) as server, Client(server, 4096) as stuck, Client(server) as idle:
        stuck.send(get("/big"))
        stuck.head()
        idle.send(get("/one"))
        idle.answer()
        server.process.send_signal(signal.SIGINT)
        idle.closed()
        begun = time.monotonic()
        def is_ended():
            # Repeated at once a signal changes nothing, repeated after a second it does.
            with contextlib.suppress(ProcessLookupError):
                server.process.send_signal(signal.SIGTERM)
            return server.process.poll() is not None
        wait_for(is_ended, "the end")
        check(time.monotonic() > begun + 0.5, "a repeated signal cut too early")
        equal(server.ended(), (0, "evrt serve: stopped with 1 connection cut\n"))


def test_e_log(workers):
    with Server("-v", workers=workers) as server:
        ask(server, get("/one?\"\\"))
        check(re.fullmatch(r'127\.0\.0\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000\] '
                           r'"GET /one\?\\"\\\\ HTTP/1\.1" 200 1\n', line := server.line()), line)
        ask(server, "nonsense\r\n\r\n")
        check(re.search(r'"-" 400 \d+\n$', line := server.line()), line)


def run_once(*arguments):
    done = subprocess.run([SERVER, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=LIMIT_S,
                          check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_f_address_of_version_6(_):
    with contextlib.closing(socket.socket(socket.AF_INET6)) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            print("no IPv6 loopback here: not tried")
            return
    with subprocess.Popen([SERVER, FOLDER, "--port=0", "--bind=::1", "-v"], stdout=subprocess.PIPE) as process:
        try:
            match = re.search(r"http://\[::1\]:(\d+)/", process.stdout.readline().decode())
            with contextlib.closing(socket.create_connection(("::1", int(match.group(1))), LIMIT_S)) as client:
                client.sendall(get("/one", "Connection: close").encode())
                check(client.makefile("rb").read().endswith(b"\r\n\r\n1"))
            check(process.stdout.readline().startswith(b"::1 - - ["))
        finally:
            process.terminate()
        equal(process.wait(LIMIT_S), 0)


def test_f_command_line(_):
    with contextlib.closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for wanted, word, *arguments in (
                (2, "--nonsense", "--nonsense"), (2, "--port", "--port"), (2, "--port", "--port", "x"),
                (2, "--port", "--port", "65536"), (2, "--port", "--port=-1"), (2, "--workers", "--workers", "0"),
                (2, "--workers", "--workers", "65"), (2, "--bind", "--bind", "nowhere"), (2, "--bind", "--bind"),
                (2, "second", FOLDER, "second"), (1, "--port", FOLDER, "--port", port),
                (1, "--bind", FOLDER, "--port", "0", "--bind", "192.0.2.1"), (1, "DIR", FOLDER + "/nothing"),
                (1, "DIR", FOLDER + "/one")):
            code, out, errors = run_once(*arguments)
            equal((code, out, errors.count("\n")), (wanted, "", 1), arguments, errors)
            check(word in errors, errors)
    code, out, errors = run_once("--help")
    check(code == 0 and "--workers" in out and not errors)


# The folder that is served ------------------------------------------------------------------------------

def write(name, content):
    path = os.path.join(FOLDER, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)


def make_folder(parent):
    with open(parent + "/secret", "wb") as file:
        file.write(b"hidden")
    os.mkdir(parent + "/aside")
    shutil.copy(parent + "/secret", parent + "/aside/secret")
    write("index.html", b"index")
    write("empty", b"")
    write("one", b"1")
    write("middle", bytes(i * 7 % 251 for i in range(100 * 1000)))
    write("page.html", b"<p>page</p>")
    os.utime(FOLDER + "/page.html", (784111777, 784111777))
    for name in ("a&b", "<script>", "c d\"e", "x:y"):
        write("names/" + name, b"n")
    os.mkdir(FOLDER + "/sub")
    os.mkfifo(FOLDER + "/fifo")
    os.symlink("../secret", FOLDER + "/out")
    os.symlink("../aside", FOLDER + "/outdir")
    os.symlink(parent + "/secret", FOLDER + "/absolute")
    os.symlink("..", FOLDER + "/sub/up")
    os.symlink("one", FOLDER + "/inside")
    block = hashlib.sha512(b"seed").digest() * 16384
    with open(FOLDER + "/big", "wb") as file:
        for i in range(BIG_BYTES // len(block)):
            file.write(i.to_bytes(8, "big") + block[8:])
    for name in ("empty", "one", "middle", "big"):
        digest = hashlib.sha256()
        with open(os.path.join(FOLDER, name), "rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
        DIGESTS[name] = digest.hexdigest()


def run(name, function, workers):
    begun = time.monotonic()
    title = "%s/%d" % (name, workers) if workers else name
    try:
        function(workers)
    except (Failure, OSError, ValueError, KeyError) as failure:
        took_ms = (time.monotonic() - begun) * 1000
        print("FAIL %s: %s: %s (%d ms)" % (title, type(failure).__name__, failure, took_ms), flush=True)
        return False
    print("ok %s (%d ms)" % (title, (time.monotonic() - begun) * 1000), flush=True)
    return True


def main(argv):
    global SERVER, FOLDER
    if len(argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    SERVER = os.path.abspath(argv[1])
    tests = [(n, f) for n, f in sorted(globals().items()) if n.startswith("test_")]
    passed = failed = 0
    with tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR")) as parent:
        FOLDER = parent + "/www"
        os.mkdir(FOLDER)
        make_folder(parent)
        for name, function in tests:
            short = name[len("test_"):]
            if len(argv) > 2 and not any(short.startswith(prefix) for prefix in argv[2:]):
                continue
            for workers in (0,) if short.startswith("f_") else (1, 2, 8):
                done = run(short, function, workers)
                passed, failed = passed + done, failed + (not done)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))

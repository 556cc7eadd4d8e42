#!/usr/bin/python3
"""TLS with others: examples/tls-echo and examples/tls-proxy with openssl s_client, curl and OpenSSL's own sockets; a
client on libevent's API with openssl s_server. Usage: tls_test.py TLS-ECHO TLS-PROXY CLIENT [NAME...]; a NAME selects
the tests that begin with it.

Nothing sleeps to let things happen: what takes time is waited for, with a limit."""
import contextlib
import os
import re
import select
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

LIMIT_S = 60
MEGABYTE = 1 << 20
ECHO = PROXY = CLIENT = FOLDER = ""


class Failure(Exception):
    pass


def check(condition, *what):
    if not condition:
        raise Failure(" ".join(str(w) for w in what) or "check failed")


def openssl(*args, **kwargs):
    return subprocess.run(["openssl", *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=LIMIT_S, **kwargs)


def path(name):
    return os.path.join(FOLDER, name)


def certificate_make():
    made = openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                   "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                   "-keyout", path("key.pem"), "-out", path("chain.pem"))
    check(made.returncode == 0, made.stderr)


@contextlib.contextmanager
def running(*command, port_of):
    """A program that says on which port it listens; ends by SIGTERM."""
    process = subprocess.Popen(command, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL)
    try:
        match = None
        while not match:
            ready, _, _ = select.select([process.stdout], [], [], LIMIT_S)
            check(ready, command[0], "does not say its port")
            line = process.stdout.readline().decode()
            check(line, command[0], "ended")
            match = re.search(port_of, line)
        process.port = int(match.group(1))
        yield process
        check(process.poll() is None, command[0], "ended with", process.poll())
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(LIMIT_S)
        process.stdin.close()
        process.stdout.close()


def echo(*files):
    return running(ECHO, "0", *files, port_of=r"^tls-echo listens on 127\.0\.0\.1:(\d+)$")


def proxy(port, *files):
    return running(PROXY, "0", "127.0.0.1:%d" % port, *files, port_of=r"^tls-proxy listens on 127\.0\.0\.1:(\d+)$")


def context():
    return ssl.create_default_context(cafile=path("chain.pem"))


def connect(port):
    plain = socket.create_connection(("127.0.0.1", port), LIMIT_S)
    return context().wrap_socket(plain, server_hostname="localhost")


def receive(conn, n):
    parts = []
    while n > 0:
        part = conn.recv(min(n, 65536))
        check(part, "the end,", n, "bytes too early")
        parts.append(part)
        n -= len(part)
    return b"".join(parts)


def files():
    return path("chain.pem"), path("key.pem")


def s_client(port, *args, data=b""):
    """Sends the data, waits until as much has come back, and ends."""
    command = ["openssl", "s_client", "-quiet", "-no_ign_eof", "-connect", "127.0.0.1:%d" % port, "-CAfile",
               path("chain.pem"), "-verify_return_error", *args]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as client:
        def feed():
            with contextlib.suppress(BrokenPipeError):
                client.stdin.write(data)
                client.stdin.flush()
        feeder = threading.Thread(target=feed)
        feeder.start()
        got = client.stdout.read(len(data)) if data else b""
        feeder.join(LIMIT_S)
        with contextlib.suppress(BrokenPipeError):
            client.stdin.close()
        errors = client.stderr.read()
        return client.wait(LIMIT_S), got, errors


# tls-echo -----------------------------------------------------------------------------------------------

def test_echo_with_openssl_s_client():
    # Lines, for s_client takes some letters at the start of a line for commands otherwise.
    data = b"".join(b"%08d of what is sent comes back\n" % i for i in range(10000))
    with echo(*files()) as server:
        for version in "-tls1_2", "-tls1_3":
            status, got, errors = s_client(server.port, version, data=data)
            check(status == 0 and got == data, version, status, len(got), errors)


def test_echo_refuses_old_versions():
    with echo(*files()) as server:
        status, _, errors = s_client(server.port, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
        check(status != 0 and b"alert protocol version" in errors, status, errors)
        check(s_client(server.port, data=b"still here\n")[1] == b"still here\n")


def test_echo_resumes_sessions():
    with echo(*files()) as server:
        for version in "-tls1_2", "-tls1_3":
            session = path("session" + version)
            where = ["s_client", version, "-connect", "127.0.0.1:%d" % server.port, "-CAfile", path("chain.pem")]
            first = openssl(*where, "-sess_out", session, input=b"Q\n")
            if version == "-tls1_3":  # the ticket comes with what comes first
                status, got, errors = s_client(server.port, version, "-sess_out", session, data=b"x\n")
                check(got == b"x\n", status, errors)
            check(b"New, TLSv1" in first.stdout, first.stdout)
            again = openssl(*where, "-sess_in", session, input=b"Q\n")
            check(b"Reused, TLSv1" in again.stdout, version, again.stdout, again.stderr)


def test_echo_makes_a_certificate():
    with echo() as server:
        plain = socket.create_connection(("127.0.0.1", server.port), LIMIT_S)
        trusting = ssl._create_unverified_context()
        with trusting.wrap_socket(plain) as conn:
            conn.sendall(b"anybody")
            check(receive(conn, 7) == b"anybody")


def test_echo_answers_close_notify():
    with echo(*files()) as server, connect(server.port) as conn:
        conn.sendall(b"y" * 300000)
        check(receive(conn, 300000) == b"y" * 300000)
        conn.unwrap()  # sends ours, and fails unless the peer's comes


def test_echo_many_at_once():
    with echo(*files()) as server, contextlib.ExitStack() as stack:
        conns = [stack.enter_context(connect(server.port)) for _ in range(50)]
        for i, conn in enumerate(conns):
            conn.sendall(bytes([i]) * 20000)
        for i, conn in enumerate(conns):
            check(receive(conn, 20000) == bytes([i]) * 20000, i)


def push(conn, limit):
    """Sends until nothing goes any more for half a second; how much went."""
    conn.settimeout(0.5)
    sent = 0
    piece = b"z" * 65536
    with contextlib.suppress(socket.timeout, ssl.SSLWantWriteError):
        while sent < limit:
            sent += conn.send(piece)
    conn.settimeout(LIMIT_S)
    return sent


def test_echo_holds_little_for_who_does_not_read():
    with echo(*files()) as server, connect(server.port) as conn:
        sent = push(conn, 200 * MEGABYTE)
        check(sent < 100 * MEGABYTE, sent)
        check(resident_mb(server) < 100, resident_mb(server))


def test_echo_survives_plain_text():
    with echo(*files()) as server:
        with socket.create_connection(("127.0.0.1", server.port), LIMIT_S) as plain:
            plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
            with contextlib.suppress(ConnectionResetError):
                while plain.recv(1000):
                    pass
        check(s_client(server.port, data=b"still here\n")[1] == b"still here\n")


# tls-proxy ----------------------------------------------------------------------------------------------

def resident_mb(process):
    with open("/proc/%d/status" % process.pid) as status:
        return int(re.search(r"VmRSS:\s+(\d+) kB", status.read()).group(1)) // 1024


@contextlib.contextmanager
def target(serve):
    """A plain server whose connections are given to serve(conn), in threads."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept():
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def http_answer(body):
    def serve(conn):
        with conn:
            head = b""
            while b"\r\n\r\n" not in head:
                head += conn.recv(4096)
            conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
    return serve


def test_proxy_with_curl():
    body = os.urandom(20 * MEGABYTE)
    with target(http_answer(body)) as port, proxy(port, *files()) as server:
        for version in ["--tls-max", "1.2"], ["--tlsv1.3"]:
            got = subprocess.run(["curl", "-sS", "--cacert", path("chain.pem"), *version,
                                  "https://localhost:%d/" % server.port, "--resolve",
                                  "localhost:%d:127.0.0.1" % server.port], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, timeout=LIMIT_S)
            check(got.returncode == 0, got.stderr)
            check(got.stdout == body, "another body of", len(got.stdout))


def test_proxy_passes_ends_on():
    """The client's end reaches the target while the way back stays open, and the other way round."""
    heard = []

    def serve(conn):
        with conn:
            data = b""
            while part := conn.recv(65536):
                data += part
            heard.append(data)
            conn.sendall(b"heard %d" % len(data))

    with target(serve) as port, proxy(port, *files()) as server:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = context().wrap_bio(incoming, outgoing, server_hostname="localhost")
        with socket.create_connection(("127.0.0.1", server.port), LIMIT_S) as conn:
            def step(action):
                while True:
                    try:
                        return action()
                    except ssl.SSLWantReadError:
                        conn.sendall(outgoing.read())
                        part = conn.recv(65536)
                        incoming.write(part) if part else incoming.write_eof()
            step(session.do_handshake)
            session.write(b"z" * 100000)
            with contextlib.suppress(ssl.SSLWantReadError):
                session.unwrap()  # close_notify; the peer's is yet to come
            conn.sendall(outgoing.read())
            answer = b""
            with contextlib.suppress(ssl.SSLZeroReturnError):
                while part := step(lambda: session.read(65536)):
                    answer += part
            check(answer == b"heard 100000", answer)
        check(heard == [b"z" * 100000], "the target heard", [len(h) for h in heard])


def test_proxy_holds_little_for_a_slow_reader():
    sent = [0]
    total = 64 * MEGABYTE

    def serve(conn):
        with conn:
            while sent[0] < total:
                sent[0] += conn.send(b"z" * 65536)

    with target(serve) as port, proxy(port, *files()) as server, connect(server.port) as conn:
        check(receive(conn, 1) == b"z")
        last, still = -1, 0
        while still < 50:  # half a second without progress
            still = still + 1 if sent[0] == last else 0
            last = sent[0]
            select.select([], [], [], 0.01)
        check(last < total / 2, "a client that does not read was sent", last)
        check(resident_mb(server) < 100, resident_mb(server))
        check(receive(conn, total - 1) == b"z" * (total - 1))


def test_proxy_without_a_target():
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    with proxy(port, *files()) as server:
        with contextlib.suppress(ssl.SSLError, OSError), connect(server.port) as conn:
            check(conn.recv(1) == b"")


# A client with openssl s_server ----------------------------------------------------------------------------

def s_server(*args):
    return running("openssl", "s_server", "-www", "-accept", "127.0.0.1:0", "-cert", path("chain.pem"), "-key",
                   path("key.pem"), *args, port_of=r"^ACCEPT 127\.0\.0\.1:(\d+)")


def client(port, data=b"GET / HTTP/1.0\r\n\r\n", ca="chain.pem"):
    return subprocess.run([CLIENT, str(port), path(ca)], input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=LIMIT_S)


def test_client_with_openssl_s_server():
    for option, name in ("-tls1_2", b"TLSv1.2"), ("-tls1_3", b"TLSv1.3"):
        with s_server(option) as server:
            got = client(server.port)
            check(got.stderr.startswith(name + b"\n"), got.stderr)
            check(b"HTTP/1.0 200 ok" in got.stdout and b"</HTML>" in got.stdout.upper(), got.stdout, got.stderr)


def test_client_does_not_trust_just_anybody():
    other = openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                    "/CN=other", "-keyout", path("other.key"), "-out", path("other.pem"))
    check(other.returncode == 0, other.stderr)
    with s_server() as server:
        got = client(server.port, ca="other.pem")
        check(got.returncode == 1 and b"certificate verify failed" in got.stderr, got.returncode, got.stderr)


# ------------------------------------------------------------------------------------------------------------

def main(argv):
    global ECHO, PROXY, CLIENT, FOLDER
    ECHO, PROXY, CLIENT = argv[1:4]
    # What the address sanitizer keeps of freed memory is not the server's.
    quarantine = "quarantine_size_mb=4:thread_local_quarantine_size_kb=64"
    os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":" + quarantine
    tests = [(name[5:], test) for name, test in globals().items() if name.startswith("test_")]
    passed = failed = 0
    with tempfile.TemporaryDirectory() as FOLDER:
        certificate_make()
        for name, test in tests:
            if argv[4:] and not any(name.startswith(wanted) for wanted in argv[4:]):
                continue
            start = time.monotonic()
            try:
                test()
                passed += 1
                print("ok %s (%d ms)" % (name, 1000 * (time.monotonic() - start)), flush=True)
            except Exception as error:  # whatever it is, the next test starts clean
                failed += 1
                print("FAIL %s: %s: %s" % (name, type(error).__name__, error), flush=True)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed or not passed else 0


sys.exit(main(sys.argv))

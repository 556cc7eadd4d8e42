"""The examples of this folder, for the tests that run them (testing/system/examples)."""

# Sources; each is a program of its own.
EVENT_EXAMPLES = [
    "cross-thread.c",
    "dump.c",
    "embedded-event.c",
    "end-a-loop.c",
    "finalize.c",
    "fork.c",
    "hello-timer.c",
    "interval.c",
    "many-timeouts.c",
    "memory-and-log.c",
    "methods.c",
    "once.c",
    "priorities.c",
    "read-timeout.c",
    "resolve.c",
    "signals.c",
    "stopwatch.c",
]

# Those that show what libevent does not have.
EVRT_EXAMPLES = [
    "strand.c",
]

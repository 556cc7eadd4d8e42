/* testing/contract/backend/wires_fake.c — wires that are entries in the fake poller's script. */
#include "testing/contract/backend/suite.h"

#include "testing/fake/fake_backend.h"

static struct evrt_clock *fake_clock;
static int fake_next_fd;

static void
fake_setup(void)
{
	fake_clock = evrt__clock_fake_new(EVRT_NS_PER_SEC);
	CHECK(fake_clock != NULL);
	evrt__fake_reset(fake_clock);
	fake_next_fd = 3;
}

static void
fake_teardown(void)
{
	evrt__fake_reset(NULL);
	evrt__clock_fake_free(fake_clock);
}

static void
fake_open(struct wire *w)
{
	*w = (struct wire){fake_next_fd++, -1};
	evrt__fake_ready(w->fd, EVRT_WRITE);
}

static void
fake_open_broken(struct wire *w)
{
	fake_open(w);
	evrt__fake_ready(w->fd, EVRT_HUP);
}

static void
fake_feed(struct wire *w)
{
	evrt__fake_ready(w->fd, EVRT_READ);
}

static void
fake_drain(struct wire *w)
{
	evrt__fake_unready(w->fd, EVRT_READ);
}

static void
fake_fill(struct wire *w)
{
	evrt__fake_unready(w->fd, EVRT_WRITE);
}

static void
fake_half_close(struct wire *w)
{
	evrt__fake_ready(w->fd, EVRT_READ | EVRT_CLOSED);
}

static void
fake_hang_up(struct wire *w)
{
	evrt__fake_ready(w->fd, EVRT_READ | EVRT_CLOSED | EVRT_HUP);
}

static void
fake_close_fd(struct wire *w)
{
	evrt__fake_close(w->fd);
}

static void
fake_reopen_fd(struct wire *w)
{
	evrt__fake_reopen(w->fd);
	evrt__fake_ready(w->fd, EVRT_WRITE);
}

static void
fake_close(struct wire *w)
{
	evrt__fake_close(w->fd);
}

static evrt_ns
fake_now(void)
{
	return evrt__clock_now(fake_clock);
}

const struct wire_ops suite_wires_fake = {
	.setup = fake_setup,
	.teardown = fake_teardown,
	.open = fake_open,
	.open_light = fake_open,
	.open_broken = fake_open_broken,
	.open_orphan = fake_open_broken,
	.feed = fake_feed,
	.drain = fake_drain,
	.fill = fake_fill,
	.half_close = fake_half_close,
	.hang_up = fake_hang_up,
	.close_fd = fake_close_fd,
	.reopen_fd = fake_reopen_fd,
	.close = fake_close,
	.now = fake_now,
};

/* testing/model/scale/kernel.c — see kernel.h.
 *
 * Sets, as epoll's (Linux 6): descriptors with something to report are in a list, in order of arrival; a mutex is held
 * while reports are taken, or registrations changed. Each arrival wakes one of those who wait, the last that
 * came, and takes him out of the waiting. Who has taken reports and left some behind wakes another one. What is
 * reported by level goes back to the list's end, and falls out of it when somebody finds nothing there.
 */
#include "testing/model/scale/kernel.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>

#include "base/assert.h"
#include "base/sys.h"
#include "testing/model/scale/machine.h"

#define FIRST_FD 3 /* numbers of the host's own are of no use here, but 0..2 look wrong */
#define FILES_MAX (1u << 17)
#define WAITERS_MAX 64u
#define NONE (-1)

enum kind { KIND_FREE, KIND_EVENTFD, KIND_TIMERFD, KIND_SOCKET };

struct set;

struct file {
	enum kind kind;
	uint64_t count;         /* of an eventfd, a timerfd's expiries; messages in a socket */
	uint64_t settings;      /* +1 for each timerfd_settime: tells an old one's expiry */
	int first, last;        /* messages: indices into `messages` */
	/* Its registration, in one set at a time. */
	struct set *set;
	uint32_t generation;
	unsigned mask;
	bool listed;
	int next;               /* in the set's list */
};

struct set {
	int first, last;        /* fds that may have something to report */
	struct sim_thread *waiting[WAITERS_MAX];
	unsigned waiting_count; /* the last is awakened first */
	struct sim_resource mutex, spin;
};

static struct file *files;
static unsigned files_count;
static int *message_next; /* by message */
static unsigned message_room;
static uint64_t eventfd_writes;

static int
file_new(enum kind kind)
{
	unsigned fd = FIRST_FD;

	while (fd < files_count && files[fd].kind != KIND_FREE)
		fd++;
	if (fd >= files_count) {
		if (files_count == FILES_MAX)
			return -1;
		files_count = fd + 1;
	}
	files[fd] = (struct file){ .kind = kind, .first = NONE, .next = NONE };
	return (int)fd;
}

/* Something may have come for `fd`, or only that: there is somebody to look. */
static void
set_notice(int fd)
{
	struct file *f = &files[fd];
	struct set *s = f->set;

	if (!s || !f->mask)
		return;
	sim_use(&s->spin, sim_costs()->event_ns);
	if (!f->listed) {
		f->listed = true;
		f->next = NONE;
		*(s->first == NONE ? &s->first : &files[s->last].next) = fd;
		s->last = fd;
	}
	if (s->waiting_count)
		sim_wake(s->waiting[--s->waiting_count]);
}

static int
set_pop(struct set *s)
{
	int fd = s->first;

	s->first = files[fd].next;
	files[fd].listed = false;
	return fd;
}

static void
file_close(int fd)
{
	struct file *f = &files[fd];
	struct set *s = f->set;

	if (s && f->listed) {
		int first = s->first;
		s->first = NONE;
		for (int at = first, next; at != NONE; at = next) {
			next = files[at].next;
			if (at == fd)
				continue;
			files[at].next = NONE;
			*(s->first == NONE ? &s->first : &files[s->last].next) = at;
			s->last = at;
		}
	}
	f->kind = KIND_FREE;
}

/* ---- The poller. */

static int
set_open(void **out)
{
	struct set *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->first = NONE;
	sim_resource_init(&s->mutex, "set's mutex");
	sim_resource_init(&s->spin, "set's spin lock");
	*out = s;
	return 0;
}

static void
set_close(void *state)
{
	for (unsigned fd = FIRST_FD; fd < files_count; fd++)
		if (files[fd].set == state)
			files[fd].set = NULL;
	free(state);
}

static int
set_change(void *state, int fd, uint32_t generation, unsigned old_mask, unsigned new_mask)
{
	struct set *s = state;
	struct file *f = &files[fd];

	(void)old_mask;
	sim_compute(sim_costs()->change_ns - sim_costs()->change_hold_ns);
	sim_use(&s->mutex, sim_costs()->change_hold_ns);
	f->set = s;
	f->generation = generation;
	f->mask = new_mask;
	if (f->count)
		set_notice(fd);
	return 0;
}

/* Takes what there is, up to `cap`. */
static int
set_harvest(struct set *s, struct evrt_ready *out, int cap)
{
	int n = 0, levels = NONE;

	while (n < cap && s->first != NONE) {
		int fd = set_pop(s);
		struct file *f = &files[fd];
		if (f->set != s || !f->mask || !f->count)
			continue;
		out[n++] = (struct evrt_ready){ .fd = fd, .generation = f->generation, .mask = EVRT_READ };
		if (!(f->mask & EVRT_EDGE)) {
			f->next = levels;
			levels = fd;
		}
	}
	for (int next; levels != NONE; levels = next) {
		next = files[levels].next;
		files[levels].listed = true;
		files[levels].next = NONE;
		*(s->first == NONE ? &s->first : &files[s->last].next) = levels;
		s->last = levels;
	}
	return n;
}

static void
set_stop_waiting(struct set *s, const struct sim_thread *t)
{
	for (unsigned i = 0; i < s->waiting_count; i++)
		if (s->waiting[i] == t) {
			s->waiting_count--;
			memmove(&s->waiting[i], &s->waiting[i + 1], (s->waiting_count - i) * sizeof(s->waiting[0]));
			return;
		}
}

static int
set_wait(void *state, evrt_ns timeout_ns, struct evrt_ready *out, int cap)
{
	struct set *s = state;
	evrt_ns deadline = timeout_ns < 0 ? EVRT_NS_NEVER : evrt__ns_add(sim_now(), timeout_ns);

	sim_compute(sim_costs()->wait_ns);
	for (;;) {
		sim_sync();
		if (s->first != NONE) {
			sim_use(&s->mutex, sim_costs()->harvest_ns);
			int n = set_harvest(s, out, cap);
			if (s->first != NONE && s->waiting_count)
				sim_wake(s->waiting[--s->waiting_count]);
			if (n > 0) {
				sim_use(&s->mutex, n * sim_costs()->report_ns);
				return n;
			}
			continue;
		}
		if (timeout_ns == 0 || sim_now() >= deadline)
			return 0;
		EVRT_ASSERT(s->waiting_count < WAITERS_MAX);
		s->waiting[s->waiting_count++] = sim_self();
		if (!sim_block(deadline))
			set_stop_waiting(s, sim_self());
	}
}

static int
set_descriptor(void *state)
{
	(void)state;
	EVRT_ASSERT(!"sets inside of sets are not simulated: no pinned base is used");
	return NONE;
}

const struct evrt_backend_ops sim_backend = {
	.name = "simulated",
	.features = EVRT_BF_ET | EVRT_BF_O1 | EVRT_BF_CONCURRENT | EVRT_BF_SHARED,
	.open = set_open,
	.close = set_close,
	.set = set_change,
	.wait = set_wait,
	.descriptor = set_descriptor,
};

/* ---- System calls. */

static int
sys_eventfd(unsigned count, int flags)
{
	(void)count;
	(void)flags;
	return file_new(KIND_EVENTFD);
}

static ssize_t
sys_write(int fd, const void *bytes, size_t n)
{
	EVRT_ASSERT(files[fd].kind == KIND_EVENTFD);
	(void)bytes;
	eventfd_writes++;
	sim_compute(sim_costs()->eventfd_ns);
	sim_sync();
	files[fd].count++;
	set_notice(fd);
	return (ssize_t)n;
}

static ssize_t
sys_read(int fd, void *bytes, size_t n)
{
	EVRT_ASSERT(files[fd].kind == KIND_EVENTFD);
	sim_compute(sim_costs()->eventfd_ns);
	sim_sync();
	if (!files[fd].count) {
		errno = EAGAIN;
		return -1;
	}
	memcpy(bytes, &files[fd].count, sizeof(files[fd].count));
	files[fd].count = 0;
	return (ssize_t)n;
}

static int
sys_close(int fd)
{
	file_close(fd);
	return 0;
}

static int
sys_timerfd_create(int clock, int flags)
{
	(void)clock;
	(void)flags;
	return file_new(KIND_TIMERFD);
}

static void
timerfd_expires(void *arg, uint64_t settings)
{
	struct file *f = arg;

	if (f->kind != KIND_TIMERFD || f->settings != settings)
		return;
	f->count++;
	set_notice((int)(f - files));
}

static int
sys_timerfd_settime(int fd, int flags, const struct itimerspec *when, struct itimerspec *old)
{
	struct file *f = &files[fd];
	evrt_ns at = when->it_value.tv_sec * EVRT_NS_PER_SEC + when->it_value.tv_nsec;

	(void)flags;
	(void)old;
	sim_compute(sim_costs()->timerfd_ns);
	sim_sync();
	f->settings++;
	f->count = 0;
	if (at)
		sim_at(at > sim_now() ? at : sim_now(), timerfd_expires, f, f->settings);
	return 0;
}

/* ---- Sockets. */

int
sim_socket_open(void)
{
	return file_new(KIND_SOCKET);
}

void
sim_socket_close(int fd)
{
	file_close(fd);
}

void
sim_socket_send(int fd, int message)
{
	struct file *f = &files[fd];

	while ((unsigned)message >= message_room) {
		message_room = message_room ? 2 * message_room : 1024;
		message_next = realloc(message_next, message_room * sizeof(*message_next));
		EVRT_ASSERT(message_next);
	}
	message_next[message] = NONE;
	*(f->first == NONE ? &f->first : &message_next[f->last]) = message;
	f->last = message;
	f->count++;
	set_notice(fd);
}

int
sim_socket_read(int fd)
{
	struct file *f = &files[fd];

	sim_compute(sim_costs()->read_ns);
	sim_sync();
	int message = f->first;
	if (message != NONE) {
		f->first = message_next[message];
		f->count--;
	}
	return message;
}

uint64_t
sim_kernel_eventfd_writes(void)
{
	return eventfd_writes;
}

void
sim_kernel_begin(void)
{
	files = calloc(FILES_MAX, sizeof(*files));
	EVRT_ASSERT(files);
	files_count = FIRST_FD;
	eventfd_writes = 0;
	evrt__sys.eventfd = sys_eventfd;
	evrt__sys.read = sys_read;
	evrt__sys.write = sys_write;
	evrt__sys.close = sys_close;
	evrt__sys.timerfd_create = sys_timerfd_create;
	evrt__sys.timerfd_settime = sys_timerfd_settime;
}

void
sim_kernel_end(void)
{
	free(files);
	free(message_next);
	files = NULL;
	message_next = NULL;
	message_room = 0;
}

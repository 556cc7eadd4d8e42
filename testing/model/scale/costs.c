/* testing/model/scale/costs.c — see costs.h.
 *
 * What says "calibrate" is printed by testing/model/scale:calibrate; medians of what it printed, rounded. "fitted"
 * stands for what a benchmark of the whole has left over.
 */
#include "testing/model/scale/costs.h"

const double scale_points[SCALE_POINTS] = { 0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1 };

/* A step of a worker that finds nothing takes some time all the same: else it could look round for ever at once. */
const struct scale_costs scale_costs_none = { .wait_ns = 200, .clock_ns = 20 };

/* 2 virtual processors (AMD EPYC, nested), Linux 6.18, 2026-11-26, others at work beside (real-time priority). Delays
 * are cut at their 99.9th percentile: what is beyond is the machine's host, and other programs. */
const struct scale_costs scale_costs_virtual = {
	.wait_ns = 180,         /* calibrate: epoll_wait, nothing there */
	.harvest_ns = 200,      /* calibrate: epoll_wait, one report, less the above: 360, parted */
	.report_ns = 160,
	.change_ns = 500,       /* calibrate: epoll_ctl, MOD */
	.change_hold_ns = 300,  /* less entry and exit of a call (180) */
	.event_ns = 50,         /* assumed: a list insertion under a spin lock */
	.eventfd_ns = 350,      /* calibrate */
	.timerfd_ns = 850,      /* calibrate */
	.wake_ns = 15500,       /* calibrate: a write that wakes, less one that does not */
	.futex_ns = 600,        /* assumed: a call, and a queue */
	.read_ns = 1200,        /* calibrate: a write and read of a socket, parted */
	.write_ns = 1700,
	.block_ns = 6000,       /* with rouse_ns and sleep_ns: calibrate, CPU of a sleep, less what other programs' use of
	                         * the caches costs: fitted to the CPU per request of the benchmark skew */
	.switch_ns = 2500,      /* an eventfd ping-pong on one processor, one way */
	.rouse_ns = 18000,
	.sleep_ns = 2000,
	.clock_ns = 28,         /* calibrate */
	.lock_ns = 9,           /* calibrate: a mutex */
	.run_ns = 1000,         /* fitted: CPU per request of the benchmark skew, less all else */
	.line_ns = 100,         /* calibrate: a line goes over; from 30 to 110, by where the host puts the processors */
	/* calibrate: stalls. */
	.stall_every_ns = 3e6,
	.stall = { { 10000, 25000, 32000, 41000, 48000, 56000, 70000, 400000, 550000, 550000 } },
	/* calibrate: until the other one is there, less rouse_ns. */
	.wake = { { 1000, 8700, 14700, 21900, 29900, 43900, 67700, 124000, 373000, 373000 } },
	/* calibrate: a sleep is longer by, less rouse_ns; and 11 us more, for with 8 sleepers the "ideal" of the
	 * benchmark skew finds that much more. */
	.overshoot = { { 15000, 21300, 27200, 33900, 41900, 54400, 70200, 133000, 332000, 332000 } },
	/* calibrate: a sleep is longer by. */
	.late = { { 15000, 28300, 34200, 40900, 48900, 61400, 77200, 140000, 339000, 339000 } },
	/* calibrate: until the other one is there, less the write. */
	.answer = { { 1000, 13500, 19500, 26700, 34700, 48700, 72500, 129000, 378000, 378000 } },
};

const struct scale_costs scale_costs_metal = {
	.wait_ns = 150,
	.harvest_ns = 150,
	.report_ns = 50,
	.change_ns = 250,
	.change_hold_ns = 150,
	.event_ns = 50,
	.eventfd_ns = 250,
	.timerfd_ns = 300,
	.wake_ns = 1000,
	.futex_ns = 300,
	.read_ns = 400,
	.write_ns = 1000,
	.block_ns = 500,
	.switch_ns = 1000,
	.rouse_ns = 1500,
	.sleep_ns = 500,
	.clock_ns = 20,
	.lock_ns = 15,
	.run_ns = 300,
	.line_ns = 100, /* between cores of a socket; between sockets up to three times as much */
	.wake = { { 1000, 1500, 2000, 2500, 3000, 4000, 5000, 8000, 20000, 20000 } },
};

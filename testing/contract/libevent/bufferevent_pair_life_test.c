/* testing/contract/libevent/bufferevent_pair_life_test.c — pairs: flushing, timeouts, options and the end.
 *
 * Built against evrt and against Debian's libevent from this one source: a case that fails in either build is
 * wrong, or a difference that docs/COMPAT.md must list. Public headers only.
 */
#include "testing/contract/libevent/bufferevent_kinds.h"

/* --- flush: 5 bytes wait in one end, 3 in the other; neither reads ------------------------- */

static void
flush(short iotype, enum bufferevent_flush_mode mode, size_t in_a, size_t in_b, const char *words)
{
	open_pair(0);
	put(a, "hello");
	put(b, "abc");
	CHECK_INT_EQ(bufferevent_flush(a, iotype, mode), 0);
	CHECK_INT_EQ(in(a), in_a);
	CHECK_INT_EQ(out(b), 3 - in_a);
	CHECK_INT_EQ(in(b), in_b);
	CHECK_INT_EQ(out(a), 5 - in_b);
	CHECK_SAID("");
	turn();
	CHECK_SAID(words);
	close_all();
}

static void normal_of_nothing(void) { flush(0, BEV_NORMAL, 0, 0, ""); }
static void normal_of_reading(void) { flush(EV_READ, BEV_NORMAL, 0, 0, ""); }
static void normal_of_writing(void) { flush(EV_WRITE, BEV_NORMAL, 0, 0, ""); }
static void normal_of_both(void) { flush(EV_READ | EV_WRITE, BEV_NORMAL, 0, 0, ""); }
static void flush_of_nothing(void) { flush(0, BEV_FLUSH, 0, 0, ""); }
static void flush_of_reading(void) { flush(EV_READ, BEV_FLUSH, 3, 0, "Ar3 Bw0"); }
static void flush_of_writing(void) { flush(EV_WRITE, BEV_FLUSH, 0, 5, "Br5 Aw0"); }
static void flush_of_both(void) { flush(EV_READ | EV_WRITE, BEV_FLUSH, 3, 5, "Ar3 Aw0 Br5 Bw0"); }
static void finish_of_nothing(void) { flush(0, BEV_FINISHED, 0, 0, "Be10"); }
static void finish_of_reading(void) { flush(EV_READ, BEV_FINISHED, 3, 0, "Ar3 Bw0 Be12"); }
static void finish_of_writing(void) { flush(EV_WRITE, BEV_FINISHED, 0, 5, "Br5 Be11 Aw0"); }
static void finish_of_both(void) { flush(EV_READ | EV_WRITE, BEV_FINISHED, 3, 5, "Ar3 Aw0 Br5 Bw0 Be13"); }

static void
a_flush_of_empty_buffers_is_told_as_well(void)
{
	open_pair(0);
	CHECK_INT_EQ(bufferevent_flush(a, EV_READ | EV_WRITE, BEV_FINISHED), 0);
	turn();
	CHECK_SAID("Ar0 Aw0 Br0 Bw0 Be13");
	close_all();
}

static void
a_flush_ignores_what_is_disabled(void)
{
	open_pair(0);
	bufferevent_disable(a, EV_WRITE);
	put(a, "hello");
	CHECK_INT_EQ(bufferevent_flush(a, EV_WRITE, BEV_FLUSH), 0);
	turn();
	CHECK_SAID("Br5 Aw0");
	close_all();
}

static void
a_flush_into_full_input_moves_all(void)
{
	open_pair(0);
	bufferevent_setcb(b, NULL, NULL, NULL, NULL);
	bufferevent_setwatermark(b, EV_READ, 0, 4);
	bufferevent_enable(b, EV_READ);
	put(a, "0123456789");
	CHECK_INT_EQ(in(b), 4);
	CHECK_INT_EQ(bufferevent_flush(a, EV_WRITE, BEV_FLUSH), 0);
	CHECK_INT_EQ(in(b), 10);
	close_all();
}

static void
a_flush_keeps_the_low_mark(void)
{
	open_pair(0);
	bufferevent_setwatermark(b, EV_READ, 9, 0);
	put(a, "hello");
	CHECK_INT_EQ(bufferevent_flush(a, EV_WRITE, BEV_FLUSH), 0);
	turn();
	CHECK_SAID("Aw0");
	close_all();
}

static void
the_end_is_told_and_changes_nothing(void)
{
	open_pair(0);
	bufferevent_enable(b, EV_READ);
	put(a, "hello");
	CHECK_INT_EQ(bufferevent_flush(a, EV_WRITE, BEV_FINISHED), 0);
	turn();
	CHECK_SAID("Br5 Be11 Aw0");
	CHECK_INT_EQ(bufferevent_get_enabled(b), EV_READ | EV_WRITE);
	put(a, "x");
	turn();
	CHECK_SAID("Br6 Aw0");
	close_all();
}

static void
a_flush_without_a_partner_fails(void)
{
	open_pair(0);
	bufferevent_free(b);
	b = NULL;
	put(a, "hello");
	CHECK_INT_EQ(bufferevent_flush(a, EV_WRITE, BEV_FLUSH), -1);
	CHECK_INT_EQ(bufferevent_flush(a, EV_READ, BEV_FINISHED), -1);
	turn();
	CHECK_SAID("");
	close_all();
}

/* --- timeouts ----------------------------------------------------------------------------- */

static void
wait_for_event(void)
{
	for (int i = 0; i < 100 && !trace[0]; i++)
		event_base_loop(base, EVLOOP_ONCE);
}

static void
nothing_to_read_times_out(void)
{
	struct timeval tv = ms(20);

	open_pair(0);
	CHECK_INT_EQ(bufferevent_set_timeouts(a, &tv, &tv), 0);
	bufferevent_enable(a, EV_READ);
	CHECK_INT_EQ(event_pending(&a->ev_read, EV_TIMEOUT, NULL), EV_TIMEOUT);
	CHECK_INT_EQ(event_pending(&a->ev_write, EV_TIMEOUT, NULL), 0);
	wait_for_event();
	CHECK_SAID("Ae41");
	CHECK_INT_EQ(bufferevent_get_enabled(a), EV_WRITE);
	turn();
	CHECK_INT_EQ(event_pending(&a->ev_read, EV_TIMEOUT, NULL), 0);
	close_all();
}

static void
output_that_waits_times_out(void)
{
	struct timeval tv = ms(20);

	open_pair(0);
	put(a, "x");
	CHECK_INT_EQ(bufferevent_set_timeouts(a, NULL, &tv), 0);
	CHECK_INT_EQ(event_pending(&a->ev_write, EV_TIMEOUT, NULL), EV_TIMEOUT);
	wait_for_event();
	CHECK_SAID("Ae42");
	CHECK_INT_EQ(bufferevent_get_enabled(a), 0);
	/* It stays, until writing is enabled again. */
	bufferevent_enable(b, EV_READ);
	CHECK_INT_EQ(out(a), 1);
	bufferevent_enable(a, EV_WRITE);
	CHECK_INT_EQ(in(b), 1);
	close_all();
}

static void
a_timeout_that_is_set_late_counts_from_then(void)
{
	struct timeval tv = ms(20);

	open_pair(0);
	bufferevent_enable(a, EV_READ);
	CHECK_INT_EQ(bufferevent_set_timeouts(a, &tv, NULL), 0);
	wait_for_event();
	CHECK_SAID("Ae41");
	close_all();
}

static void
disabling_ends_the_time(void)
{
	struct timeval tv = ms(20);

	open_pair(0);
	put(a, "x");
	bufferevent_set_timeouts(a, &tv, &tv);
	bufferevent_enable(a, EV_READ);
	bufferevent_disable(a, EV_READ | EV_WRITE);
	CHECK_INT_EQ(event_pending(&a->ev_read, EV_TIMEOUT, NULL), 0);
	CHECK_INT_EQ(event_pending(&a->ev_write, EV_TIMEOUT, NULL), 0);
	bufferevent_enable(a, EV_WRITE);
	CHECK_INT_EQ(event_pending(&a->ev_write, EV_TIMEOUT, NULL), EV_TIMEOUT);
	close_all();
}

static void
clearing_timeouts_ends_the_time(void)
{
	struct timeval tv = ms(20);

	open_pair(0);
	bufferevent_set_timeouts(a, &tv, NULL);
	bufferevent_enable(a, EV_READ);
	CHECK_INT_EQ(bufferevent_set_timeouts(a, NULL, NULL), 0);
	CHECK_INT_EQ(event_pending(&a->ev_read, EV_TIMEOUT, NULL), 0);
	close_all();
}

static void
what_arrives_begins_the_time_anew(void)
{
	struct timeval tv = ms(200), before, after;

	open_pair(0);
	bufferevent_set_timeouts(b, &tv, NULL);
	bufferevent_enable(b, EV_READ);
	CHECK_INT_EQ(event_pending(&b->ev_read, EV_TIMEOUT, &before), EV_TIMEOUT);
	struct timeval pause = ms(40);
	event_base_loopexit(base, &pause);
	event_base_dispatch(base);
	put(a, "x");
	CHECK_INT_EQ(event_pending(&b->ev_read, EV_TIMEOUT, &after), EV_TIMEOUT);
	evutil_timersub(&after, &before, &pause);
	CHECK(pause.tv_sec == 0 && pause.tv_usec >= 20000);
	close_all();
}

/* --- the end ------------------------------------------------------------------------------ */

static void
the_partner_of_one_that_was_freed_is_alone(void)
{
	open_pair(0);
	bufferevent_enable(a, EV_READ);
	bufferevent_free(b);
	b = NULL;
	CHECK_PTR_EQ(bufferevent_pair_get_partner(a), NULL);
	put(a, "hello");
	turn();
	CHECK_INT_EQ(out(a), 5);
	CHECK_SAID("");
	close_all();
}

static void
a_reader_that_is_freed_is_not_called(void)
{
	open_pair(0);
	bufferevent_enable(b, EV_READ);
	put(a, "hello");
	bufferevent_free(b);
	b = NULL;
	turn();
	CHECK_SAID("Aw0");
	close_all();
}

static void
what_was_sent_survives_the_sender(void)
{
	open_pair(0);
	bufferevent_enable(b, EV_READ);
	put(a, "hello");
	bufferevent_free(a);
	a = NULL;
	turn();
	CHECK_SAID("Br5");
	CHECK_GETS(b, "hello");
	close_all();
}

static void
free_both(struct bufferevent *bev, void *who)
{
	(void)bev;
	say("%sfrees", (char *)who);
	bufferevent_free(a);
	bufferevent_free(b);
	a = b = NULL;
}

static void
free_both_at_event(struct bufferevent *bev, short what, void *who)
{
	(void)what;
	free_both(bev, who);
}

static void
freed_in_the_read_callback(void)
{
	open_pair(0);
	bufferevent_setcb(b, free_both, on_write, on_event, "B");
	bufferevent_enable(b, EV_READ);
	put(a, "x");
	put(b, "y");
	turn();
	CHECK_SAID("Bfrees");
	close_all();
}

static void
freed_in_the_write_callback(void)
{
	open_pair(0);
	bufferevent_setcb(a, on_read, free_both, on_event, "A");
	bufferevent_enable(b, EV_READ);
	put(a, "x");
	turn();
	CHECK_SAID("Br1 Afrees");
	close_all();
}

static void
freed_in_the_event_callback(void)
{
	open_pair(0);
	bufferevent_setcb(b, on_read, on_write, free_both_at_event, "B");
	bufferevent_flush(a, EV_WRITE, BEV_FINISHED);
	turn();
	CHECK_SAID("Br0 Bfrees");
	close_all();
}

static void
freed_in_the_callback_of_a_timeout(void)
{
	struct timeval tv = ms(10);

	open_pair(0);
	bufferevent_setcb(a, on_read, on_write, free_both_at_event, "A");
	bufferevent_set_timeouts(a, &tv, NULL);
	bufferevent_enable(a, EV_READ);
	wait_for_event();
	CHECK_SAID("Afrees");
	close_all();
}

static void
references_keep_the_memory(void)
{
	open_pair(0);
	bufferevent_incref(a);
	CHECK_INT_EQ(bufferevent_decref(a), 0);
	bufferevent_lock(a);
	bufferevent_free(a);
	put(a, "x");
	bufferevent_unlock(a);
	a = NULL;
	turn();
	CHECK_SAID("");
	close_all();
}

static void
pairs_may_be_left_to_the_base(void)
{
	struct timeval tv = ms(10000);

	open_pair(0);
	bufferevent_set_timeouts(a, &tv, &tv);
	bufferevent_enable(a, EV_READ);
	put(a, "x");
	bufferevent_free(a);
	bufferevent_free(b);
	a = b = NULL;
	close_all();
}

static void
options_that_mean_nothing_here(void)
{
	open_pair(BEV_OPT_CLOSE_ON_FREE | BEV_OPT_UNLOCK_CALLBACKS);
	bufferevent_enable(b, EV_READ);
	put(a, "x");
	turn();
	CHECK_SAID("Br1 Aw0");
	bufferevent_free(a);
	a = NULL;
	turn();
	put(b, "still there");
	close_all();
}

#define CASE(name) { #name, name }
static const struct evrt_test_case cases[] = {
	CASE(normal_of_nothing),
	CASE(normal_of_reading),
	CASE(normal_of_writing),
	CASE(normal_of_both),
	CASE(flush_of_nothing),
	CASE(flush_of_reading),
	CASE(flush_of_writing),
	CASE(flush_of_both),
	CASE(finish_of_nothing),
	CASE(finish_of_reading),
	CASE(finish_of_writing),
	CASE(finish_of_both),
	CASE(a_flush_of_empty_buffers_is_told_as_well),
	CASE(a_flush_ignores_what_is_disabled),
	CASE(a_flush_into_full_input_moves_all),
	CASE(a_flush_keeps_the_low_mark),
	CASE(the_end_is_told_and_changes_nothing),
	CASE(a_flush_without_a_partner_fails),
	CASE(nothing_to_read_times_out),
	CASE(output_that_waits_times_out),
	CASE(a_timeout_that_is_set_late_counts_from_then),
	CASE(disabling_ends_the_time),
	CASE(clearing_timeouts_ends_the_time),
	CASE(what_arrives_begins_the_time_anew),
	CASE(the_partner_of_one_that_was_freed_is_alone),
	CASE(a_reader_that_is_freed_is_not_called),
	CASE(what_was_sent_survives_the_sender),
	CASE(freed_in_the_read_callback),
	CASE(freed_in_the_write_callback),
	CASE(freed_in_the_event_callback),
	CASE(freed_in_the_callback_of_a_timeout),
	CASE(references_keep_the_memory),
	CASE(pairs_may_be_left_to_the_base),
	CASE(options_that_mean_nothing_here),
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	return evrt_test_main(argc, argv, cases);
}

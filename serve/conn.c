/* SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE
#define _POSIX_C_SOURCE 200809L
#include "conn.h"

#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"
#include "base/limits.h"

#define EVICT_TRIES 64u
#define LINGER_S    2u /* for the other side to read the last answer while it still sends */

/* ------------------------------------------------------------- a connection */

void *kith_conn_state(struct kith_conn *conn)
{
	return conn->state;
}

struct kith_worker *kith_conn_worker(struct kith_conn *conn)
{
	return conn->thread->worker;
}

bool kith_conn_local(const struct kith_conn *conn)
{
	return conn->local;
}

bool kith_conn_ended(const struct kith_conn *conn)
{
	return conn->ended;
}

const uint8_t *kith_conn_input(struct kith_conn *conn, size_t *ret_n)
{
	struct evbuffer *in = bufferevent_get_input(conn->bev);
	size_t n = evbuffer_get_length(in);
	const uint8_t *data;

	if (n > conn->protocol->input_max)
		n = conn->protocol->input_max;
	data = n == 0 ? NULL : evbuffer_pullup(in, (ev_ssize_t)n);
	*ret_n = data == NULL ? 0 : n;
	return data;
}

void kith_conn_take(struct kith_conn *conn, size_t n)
{
	(void)evbuffer_drain(bufferevent_get_input(conn->bev), n);
}

void kith_conn_write(struct kith_conn *conn, const void *data, size_t n)
{
	if (n == 0)
		return;
	if (bufferevent_write(conn->bev, data, n) != 0)
		conn->dropped = true; /* half an answer must not look like a whole one */
	conn->written += n;
}

size_t kith_conn_unsent(const struct kith_conn *conn)
{
	return evbuffer_get_length(bufferevent_get_output(conn->bev));
}

bool kith_conn_full(const struct kith_conn *conn)
{
	return kith_conn_unsent(conn) >= KITH_LIMIT_SERVE_OUTPUT;
}

void kith_conn_wait(struct kith_conn *conn, unsigned seconds)
{
	/* One more, because the present tick may be over in a moment. */
	conn->wait_until = seconds == 0 ? 0 : conn->thread->now + seconds + 1;
}

void kith_conn_again(struct kith_conn *conn)
{
	static const struct timeval now = {0, 0};

	conn->again = true;
	(void)event_add(conn->thread->again, &now);
}

void kith_conn_close(struct kith_conn *conn)
{
	conn->closing = true;
}

void kith_conn_drop(struct kith_conn *conn)
{
	conn->dropped = true;
}

bool kith_conn_over(const struct kith_conn *conn)
{
	return conn->closing || conn->dropped;
}

void kith_conn_busy(struct kith_conn *conn, bool busy)
{
	if (busy != conn->busy)
		conn->thread->n_busy += busy ? 1u : -1u;
	conn->busy = busy;
}

static void link_first(struct kith_conn *conn)
{
	struct thread *thread = conn->thread;

	conn->prev = NULL;
	conn->next = thread->conns;
	if (conn->next != NULL)
		conn->next->prev = conn;
	else
		thread->oldest = conn;
	thread->conns = conn;
}

static void unlink_conn(struct kith_conn *conn)
{
	struct thread *thread = conn->thread;

	if (conn->prev != NULL)
		conn->prev->next = conn->next;
	else
		thread->conns = conn->next;
	if (conn->next != NULL)
		conn->next->prev = conn->prev;
	else
		thread->oldest = conn->prev;
}

void kith_conn_free(struct kith_conn *conn)
{
	struct thread *thread = conn->thread;

	kith_conn_busy(conn, false);
	conn->protocol->close(conn);
	unlink_conn(conn);
	bufferevent_free(conn->bev);
	atomic_fetch_sub_explicit(&thread->net->open, 1, memory_order_relaxed);
	free(conn);
}

void kith_conn_run(struct kith_conn *conn)
{
	if (!conn->closing && !conn->dropped)
		conn->protocol->run(conn);
	if (conn->dropped) {
		struct linger hard = {1, 0};

		(void)setsockopt(bufferevent_getfd(conn->bev), SOL_SOCKET, SO_LINGER, &hard,
				 sizeof hard);
		kith_conn_free(conn);
		return;
	}
	if (!conn->closing)
		return;
	if (kith_conn_unsent(conn) == 0 && (conn->ended || conn->lingering)) {
		if (conn->ended)
			kith_conn_free(conn);
		return;
	}
	if (kith_conn_unsent(conn) == 0) {
		/* Closing with unread input would make the kernel take the answer back. */
		kith_conn_busy(conn, false);
		conn->lingering = true;
		(void)shutdown(bufferevent_getfd(conn->bev), SHUT_WR);
		kith_conn_wait(conn, LINGER_S);
	}
	kith_conn_take(conn, evbuffer_get_length(bufferevent_get_input(conn->bev)));
}

static void on_input(struct bufferevent *bev, void *arg)
{
	struct kith_conn *conn = arg;

	if (conn->closing)
		(void)evbuffer_drain(bufferevent_get_input(bev), SIZE_MAX);
	if (conn->prev != NULL) {
		unlink_conn(conn);
		link_first(conn);
	}
	kith_conn_run(conn);
}

static void on_output(struct bufferevent *bev, void *arg)
{
	(void)bev;
	kith_conn_run(arg);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct kith_conn *conn = arg;

	(void)bev;
	if ((what & BEV_EVENT_EOF) != 0)
		conn->ended = true;
	else if ((what & BEV_EVENT_ERROR) != 0)
		conn->dropped = true;
	kith_conn_run(conn);
}

/* Makes room for a new connection; false: all have something begun. */
static bool evict(struct thread *thread)
{
	struct kith_conn *conn = thread->oldest;
	unsigned tries;

	for (tries = 0; conn != NULL && tries < EVICT_TRIES; tries++) {
		struct kith_conn *prev = conn->prev;

		if (!conn->busy && kith_conn_unsent(conn) == 0) {
			kith_conn_free(conn);
			atomic_fetch_add_explicit(&thread->net->refused, 1, memory_order_relaxed);
			return true;
		}
		conn = prev;
	}
	return false;
}

void kith_conn_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
		      int n, void *arg)
{
	struct listener *l = arg;
	struct thread *thread = l->thread;
	struct kith_net *net = thread->net;
	struct kith_conn *conn = NULL;

	(void)listener;
	(void)address;
	(void)n;
	if (atomic_load_explicit(&net->open, memory_order_relaxed) < net->max_conns ||
	    evict(thread))
		conn = calloc(1, sizeof *conn + l->protocol->state_size);
	if (conn != NULL)
		conn->bev = bufferevent_socket_new(thread->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (conn == NULL || conn->bev == NULL) {
		free(conn);
		(void)close(fd);
		atomic_fetch_add_explicit(&net->refused, 1, memory_order_relaxed);
		return;
	}
	conn->thread = thread;
	conn->protocol = l->protocol;
	conn->local = l->local;
	conn->progress_at = thread->now;
	link_first(conn);
	atomic_fetch_add_explicit(&net->open, 1, memory_order_relaxed);
	if (!l->local)
		kith_address_no_delay(fd);
	kith_conn_wait(conn, KITH_LIMIT_SERVE_HEAD_S);
	bufferevent_setcb(conn->bev, on_input, on_output, on_event, conn);
	bufferevent_setwatermark(conn->bev, EV_READ, 0, conn->protocol->input_max);
	bufferevent_setwatermark(conn->bev, EV_WRITE, KITH_LIMIT_SERVE_OUTPUT / 4, 0);
	(void)bufferevent_enable(conn->bev, EV_READ | EV_WRITE);
}

/* Out of descriptors or memory: trying at once again would only burn the processor. */
void kith_conn_accept_error(struct evconnlistener *listener, void *arg)
{
	struct listener *l = arg;

	(void)evconnlistener_disable(listener);
	l->thread->paused = true;
}

bool kith_conn_is_late(struct kith_conn *conn)
{
	uint64_t now = conn->thread->now, sent = conn->written - kith_conn_unsent(conn);

	if (sent != conn->progress || kith_conn_unsent(conn) == 0) {
		conn->progress = sent;
		conn->progress_at = now;
	}
	if (now > conn->progress_at + KITH_LIMIT_SERVE_WRITE_S) {
		conn->dropped = true;
	} else if (kith_conn_unsent(conn) > 0 && conn->wait_until != 0) {
		conn->wait_until++; /* it is the other side's turn, and the clock above runs */
	} else if (conn->wait_until != 0 && now >= conn->wait_until) {
		if (conn->protocol->late != NULL && !conn->closing)
			conn->protocol->late(conn);
		else
			conn->dropped = true;
	}
	return conn->dropped || conn->closing;
}

/* SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE
#define _POSIX_C_SOURCE 200809L
#include "conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"
#include "base/limits.h"

#define EVICT_TRIES 64u
#define READ_IDLE   ((size_t)4 << 10)  /* bytes of one read: a request */
#define READ_BUSY   ((size_t)64 << 10) /* and while a body comes */
#define KEPT_IN     ((size_t)8 << 10)  /* what a connection holds while nothing happens */
#define KEPT_OUT    ((size_t)16 << 10)
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

static size_t unread(const struct kith_conn *conn)
{
	return conn->in.n - conn->in_at;
}

const uint8_t *kith_conn_input(struct kith_conn *conn, size_t *ret_n)
{
	*ret_n = unread(conn);
	return *ret_n == 0 ? NULL : conn->in.data + conn->in_at;
}

void kith_conn_take(struct kith_conn *conn, size_t n)
{
	conn->in_at += n;
}

void kith_conn_write(struct kith_conn *conn, const void *data, size_t n)
{
	struct kith_buf *out = &conn->out;

	if (conn->out_at > 0 && conn->out_at >= out->n / 2) {
		out->n -= conn->out_at;
		memmove(out->data, out->data + conn->out_at, out->n);
		conn->out_at = 0;
	}
	if (kith_buf_add(out, data, n))
		conn->thread->unsent += n;
	else
		conn->dropped = true; /* half an answer must not look like a whole one */
}

bool kith_conn_thread_full(const struct kith_conn *conn)
{
	return conn->thread->unsent >= KITH_LIMIT_SERVE_UNSENT;
}

size_t kith_conn_unsent(const struct kith_conn *conn)
{
	return conn->out.n - conn->out_at;
}

bool kith_conn_full(struct kith_conn *conn)
{
	conn->stopped = kith_conn_unsent(conn) >= KITH_LIMIT_SERVE_OUTPUT;
	return conn->stopped;
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
	if (busy != conn->busy) {
		conn->thread->n_busy += busy ? 1u : -1u;
		conn->busy_since = conn->thread->now;
		conn->busy_from = conn->sent + conn->received;
	}
	conn->busy = busy;
}

bool kith_conn_slow(const struct kith_conn *conn)
{
	uint64_t seconds = conn->thread->now - conn->busy_since;
	uint64_t moved = conn->sent + conn->received - conn->busy_from;

	return conn->busy && seconds >= KITH_LIMIT_SERVE_BODY_S &&
	       moved < seconds * KITH_LIMIT_SERVE_SLOW;
}

bool kith_conn_stopped(const struct kith_conn *conn)
{
	return conn->stopped;
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
	thread->unsent -= kith_conn_unsent(conn);
	conn->protocol->close(conn);
	unlink_conn(conn);
	event_free(conn->readable);
	event_free(conn->writable);
	(void)close(conn->fd);
	kith_buf_done(&conn->in);
	kith_buf_done(&conn->out);
	atomic_fetch_sub_explicit(&thread->net->open, 1, memory_order_relaxed);
	free(conn);
}

/* Sends what can be sent now; the rest when there is room. */
static void flush(struct kith_conn *conn)
{
	size_t n;

	while ((n = kith_conn_unsent(conn)) > 0) {
		ssize_t sent = send(conn->fd, conn->out.data + conn->out_at, n, MSG_NOSIGNAL);

		if (sent >= 0) {
			conn->out_at += (size_t)sent;
			conn->thread->unsent -= (size_t)sent;
			conn->sent += (uint64_t)sent;
		} else if (errno == EAGAIN) {
			(void)event_add(conn->writable, NULL);
			break;
		} else if (errno != EINTR) {
			conn->dropped = true;
			break;
		}
	}
	if (n == 0) {
		conn->out.n = conn->out_at = 0;
		if (conn->out.cap > KEPT_OUT)
			kith_buf_done(&conn->out);
	}
	if (conn->stopped && n < KITH_LIMIT_SERVE_OUTPUT / 4) {
		conn->stopped = false;
		kith_conn_again(conn);
	}
}

/* Waits for input where there is room for it. */
static void want_input(struct kith_conn *conn)
{
	bool wanted = !conn->ended && unread(conn) < conn->protocol->input_max;

	if (unread(conn) == 0) {
		conn->in.n = conn->in_at = 0;
		if (conn->in.cap > KEPT_IN)
			kith_buf_done(&conn->in);
	}
	if (wanted != conn->reads)
		(void)(wanted ? event_add(conn->readable, NULL) : event_del(conn->readable));
	conn->reads = wanted;
}

void kith_conn_run(struct kith_conn *conn)
{
	if (!conn->closing && !conn->dropped)
		conn->protocol->run(conn);
	if (!conn->dropped)
		flush(conn);
	if (conn->dropped) {
		struct linger hard = {1, 0};

		(void)setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
		kith_conn_free(conn);
		return;
	}
	if (conn->closing) {
		kith_conn_take(conn, unread(conn));
		if (kith_conn_unsent(conn) == 0 && conn->ended) {
			kith_conn_free(conn);
			return;
		}
		if (kith_conn_unsent(conn) == 0 && !conn->lingering) {
			/* Closing with unread input would make the kernel take the answer back. */
			kith_conn_busy(conn, false);
			conn->lingering = true;
			(void)shutdown(conn->fd, SHUT_WR);
			kith_conn_wait(conn, LINGER_S);
		}
	}
	want_input(conn);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct kith_conn *conn = arg;
	size_t room = conn->protocol->input_max - unread(conn);
	size_t piece = conn->busy ? READ_BUSY : READ_IDLE;
	uint8_t *p;
	ssize_t n;

	(void)what;
	if (conn->in_at > 0) {
		conn->in.n -= conn->in_at;
		memmove(conn->in.data, conn->in.data + conn->in_at, conn->in.n);
		conn->in_at = 0;
	}
	piece = piece < room ? piece : room;
	p = kith_buf_room(&conn->in, piece);
	n = p == NULL ? -1 : recv(fd, p, piece, 0);
	if (n > 0) {
		conn->in.n += (size_t)n;
		conn->received += (uint64_t)n;
	} else if (n == 0) {
		conn->ended = true;
	} else if (p == NULL || (errno != EAGAIN && errno != EINTR)) {
		conn->dropped = true;
	}
	if (conn->prev != NULL) {
		unlink_conn(conn);
		link_first(conn);
	}
	kith_conn_run(conn);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	kith_conn_run(arg);
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
	if (conn != NULL) {
		conn->fd = fd;
		conn->readable =
		    event_new(thread->base, fd, EV_READ | EV_PERSIST, on_readable, conn);
		conn->writable = event_new(thread->base, fd, EV_WRITE, on_writable, conn);
	}
	if (conn == NULL || conn->readable == NULL || conn->writable == NULL) {
		if (conn != NULL && conn->readable != NULL)
			event_free(conn->readable);
		if (conn != NULL && conn->writable != NULL)
			event_free(conn->writable);
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
	kith_conn_wait(conn, conn->protocol->first_s);
	want_input(conn);
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
	uint64_t now = conn->thread->now;

	if (conn->sent != conn->progress || kith_conn_unsent(conn) == 0) {
		conn->progress = conn->sent;
		conn->progress_at = now;
	}
	if (now > conn->progress_at + KITH_LIMIT_SERVE_WRITE_S) {
		conn->dropped = true;
	} else if (kith_conn_unsent(conn) > 0 && conn->wait_until != 0) {
		conn->wait_until++; /* it is the other side's turn, and the clock above runs */
	} else if (conn->wait_until != 0 && now >= conn->wait_until) {
		if (conn->lingering)
			conn->ended = true; /* what the system has yet to send, it sends */
		else if (conn->closing)
			conn->dropped = true;
		else if (conn->protocol->late != NULL)
			conn->protocol->late(conn);
		else
			conn->closing = true;
	}
	return conn->dropped || conn->closing;
}

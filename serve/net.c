/* SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE
#define _POSIX_C_SOURCE 200809L
#include "net.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"
#include "base/err.h"
#include "base/limits.h"

#define LISTENERS 8u
#define LINGER_S  2u /* for the other side to read the last answer while it still sends */

struct thread {
	struct kith_net *net;
	struct kith_worker *worker;
	struct event_base *base;
	struct event *tick, *again, *wake;
	int wake_fds[2];
	struct kith_conn *conns;
	unsigned n_busy;
	bool stopping, paused;
	unsigned stop_ticks;
	uint64_t now; /* ticks */
	struct listener {
		struct evconnlistener *listener;
		const struct kith_protocol *protocol;
		struct thread *thread;
		bool local;
	} listeners[LISTENERS];
	unsigned n_listeners;
	pthread_t id;
	bool started;
};

struct kith_net {
	struct thread *threads;
	unsigned n;
	unsigned max_conns; /* of one thread */
	void (*tick)(struct kith_worker *worker);
	char *unix_path;
	atomic_uint_fast64_t open, refused;
};

struct kith_conn {
	struct bufferevent *bev;
	struct thread *thread;
	const struct kith_protocol *protocol;
	struct kith_conn *prev, *next;
	uint64_t wait_until; /* 0: for ever */
	uint64_t written, progress, progress_at;
	bool local, ended, closing, lingering, dropped, again, busy;
	max_align_t state[];
};

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

static size_t unsent(const struct kith_conn *conn)
{
	return evbuffer_get_length(bufferevent_get_output(conn->bev));
}

bool kith_conn_full(const struct kith_conn *conn)
{
	return unsent(conn) >= KITH_LIMIT_SERVE_OUTPUT;
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

static void conn_free(struct kith_conn *conn)
{
	struct thread *thread = conn->thread;

	kith_conn_busy(conn, false);
	conn->protocol->close(conn);
	if (conn->prev != NULL)
		conn->prev->next = conn->next;
	else
		thread->conns = conn->next;
	if (conn->next != NULL)
		conn->next->prev = conn->prev;
	bufferevent_free(conn->bev);
	atomic_fetch_sub_explicit(&thread->net->open, 1, memory_order_relaxed);
	free(conn);
}

/* Runs the protocol, then does what it asked for. The connection may be gone after this. */
static void conn_run(struct kith_conn *conn)
{
	if (!conn->closing && !conn->dropped)
		conn->protocol->run(conn);
	if (conn->dropped) {
		struct linger hard = {1, 0};

		(void)setsockopt(bufferevent_getfd(conn->bev), SOL_SOCKET, SO_LINGER, &hard,
				 sizeof hard);
		conn_free(conn);
		return;
	}
	if (!conn->closing)
		return;
	if (unsent(conn) == 0 && (conn->ended || conn->lingering)) {
		if (conn->ended)
			conn_free(conn);
		return;
	}
	if (unsent(conn) == 0) {
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
	conn_run(conn);
}

static void on_output(struct bufferevent *bev, void *arg)
{
	(void)bev;
	conn_run(arg);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct kith_conn *conn = arg;

	(void)bev;
	if ((what & BEV_EVENT_EOF) != 0)
		conn->ended = true;
	else if ((what & BEV_EVENT_ERROR) != 0)
		conn->dropped = true;
	conn_run(conn);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
		      int n, void *arg)
{
	struct listener *l = arg;
	struct thread *thread = l->thread;
	struct kith_net *net = thread->net;
	struct kith_conn *conn = NULL;

	(void)listener;
	(void)address;
	(void)n;
	if (atomic_load_explicit(&net->open, memory_order_relaxed) < net->max_conns)
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
	conn->next = thread->conns;
	if (conn->next != NULL)
		conn->next->prev = conn;
	thread->conns = conn;
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
static void on_accept_error(struct evconnlistener *listener, void *arg)
{
	struct listener *l = arg;

	(void)evconnlistener_disable(listener);
	l->thread->paused = true;
}

/* ----------------------------------------------------------------- a thread */

static void each_conn(struct thread *thread, bool (*take)(struct kith_conn *conn))
{
	struct kith_conn *conn, *next;

	for (conn = thread->conns; conn != NULL; conn = next) {
		next = conn->next; /* running one never frees another */
		if (take(conn))
			conn_run(conn);
	}
}

static bool take_again(struct kith_conn *conn)
{
	bool again = conn->again;

	conn->again = false;
	return again;
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	each_conn(arg, take_again);
}

/* True for a connection that is to be dropped. */
static bool is_late(struct kith_conn *conn)
{
	uint64_t now = conn->thread->now, sent = conn->written - unsent(conn);

	if (sent != conn->progress || unsent(conn) == 0) {
		conn->progress = sent;
		conn->progress_at = now;
	}
	conn->dropped = now > conn->progress_at + KITH_LIMIT_SERVE_WRITE_S ||
			(conn->wait_until != 0 && now >= conn->wait_until);
	return conn->dropped;
}

static void end_listening(struct thread *thread)
{
	unsigned i;

	for (i = 0; i < thread->n_listeners; i++) {
		evconnlistener_free(thread->listeners[i].listener);
	}
	thread->n_listeners = 0;
}

/* Nothing was begun that is not answered and sent. */
static bool is_idle(const struct thread *thread)
{
	const struct kith_conn *conn;

	for (conn = thread->conns; conn != NULL; conn = conn->next) {
		if (unsent(conn) > 0)
			return false;
	}
	return thread->n_busy == 0;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct thread *thread = arg;
	unsigned i;

	(void)fd;
	(void)what;
	thread->now++;
	each_conn(thread, is_late);
	for (i = 0; thread->paused && i < thread->n_listeners; i++)
		(void)evconnlistener_enable(thread->listeners[i].listener);
	thread->paused = false;
	if (thread->net->tick != NULL)
		thread->net->tick(thread->worker);
	if (thread->stopping && (is_idle(thread) || ++thread->stop_ticks > KITH_LIMIT_SERVE_STOP_S))
		(void)event_base_loopbreak(thread->base);
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct thread *thread = arg;
	char byte;

	(void)what;
	if (read(fd, &byte, 1) == 1) {
		thread->stopping = true;
		end_listening(thread);
		if (is_idle(thread))
			(void)event_base_loopbreak(thread->base);
	}
}

static void *thread_run(void *arg)
{
	struct thread *thread = arg;

	(void)event_base_dispatch(thread->base);
	return NULL;
}

static enum kith_status thread_init(struct thread *thread)
{
	struct event_config *config = event_config_new();
	static const struct timeval second = {1, 0};

	thread->wake_fds[0] = thread->wake_fds[1] = -1;
	if (config == NULL)
		return KITH_E_NOMEM;
	(void)event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	thread->base = event_base_new_with_config(config);
	event_config_free(config);
	if (thread->base == NULL || pipe(thread->wake_fds) != 0)
		return KITH_E_NOMEM;
	(void)fcntl(thread->wake_fds[0], F_SETFD, FD_CLOEXEC);
	(void)fcntl(thread->wake_fds[1], F_SETFD, FD_CLOEXEC);
	thread->tick = event_new(thread->base, -1, EV_PERSIST, on_tick, thread);
	thread->again = event_new(thread->base, -1, 0, on_again, thread);
	thread->wake = event_new(thread->base, thread->wake_fds[0], EV_READ, on_wake, thread);
	if (thread->tick == NULL || thread->again == NULL || thread->wake == NULL)
		return KITH_E_NOMEM;
	if (event_add(thread->tick, &second) != 0 || event_add(thread->wake, NULL) != 0)
		return KITH_E_NOMEM;
	return KITH_OK;
}

static void thread_done(struct thread *thread)
{
	end_listening(thread);
	while (thread->conns != NULL)
		conn_free(thread->conns);
	if (thread->tick != NULL)
		event_free(thread->tick);
	if (thread->again != NULL)
		event_free(thread->again);
	if (thread->wake != NULL)
		event_free(thread->wake);
	if (thread->base != NULL)
		event_base_free(thread->base);
	if (thread->wake_fds[0] >= 0)
		(void)close(thread->wake_fds[0]);
	if (thread->wake_fds[1] >= 0)
		(void)close(thread->wake_fds[1]);
}

/* ------------------------------------------------------------------ the net */

enum kith_status kith_net_new(struct kith_worker *const *workers, unsigned n, unsigned max_conns,
			      struct kith_net **ret, struct kith_err *err)
{
	struct kith_net *net = calloc(1, sizeof *net);
	unsigned i;

	if (net == NULL)
		return kith_fail_nomem(err);
	net->threads = calloc(n, sizeof *net->threads);
	net->max_conns = max_conns;
	for (i = 0; net->threads != NULL && i < n; i++) {
		net->threads[i].net = net;
		net->threads[i].worker = workers[i];
		net->n = i + 1;
		if (thread_init(&net->threads[i]) != KITH_OK)
			break;
	}
	if (net->threads == NULL || i < n) {
		kith_net_free(net);
		return kith_fail(err, KITH_E_NOMEM, "cannot make an event loop");
	}
	*ret = net;
	return KITH_OK;
}

/* Takes fd over, also when it fails. */
static enum kith_status listen_on(struct thread *thread, int fd, bool local,
				  const struct kith_protocol *protocol, struct kith_err *err)
{
	struct listener *l = &thread->listeners[thread->n_listeners];

	if (thread->n_listeners == LISTENERS) {
		(void)close(fd);
		return kith_fail(err, KITH_E_LIMIT, "more than %u addresses", LISTENERS);
	}
	memset(l, 0, sizeof *l);
	l->thread = thread;
	l->protocol = protocol;
	l->local = local;
	l->listener = evconnlistener_new(thread->base, on_accept, l,
					 LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (l->listener == NULL) {
		(void)close(fd);
		return kith_fail_nomem(err);
	}
	evconnlistener_set_error_cb(l->listener, on_accept_error);
	thread->n_listeners++;
	return KITH_OK;
}

enum kith_status kith_net_tcp(struct kith_net *net, const char *text,
			      const struct kith_protocol *protocol, char *ret_shown,
			      struct kith_err *err)
{
	struct kith_address address;
	enum kith_status st = kith_address_parse(text, &address, err);
	unsigned i;

	for (i = 0; i < net->n && st == KITH_OK; i++) {
		int fd = -1;

		/* The first takes a free port where none was named; the others take the same. */
		st = kith_address_bind(&address, &fd, err);
		if (st == KITH_OK)
			st = listen_on(&net->threads[i], fd, false, protocol, err);
	}
	if (st == KITH_OK && ret_shown != NULL)
		kith_address_show(&address, ret_shown);
	return st;
}

enum kith_status kith_net_unix(struct kith_net *net, const char *path,
			       const struct kith_protocol *protocol, struct kith_err *err)
{
	int fd = -1;
	enum kith_status st = kith_address_bind_unix(path, &fd, err);
	unsigned i;

	for (i = 0; i < net->n && st == KITH_OK; i++) {
		int mine = fcntl(fd, F_DUPFD_CLOEXEC, 0);

		st = mine < 0 ? kith_fail_errno(err, errno, "'%s'", path)
			      : listen_on(&net->threads[i], mine, true, protocol, err);
	}
	if (fd >= 0) {
		(void)close(fd);
		net->unix_path = strdup(path);
	}
	return st;
}

void kith_net_on_tick(struct kith_net *net, void (*tick)(struct kith_worker *worker))
{
	net->tick = tick;
}

enum kith_status kith_net_start(struct kith_net *net, struct kith_err *err)
{
	unsigned i;

	for (i = 0; i < net->n; i++) {
		int e = pthread_create(&net->threads[i].id, NULL, thread_run, &net->threads[i]);

		if (e != 0)
			return kith_fail_errno(err, e, "cannot start a thread");
		net->threads[i].started = true;
	}
	return KITH_OK;
}

void kith_net_stop(struct kith_net *net)
{
	unsigned i;

	for (i = 0; i < net->n; i++) {
		if (net->threads[i].started) {
			ssize_t ignored = write(net->threads[i].wake_fds[1], "", 1);

			(void)ignored;
		}
	}
	for (i = 0; i < net->n; i++) {
		if (net->threads[i].started)
			(void)pthread_join(net->threads[i].id, NULL);
		net->threads[i].started = false;
	}
}

void kith_net_free(struct kith_net *net)
{
	unsigned i;

	if (net == NULL)
		return;
	for (i = 0; i < net->n; i++)
		thread_done(&net->threads[i]);
	if (net->unix_path != NULL)
		(void)unlink(net->unix_path);
	free(net->unix_path);
	free(net->threads);
	free(net);
}

uint64_t kith_net_connections(struct kith_net *net)
{
	return atomic_load_explicit(&net->open, memory_order_relaxed);
}

uint64_t kith_net_refused(struct kith_net *net)
{
	return atomic_load_explicit(&net->refused, memory_order_relaxed);
}

/* SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE
#define _POSIX_C_SOURCE 200809L
#include "net.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "base/err.h"
#include "base/limits.h"
#include "conn.h"

/* ----------------------------------------------------------------- a thread */

static void each_conn(struct thread *thread, bool (*take)(struct kith_conn *conn))
{
	struct kith_conn *conn, *next;

	for (conn = thread->conns; conn != NULL; conn = next) {
		next = conn->next; /* running one never frees another */
		if (take(conn))
			kith_conn_run(conn);
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
		if (kith_conn_unsent(conn) > 0)
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
	each_conn(thread, kith_conn_is_late);
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
		kith_conn_free(thread->conns);
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
	if (net->threads == NULL) {
		free(net);
		return kith_fail_nomem(err);
	}
	net->max_conns = max_conns;
	for (i = 0; i < n; i++) {
		net->threads[i].net = net;
		net->threads[i].worker = workers[i];
		net->n = i + 1;
		if (thread_init(&net->threads[i]) != KITH_OK)
			break;
	}
	if (i < n) {
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

	if (thread->n_listeners == KITH_LISTENERS) {
		(void)close(fd);
		return kith_fail(err, KITH_E_LIMIT, "more than %u addresses", KITH_LISTENERS);
	}
	memset(l, 0, sizeof *l);
	l->thread = thread;
	l->protocol = protocol;
	l->local = local;
	l->listener = evconnlistener_new(thread->base, kith_conn_accept, l,
					 LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (l->listener == NULL) {
		(void)close(fd);
		return kith_fail_nomem(err);
	}
	evconnlistener_set_error_cb(l->listener, kith_conn_accept_error);
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

	if (st == KITH_OK)
		st = kith_address_free(&address, err);
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

enum kith_status kith_net_fd(struct kith_net *net, int fd, bool local,
			     const struct kith_protocol *protocol, struct kith_err *err)
{
	enum kith_status st = KITH_OK;
	unsigned i;

	for (i = 0; i < net->n && st == KITH_OK; i++) {
		int mine = fcntl(fd, F_DUPFD_CLOEXEC, 0);

		st = mine < 0 ? kith_fail_errno(err, errno, "cannot listen")
			      : listen_on(&net->threads[i], mine, local, protocol, err);
	}
	return st;
}

enum kith_status kith_net_unix(struct kith_net *net, const char *path,
			       const struct kith_protocol *protocol, struct kith_err *err)
{
	int fd = -1;
	enum kith_status st = kith_address_bind_unix(path, &fd, err);

	if (st == KITH_OK)
		st = kith_net_fd(net, fd, true, protocol, err);
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

/* SPDX-License-Identifier: Apache-2.0 */
/* conn.h: what conn.c, a connection, and net.c, its thread, know of each other. */
#ifndef KITH_SERVE_CONN_H
#define KITH_SERVE_CONN_H

#include <event2/event.h>
#include <event2/listener.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#include "base/buf.h"
#include "net.h"

#define KITH_LISTENERS 8u /* of a thread */

struct thread {
	struct kith_net *net;
	struct kith_worker *worker;
	struct event_base *base;
	struct event *tick, *again, *wake;
	int wake_fds[2];
	struct kith_conn *conns, *oldest; /* from the one that was heard last to the most silent */
	unsigned n_busy;
	size_t unsent; /* bytes of all its connections' answers */
	bool stopping, paused;
	unsigned stop_ticks;
	uint64_t now; /* ticks */
	struct listener {
		struct evconnlistener *listener;
		const struct kith_protocol *protocol;
		struct thread *thread;
		bool local;
	} listeners[KITH_LISTENERS];
	unsigned n_listeners;
	pthread_t id;
	bool started;
};

struct kith_net {
	struct thread *threads;
	unsigned n;
	unsigned max_conns; /* of all threads */
	void (*tick)(struct kith_worker *worker);
	char *unix_path;
	atomic_uint_fast64_t open, refused;
};

struct kith_conn {
	int fd;
	struct event *readable, *writable;
	struct kith_buf in, out;
	size_t in_at, out_at; /* what is before was taken, was sent */
	struct thread *thread;
	const struct kith_protocol *protocol;
	struct kith_conn *prev, *next;
	uint64_t wait_until; /* 0: for ever */
	uint64_t sent, received, progress, progress_at;
	uint64_t busy_since, busy_from; /* ticks; bytes that had come and gone by then */
	bool reads;                     /* waits for input */
	bool stopped;                   /* the protocol, because there was too much output */
	bool local, ended, closing, lingering, dropped, again, busy;
	max_align_t state[];
};

/* Those of evconnlistener. */
void kith_conn_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
		      int n, void *arg);
void kith_conn_accept_error(struct evconnlistener *listener, void *arg);
/* Runs the protocol, then does what it asked for. The connection may be gone after this. */
void kith_conn_run(struct kith_conn *conn);
void kith_conn_free(struct kith_conn *conn);
size_t kith_conn_unsent(const struct kith_conn *conn);
/* True: it waited too long, and is to be run once more to be gone. */
bool kith_conn_is_late(struct kith_conn *conn);

#endif

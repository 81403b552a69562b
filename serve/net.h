/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net.h: threads, sockets and the events on them; with conn.c the only part that knows
 * libevent.
 *
 * One event loop for each thread. Each has its own listening socket for a TCP address
 * (SO_REUSEPORT, so that the kernel divides the connections) and a share of the Unix socket. A
 * connection stays with its thread, so a protocol needs no lock.
 *
 * What must hold: input of a connection is bounded (it is not read while `input_max` bytes wait),
 * so is output (a protocol stops when kith_conn_full()), and a connection that makes no progress
 * is closed: each protocol sets how long it waits for input, and output may stand still for
 * KITH_LIMIT_SERVE_WRITE_S. Where there are as many connections as there may be, a new one takes
 * the place of the one that was silent longest and has nothing begun.
 */
#ifndef KITH_SERVE_NET_H
#define KITH_SERVE_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kith.h"

struct kith_net;
struct kith_conn;
struct kith_worker; /* worker.h; net.c only hands it on */

/* What is spoken on a connection. */
struct kith_protocol {
	const char *name;
	size_t state_size; /* bytes of kith_conn_state(), zeroed at the beginning */
	size_t input_max;  /* that may wait unread */
	unsigned first_s;  /* seconds that a new connection may be silent */
	/*
	 * Called when something changed: input came, the other side ended (kith_conn_ended), output
	 * drained, or kith_conn_again() was called. Takes what it can and returns.
	 */
	void (*run)(struct kith_conn *conn);
	/* What kith_conn_wait() waited for did not come; closes or drops. NULL: closes. */
	void (*late)(struct kith_conn *conn);
	void (*close)(struct kith_conn *conn); /* releases what the state holds */
};

void *kith_conn_state(struct kith_conn *conn);
struct kith_worker *kith_conn_worker(struct kith_conn *conn);
bool kith_conn_local(const struct kith_conn *conn); /* over the Unix socket */
bool kith_conn_ended(const struct kith_conn *conn); /* the other side sends no more */
/* What waits, in one piece, at most input_max bytes; valid until kith_conn_take(). */
const uint8_t *kith_conn_input(struct kith_conn *conn, size_t *ret_n);
void kith_conn_take(struct kith_conn *conn, size_t n);
void kith_conn_write(struct kith_conn *conn, const void *data, size_t n);
bool kith_conn_full(struct kith_conn *conn);              /* write no more now; run comes again */
bool kith_conn_thread_full(const struct kith_conn *conn); /* so is its thread: begin no more */
void kith_conn_again(struct kith_conn *conn);             /* run comes again in the next turn */
void kith_conn_wait(struct kith_conn *conn, unsigned seconds); /* from now on; 0: for ever */
void kith_conn_close(struct kith_conn *conn);      /* after what was written; run comes no more */
void kith_conn_drop(struct kith_conn *conn);       /* at once, so that the other side notices */
bool kith_conn_over(const struct kith_conn *conn); /* closed or dropped */
void kith_conn_busy(struct kith_conn *conn, bool busy); /* has begun what should be finished */
/* Busy for long, while less than KITH_LIMIT_SERVE_SLOW came and went. It may be for us: what the
 * protocol waits for is its to know. */
bool kith_conn_slow(const struct kith_conn *conn);
bool kith_conn_stopped(const struct kith_conn *conn); /* kith_conn_full() said so, and still does */

/* ------------------------------------------------------------------ the net */

/* workers: n of them, one for each thread. */
enum kith_status kith_net_new(struct kith_worker *const *workers, unsigned n, unsigned max_conns,
			      struct kith_net **ret, struct kith_err *err);
/* "127.0.0.1:8080", "[::1]:0"; *ret_shown (may be NULL, at least 80 bytes) gets the address as
 * bound. */
enum kith_status kith_net_tcp(struct kith_net *net, const char *text,
			      const struct kith_protocol *protocol, char *ret_shown,
			      struct kith_err *err);
enum kith_status kith_net_unix(struct kith_net *net, const char *path,
			       const struct kith_protocol *protocol, struct kith_err *err);
/* A socket that listens already; the caller keeps fd. local: it is a Unix socket. */
enum kith_status kith_net_fd(struct kith_net *net, int fd, bool local,
			     const struct kith_protocol *protocol, struct kith_err *err);
/* Called in each thread, about once a second. */
void kith_net_on_tick(struct kith_net *net, void (*tick)(struct kith_worker *worker));
enum kith_status kith_net_start(struct kith_net *net, struct kith_err *err);
/* Listens no more, finishes what was begun within some seconds, and ends the threads. */
void kith_net_stop(struct kith_net *net);
void kith_net_free(struct kith_net *net);
uint64_t kith_net_connections(struct kith_net *net); /* open now */
uint64_t kith_net_refused(struct kith_net *net);     /* closed because there were too many */

#endif

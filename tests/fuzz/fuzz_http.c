/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes a connection to kith-serve from the bytes that come to the bytes that go, with a set
 * behind it and without sockets. An '@' of the input stands for the digits of a hash that is in the
 * set. Beside not crashing must hold: the connection comes to its end; what is answered begins as
 * a reply does, with a status that the manual names; nothing is held when the connection is gone;
 * and the next client is answered as ever.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../holds.h"
#include "base/hex.h"
#include "base/limits.h"
#include "guard.h"
#include "http.h"
#include "tests/unit/fixture_set.h"
#include "worker.h"

#define RUNS_MAX 200000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* ---------------------------------------------------- a connection of nothing */

struct kith_conn {
	struct kith_worker *worker;
	const uint8_t *in;
	size_t n, step, at; /* of the input, what came and what was taken */
	struct kith_buf out;
	bool local, ended, closing, dropped, busy, again;
	max_align_t state[512];
};

void *kith_conn_state(struct kith_conn *conn)
{
	return conn->state;
}

struct kith_worker *kith_conn_worker(struct kith_conn *conn)
{
	return conn->worker;
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
	size_t n = conn->step - conn->at;

	*ret_n = n < kith_http.input_max ? n : kith_http.input_max;
	return conn->in + conn->at;
}

void kith_conn_take(struct kith_conn *conn, size_t n)
{
	HOLDS(n <= conn->step - conn->at);
	conn->at += n;
}

void kith_conn_write(struct kith_conn *conn, const void *data, size_t n)
{
	HOLDS(kith_buf_add(&conn->out, data, n));
}

bool kith_conn_full(struct kith_conn *conn)
{
	(void)conn;
	return false;
}

void kith_conn_again(struct kith_conn *conn)
{
	conn->again = true;
}

bool kith_conn_thread_full(const struct kith_conn *conn)
{
	(void)conn;
	return false;
}

void kith_conn_wait(struct kith_conn *conn, unsigned seconds)
{
	(void)conn;
	(void)seconds;
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
	conn->busy = busy;
}

bool kith_conn_slow(const struct kith_conn *conn)
{
	(void)conn;
	return false;
}

bool kith_conn_stopped(const struct kith_conn *conn)
{
	(void)conn;
	return false;
}

uint64_t kith_net_connections(struct kith_net *net)
{
	(void)net;
	return 1;
}

uint64_t kith_net_refused(struct kith_net *net)
{
	(void)net;
	return 0;
}

/* ------------------------------------------------------------------ the server */

static struct kith_server server;
static struct kith_opt_list sets;
static struct kith_worker *worker;
static char known[2 * KITH_SHA256_SIZE + 1];

static void end(void)
{
	kith_worker_free(worker);
	kith_server_close(&server);
	fixture_folder_remove();
	free(server.workers);
}

static void start(void)
{
	struct kith_err err = {.status = KITH_OK};
	struct fixture_file *file = malloc(sizeof *file);

	HOLDS(file != NULL && fixture_folder() != NULL);
	HOLDS(fixture_set_write(fixture_path("set.kith"), 50, 5));
	fixture_file(7, 50, false, file);
	kith_hex_encode(file->key, KITH_SHA256_SIZE, known);
	free(file);
	sets.items[sets.n++] = fixture_path("set.kith");
	server.paths = &sets;
	kith_guard_init();
	HOLDS(kith_server_open(&server, &err) == KITH_OK);
	server.workers = calloc(1, sizeof(void *));
	HOLDS(server.workers != NULL);
	worker = server.workers[0] = kith_worker_new(&server);
	HOLDS(worker != NULL);
	server.n_workers = 1;
	(void)atexit(end);
}

/* One connection, from its beginning to its end; the answer is in conn->out. */
static void serve(struct kith_conn *conn, const uint8_t *data, size_t n, size_t step, bool local)
{
	unsigned runs;

	HOLDS(kith_http.state_size <= sizeof conn->state);
	memset(conn, 0, sizeof *conn);
	conn->worker = worker;
	conn->in = data;
	conn->n = n;
	conn->local = local;
	for (runs = 0; runs < RUNS_MAX; runs++) {
		bool again = conn->again;

		conn->again = false;
		if (!again && conn->step < n && conn->step - conn->at < kith_http.input_max) {
			size_t room = kith_http.input_max - (conn->step - conn->at);
			size_t more = n - conn->step;

			more = more < step ? more : step;
			conn->step += more < room ? more : room;
		} else if (!again && conn->step == n) {
			if (conn->ended)
				break;
			conn->ended = true;
		}
		kith_http.run(conn);
		if (kith_conn_over(conn))
			break;
	}
	HOLDS(runs < RUNS_MAX);
	kith_http.close(conn);
	HOLDS(worker->n_streams == 0 && worker->ahead == 0);
}

static void check(const struct kith_conn *conn)
{
	static const unsigned statuses[] = {100, 200, 300, 304, 400, 401, 403, 404, 405,
					    408, 409, 413, 417, 431, 500, 501, 503, 505};
	unsigned status, i;

	if (conn->out.n == 0)
		return;
	HOLDS(conn->out.n > 13 && memcmp(conn->out.data, "HTTP/1.1 ", 9) == 0);
	status = (unsigned)(conn->out.data[9] - '0') * 100 +
		 (unsigned)(conn->out.data[10] - '0') * 10 + (unsigned)(conn->out.data[11] - '0');
	for (i = 0; i < sizeof statuses / sizeof *statuses && statuses[i] != status; i++)
		;
	HOLDS(i < sizeof statuses / sizeof *statuses);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct kith_conn conn;
	struct kith_buf in = {NULL, 0, 0, false};
	char good[160];
	size_t i;

	if (worker == NULL)
		start();
	for (i = 0; i < n; i++) {
		HOLDS(data[i] == '@' ? kith_buf_add(&in, known, strlen(known))
				     : kith_buf_add_byte(&in, data[i]));
	}
	serve(&conn, in.data, in.n, n % 3 == 0 ? 7 : 4096, n % 5 == 0);
	check(&conn);
	kith_buf_done(&conn.out);
	kith_buf_done(&in);

	(void)snprintf(good, sizeof good, "GET /v1/files/%s HTTP/1.1\r\nHost: a\r\n\r\n", known);
	serve(&conn, (const uint8_t *)good, strlen(good), sizeof good, false);
	HOLDS(conn.out.n > 13 && memcmp(conn.out.data, "HTTP/1.1 200 ", 13) == 0);
	kith_buf_done(&conn.out);
	return 0;
}

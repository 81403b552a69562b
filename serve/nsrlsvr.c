/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "nsrlsvr.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "answer/list.h"
#include "base/limits.h"
#include "base/out.h"
#include "worker.h"

struct state {
	size_t scanned; /* of the line that is not whole yet */
};

struct call {
	struct kith_worker *worker;
	struct kith_view *view;
	struct kith_bytes rest; /* the hashes */
	struct kith_buf *out;
	bool bad;
};

static struct kith_bytes next_word(struct kith_bytes *rest)
{
	struct kith_bytes word;

	while (rest->n > 0 && (*rest->data == ' ' || *rest->data == '\t')) {
		rest->data++;
		rest->n--;
	}
	word.data = rest->data;
	word.n = 0;
	while (word.n < rest->n && word.data[word.n] != ' ' && word.data[word.n] != '\t')
		word.n++;
	rest->data += word.n;
	rest->n -= word.n;
	return word;
}

static enum kith_status query(void *arg)
{
	struct call *c = arg;
	struct kith_entry entries[64];
	struct kith_query queries[64];
	size_t n, i;

	(void)kith_buf_add_str(c->out, "OK ");
	do {
		for (n = 0; n < 64; n++) {
			struct kith_bytes word = next_word(&c->rest);

			if (word.n == 0)
				break;
			if (kith_query_parse(word, &entries[n], &queries[n]) != KITH_OK) {
				c->bad = true;
				return KITH_OK;
			}
		}
		if (n > 0) {
			enum kith_status st = kith_view_ask(c->worker, c->view, queries, n);

			if (st != KITH_OK)
				return st;
		}
		for (i = 0; i < n; i++) {
			enum kith_verdict verdict = kith_ask_sets(c->view->asker, i);

			if (verdict == KITH_NOT_INDEXED)
				c->bad = true;
			(void)kith_buf_add_byte(c->out, verdict == KITH_UNKNOWN ? '0' : '1');
		}
	} while (n == 64 && !c->bad);
	return KITH_OK;
}

static void status(struct call *c)
{
	uint64_t files = 0;
	size_t i;

	for (i = 0; i < c->view->snapshot->sets.n; i++) {
		struct kith_set_info info;

		kith_set_info(c->view->snapshot->sets.sets[i], &info);
		files += info.files + info.sha1_only;
	}
	(void)kith_buf_add_str(c->out, "OK ");
	(void)kith_buf_add_number(c->out, files);
	(void)kith_buf_add_str(c->out, " hashes in ");
	(void)kith_buf_add_number(c->out, c->view->snapshot->sets.n);
	(void)kith_buf_add_str(c->out, " sets");
}

static bool is(struct kith_bytes word, const char *text)
{
	return word.n == strlen(text) && strncasecmp((const char *)word.data, text, word.n) == 0;
}

/* False: the connection is to be closed. */
static bool answer(struct kith_conn *conn, struct kith_bytes line)
{
	struct kith_worker *worker = kith_conn_worker(conn);
	struct kith_buf *out = &worker->out;
	struct call c = {worker, NULL, line, out, false};
	struct kith_bytes word = next_word(&c.rest);
	enum kith_status st = KITH_OK;

	out->n = 0;
	out->failed = false;
	if (word.n == 0 || is(word, "BYE"))
		return false;
	if (is(word, "Version:")) {
		(void)kith_buf_add_str(out, "OK");
	} else if (is(word, "QUERY") || is(word, "STATUS")) {
		c.view = kith_worker_view(worker);
		if (c.view == NULL)
			return false; /* a set is damaged: no answer is better than a wrong one */
		c.view = kith_view_hold(c.view);
		if (is(word, "STATUS"))
			status(&c);
		else
			st = kith_view_guarded(worker, c.view, query, &c);
		kith_view_drop(c.view);
	} else {
		c.bad = true;
	}
	if (st != KITH_OK || out->failed) {
		kith_worker_count(worker, KITH_FRONT_NSRLSVR, 500);
		return false;
	}
	if (c.bad) {
		out->n = 0;
		(void)kith_buf_add_str(out, "NOT OK");
	}
	if (!kith_buf_add_str(out, "\r\n"))
		return false;
	kith_worker_count(worker, KITH_FRONT_NSRLSVR, c.bad ? 400 : 200);
	kith_conn_write(conn, out->data, out->n);
	return true;
}

static void run(struct kith_conn *conn)
{
	struct state *state = kith_conn_state(conn);
	unsigned lines;

	for (lines = 0; lines < 64; lines++) {
		size_t n;
		const uint8_t *data = kith_conn_input(conn, &n);
		const uint8_t *lf = n <= state->scanned
					? NULL
					: memchr(data + state->scanned, '\n', n - state->scanned);
		struct kith_bytes line = {data, lf == NULL ? n : (size_t)(lf - data)};
		size_t take = line.n + (lf != NULL);

		if (kith_conn_full(conn))
			return;
		if (lf == NULL && n < KITH_LIMIT_SERVE_LINE) {
			state->scanned = n;
			if (kith_conn_ended(conn)) {
				/* The last line of `printf 'QUERY ...' | nc` has no end. */
				if (line.n > 0)
					(void)answer(conn, line);
				kith_conn_close(conn);
			}
			return;
		}
		if (line.n > 0 && line.data[line.n - 1] == '\r')
			line.n--;
		if (lf == NULL || !answer(conn, line)) {
			kith_conn_close(conn);
			return;
		}
		state->scanned = 0;
		kith_conn_take(conn, take);
		kith_conn_wait(conn, KITH_LIMIT_SERVE_SILENT_S);
	}
	kith_conn_again(conn);
}

static void done(struct kith_conn *conn)
{
	(void)conn;
}

const struct kith_protocol kith_nsrlsvr = {
    .name = "nsrlsvr",
    .state_size = sizeof(struct state),
    .input_max = KITH_LIMIT_SERVE_LINE,
    .first_s = KITH_LIMIT_SERVE_SILENT_S,
    .run = run,
    .close = done,
};

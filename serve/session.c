/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "session.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/hex.h"
#include "base/limits.h"
#include "base/out.h"

/* A digest of any kind: its length, then its bytes. */
struct item {
	uint8_t n, bytes[KITH_SHA256_SIZE];
};

struct session {
	uint8_t name[KITH_SESSION_NAME];
	size_t name_n; /* 0: not in use */
	uint64_t ends;
	struct kith_buf lists[2]; /* of items: what does not exist, what does */
	bool full;
};

struct kith_sessions {
	pthread_mutex_t lock;
	uint64_t ttl;
	struct session all[KITH_LIMIT_SERVE_SESSIONS];
};

static uint64_t now_s(void)
{
	struct timespec now;

	return clock_gettime(CLOCK_MONOTONIC, &now) == 0 ? (uint64_t)now.tv_sec : 0;
}

struct kith_sessions *kith_sessions_new(uint64_t ttl_s)
{
	struct kith_sessions *sessions = calloc(1, sizeof *sessions);

	if (sessions == NULL)
		return NULL;
	(void)pthread_mutex_init(&sessions->lock, NULL);
	sessions->ttl = ttl_s;
	return sessions;
}

static void drop(struct session *session)
{
	kith_buf_done(&session->lists[0]);
	kith_buf_done(&session->lists[1]);
	memset(session, 0, sizeof *session);
}

void kith_sessions_free(struct kith_sessions *sessions)
{
	size_t i;

	if (sessions == NULL)
		return;
	for (i = 0; i < KITH_LIMIT_SERVE_SESSIONS; i++)
		drop(&sessions->all[i]);
	(void)pthread_mutex_destroy(&sessions->lock);
	free(sessions);
}

uint64_t kith_sessions_ttl(const struct kith_sessions *sessions)
{
	return sessions->ttl;
}

/* NULL: none. Those whose time is over go. */
static struct session *find(struct kith_sessions *sessions, struct kith_bytes name)
{
	struct session *found = NULL;
	uint64_t now = now_s();
	size_t i;

	for (i = 0; i < KITH_LIMIT_SERVE_SESSIONS; i++) {
		struct session *session = &sessions->all[i];

		if (session->name_n > 0 && now >= session->ends)
			drop(session);
		if (session->name_n > 0 && session->name_n == name.n &&
		    memcmp(session->name, name.data, name.n) == 0)
			found = session;
	}
	return found;
}

enum kith_status kith_session_create(struct kith_sessions *sessions, struct kith_bytes name)
{
	struct session *session;
	size_t i;

	if (name.n == 0 || name.n > KITH_SESSION_NAME)
		return KITH_E_ARG;
	(void)pthread_mutex_lock(&sessions->lock);
	session = find(sessions, name);
	for (i = 0; session == NULL && i < KITH_LIMIT_SERVE_SESSIONS; i++) {
		if (sessions->all[i].name_n == 0)
			session = &sessions->all[i];
	}
	if (session != NULL) {
		drop(session);
		memcpy(session->name, name.data, name.n);
		session->name_n = name.n;
		session->ends = now_s() + sessions->ttl;
	}
	(void)pthread_mutex_unlock(&sessions->lock);
	return session == NULL ? KITH_E_LIMIT : KITH_OK;
}

static int compare_items(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct item));
}

/* Each once. */
static void compact(struct kith_buf *list)
{
	size_t n = list->n / sizeof(struct item), i, kept = 0;
	struct item *items = (void *)list->data;

	if (n == 0)
		return;
	qsort(items, n, sizeof *items, compare_items);
	for (i = 0; i < n; i++) {
		if (kept == 0 || compare_items(&items[kept - 1], &items[i]) != 0)
			items[kept++] = items[i];
	}
	list->n = kept * sizeof *items;
}

void kith_session_note(struct kith_sessions *sessions, struct kith_bytes name,
		       enum kith_digest kind, const uint8_t *digest, bool exists)
{
	struct session *session;
	struct item item;

	memset(&item, 0, sizeof item);
	item.n = (uint8_t)kith_digest_size(kind);
	memcpy(item.bytes, digest, item.n);
	(void)pthread_mutex_lock(&sessions->lock);
	session = find(sessions, name);
	if (session != NULL && !session->full) {
		struct kith_buf *list = &session->lists[exists];

		list->failed = false;
		if (list->n / sizeof item >= KITH_LIMIT_SERVE_SESSION_HASHES) {
			compact(list);
			/* So that sorting again and again stays rare. */
			session->full = list->n / sizeof item > KITH_LIMIT_SERVE_SESSION_HASHES / 2;
		}
		if (!session->full && !kith_buf_add(list, &item, sizeof item))
			session->full = true;
	}
	(void)pthread_mutex_unlock(&sessions->lock);
}

static void put_list(struct kith_buf *out, struct kith_buf *list)
{
	size_t i;

	compact(list);
	(void)kith_buf_add_byte(out, '[');
	for (i = 0; i < list->n / sizeof(struct item); i++) {
		const struct item *item = (const struct item *)(const void *)list->data + i;
		char hex[2 * KITH_SHA256_SIZE];

		(void)kith_hex_encode_upper(item->bytes, item->n, hex);
		(void)kith_buf_add_str(out, i == 0 ? "\"" : ",\"");
		(void)kith_buf_add(out, hex, (size_t)2 * item->n);
		(void)kith_buf_add_byte(out, '"');
	}
	(void)kith_buf_add_byte(out, ']');
}

enum kith_status kith_session_get(struct kith_sessions *sessions, struct kith_bytes name,
				  struct kith_buf *out)
{
	struct session *session;

	(void)pthread_mutex_lock(&sessions->lock);
	session = find(sessions, name);
	if (session != NULL) {
		(void)kith_buf_add_str(out, "{\"nx\":");
		put_list(out, &session->lists[0]);
		(void)kith_buf_add_str(out, ",\"exist\":");
		put_list(out, &session->lists[1]);
		(void)kith_buf_add_str(
		    out, session->full ? ",\"info\":\"full: later hashes are missing; ends in "
				       : ",\"info\":\"ends in ");
		(void)kith_buf_add_number(out, session->ends - now_s());
		(void)kith_buf_add_str(out, " seconds\"}\n");
	}
	(void)pthread_mutex_unlock(&sessions->lock);
	return session == NULL ? KITH_NOT_FOUND : out->failed ? KITH_E_NOMEM : KITH_OK;
}

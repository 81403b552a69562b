/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk.h: reads all files of all sets, by key, for questions that no index answers: which files
 * have this name, which lie in this container. In turns, between which other requests are answered.
 *
 * A walk takes as long as the sets are large, so a worker has few at a time, and it keeps no more
 * than where it stands.
 */
#ifndef KITH_SERVE_WALK_H
#define KITH_SERVE_WALK_H

#include "dialect.h"

struct kith_walk {
	struct kith_worker *worker;
	struct kith_view *view;
	enum kith_table table;
	uint8_t key[KITH_SHA256_SIZE]; /* of the file that was taken last; in this table */
	bool begun;
	bool counted; /* among the worker's walks */
};

/* False: the worker has enough of them. */
bool kith_walk_start(struct kith_walk *walk, struct kith_worker *worker, struct kith_view *view);
void kith_walk_done(struct kith_walk *walk); /* touches no set */

/* With each content once, whatever sets have it. KITH_OK: on; KITH_END: enough for this turn; a
 * negative status breaks the walk off. */
typedef enum kith_status (*kith_walk_fn)(void *user, const struct kith_content *content);
/* Some thousand files. KITH_OK: there are more; KITH_END: those were all; or a negative status. */
enum kith_status kith_walk_turn(struct kith_walk *walk, kith_walk_fn each, void *user);

/* Whether a file of a set is one that is looked for. KITH_OK, KITH_NOT_FOUND or negative. */
typedef enum kith_status (*kith_match_fn)(void *user, size_t set, const struct kith_file *file);
/* Sets answer as one: whether what any of them has of the content matches. */
enum kith_status kith_walk_any(const struct kith_content *content, kith_match_fn match, void *user);

/* Where it stands, as text, and back; false: not such a text. */
bool kith_walk_mark(const struct kith_walk *walk, struct kith_buf *out);
bool kith_walk_resume(struct kith_walk *walk, struct kith_bytes mark);

#endif

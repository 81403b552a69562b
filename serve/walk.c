/* SPDX-License-Identifier: Apache-2.0 */
#include "walk.h"

#include <string.h>

#include "base/hex.h"
#include "base/limits.h"
#include "base/out.h"

/* Files and occurrences that are looked at in one turn: about a millisecond. */
#define TURN_WORK UINT64_C(20000)

bool kith_walk_start(struct kith_walk *walk, struct kith_worker *worker, struct kith_view *view)
{
	memset(walk, 0, sizeof *walk);
	if (worker->n_walks >= KITH_LIMIT_SERVE_WALKS)
		return false;
	walk->worker = worker;
	walk->view = view;
	walk->table = KITH_TABLE_FILE;
	walk->counted = true;
	worker->n_walks++;
	return true;
}

void kith_walk_done(struct kith_walk *walk)
{
	if (walk->counted)
		walk->worker->n_walks--;
	walk->counted = false;
}

static size_t key_size(enum kith_table table)
{
	return table == KITH_TABLE_FILE ? KITH_SHA256_SIZE : KITH_SHA1_SIZE;
}

/* Takes files of the present table until its end or that of the turn. */
static enum kith_status take_some(struct kith_walk *walk, kith_walk_fn each, void *user,
				  uint64_t *work)
{
	kith_reader *reader = kith_asker_reader(walk->view->asker, walk->set);
	size_t n = key_size(walk->table);
	kith_cursor *cursor = NULL;
	enum kith_status st = kith_cursor_open(reader, walk->table, walk->begun ? walk->key : NULL,
					       walk->begun ? n : 0, &cursor, NULL);

	while (st == KITH_OK && *work < TURN_WORK) {
		struct kith_file file;
		const uint8_t *key;

		st = kith_cursor_next(cursor, &file);
		if (st != KITH_OK)
			break;
		key = walk->table == KITH_TABLE_FILE ? file.sha256 : file.sha1;
		if (walk->begun && memcmp(key, walk->key, n) == 0)
			continue;
		memcpy(walk->key, key, n);
		walk->begun = true;
		*work += 1 + file.n_occurrences;
		st = each(user, walk->set, &file);
		if (st == KITH_END) {
			*work = TURN_WORK;
			st = KITH_OK;
		}
	}
	kith_cursor_close(cursor);
	return st;
}

enum kith_status kith_walk_turn(struct kith_walk *walk, kith_walk_fn each, void *user)
{
	size_t n_sets = kith_asker_sets(walk->view->asker);
	uint64_t work = 0;

	while (walk->set < n_sets && work < TURN_WORK) {
		enum kith_status st = take_some(walk, each, user, &work);

		if (st < 0)
			return st;
		if (st != KITH_END)
			continue;
		walk->begun = false;
		if (walk->table == KITH_TABLE_FILE) {
			walk->table = KITH_TABLE_SHA1_ONLY;
		} else {
			walk->table = KITH_TABLE_FILE;
			walk->set++;
		}
	}
	return walk->set < n_sets ? KITH_OK : KITH_END;
}

enum kith_status kith_walk_was_told(struct kith_walk *walk, size_t set,
				    const struct kith_file *file, kith_match_fn match, void *user)
{
	size_t s, i, n;

	for (s = 0; s < set; s++) {
		kith_reader *reader = kith_asker_reader(walk->view->asker, s);
		struct kith_file same[8];
		enum kith_status st = file->sha256 != NULL
					  ? kith_lookup_all(reader, KITH_SHA256, file->sha256,
							    KITH_SHA256_SIZE, same, 8, &n)
					  : kith_lookup_all(reader, KITH_SHA1, file->sha1,
							    KITH_SHA1_SIZE, same, 8, &n);

		if (st < 0)
			return st;
		for (i = 0; st == KITH_OK && i < n && i < 8; i++) {
			enum kith_status found = match(user, s, &same[i]);

			if (found != KITH_NOT_FOUND)
				return found;
		}
	}
	return KITH_NOT_FOUND;
}

/* ------------------------------------------------------------------ marks */

bool kith_walk_mark(const struct kith_walk *walk, struct kith_buf *out)
{
	char hex[2 * KITH_SHA256_SIZE];

	(void)kith_buf_add_number(out, walk->set);
	(void)kith_buf_add_str(out, walk->table == KITH_TABLE_FILE ? "-" : "-s");
	if (!walk->begun)
		return !out->failed;
	(void)kith_hex_encode(walk->key, key_size(walk->table), hex);
	return kith_buf_add(out, hex, 2 * key_size(walk->table));
}

bool kith_walk_resume(struct kith_walk *walk, struct kith_bytes mark)
{
	size_t i = 0;

	for (; i < mark.n && i < 4 && mark.data[i] >= '0' && mark.data[i] <= '9'; i++)
		walk->set = 10 * walk->set + (size_t)(mark.data[i] - '0');
	if (i == 0 || i == mark.n || mark.data[i++] != '-')
		return false;
	if (i < mark.n && mark.data[i] == 's') {
		walk->table = KITH_TABLE_SHA1_ONLY;
		i++;
	}
	walk->begun = i < mark.n;
	return walk->set < kith_asker_sets(walk->view->asker) &&
	       (!walk->begun ||
		(mark.n - i == 2 * key_size(walk->table) &&
		 kith_hex_decode((const char *)mark.data + i, walk->key, key_size(walk->table))));
}

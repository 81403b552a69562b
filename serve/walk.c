/* SPDX-License-Identifier: Apache-2.0 */
#include "walk.h"

#include <string.h>

#include "answer/merged.h"
#include "base/hex.h"
#include "base/limits.h"
#include "base/out.h"

/* Files and occurrences that are looked at in one turn: about a millisecond. */
#define TURN_WORK UINT64_C(20000)
/* What looking a file up in another set takes, in the same units. */
#define OTHERS_WORK 16u

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

/* One content of a single set. */
static void content_of(const struct kith_record *record, struct kith_content *ret)
{
	memset(ret, 0, sizeof *ret);
	ret->sha256 = record->file.sha256;
	ret->sha1 = record->file.sha1;
	ret->md5 = record->file.md5;
	ret->size_bytes = record->file.size_bytes;
	ret->n_occurrences = record->file.n_occurrences;
	ret->flags = record->file.flags;
	ret->records = record;
	ret->n_records = 1;
}

/* Takes files of the present table until its end or that of the turn. */
static enum kith_status take_some(struct kith_walk *walk, struct kith_merged *merged,
				  kith_walk_fn each, void *user, uint64_t *work)
{
	struct kith_asker *asker = walk->view->asker;
	size_t n_sets = kith_asker_sets(asker), key_n = key_size(walk->table), n;
	enum kith_status st = KITH_OK;

	while (st == KITH_OK && *work < TURN_WORK) {
		const struct kith_record *records;
		struct kith_content content;
		const uint8_t *key;

		st = kith_merged_next(merged, &records, &n);
		if (st != KITH_OK)
			break;
		key = walk->table == KITH_TABLE_FILE ? records->file.sha256 : records->file.sha1;
		if (walk->begun && memcmp(key, walk->key, key_n) == 0)
			continue;
		memcpy(walk->key, key, key_n);
		walk->begun = true;
		if (n_sets > 1) { /* another may know the file by SHA-1 only, or its SHA-256 */
			struct kith_facts facts;

			*work += n_sets * OTHERS_WORK;
			st = kith_ask_group(asker, records, n, &facts);
			if (st != KITH_OK || facts.n_contents == 0)
				continue;
			content = facts.contents[0];
		} else {
			content_of(records, &content);
		}
		*work += 1 + content.n_occurrences;
		st = each(user, &content);
		if (st == KITH_END) {
			*work = TURN_WORK;
			st = KITH_OK;
		}
	}
	return st;
}

enum kith_status kith_walk_turn(struct kith_walk *walk, kith_walk_fn each, void *user)
{
	enum kith_status st = KITH_OK;
	uint64_t work = 0;

	while (st == KITH_OK && work < TURN_WORK) {
		struct kith_merged *merged = NULL;

		st = kith_merged_from(walk->view->asker, walk->table,
				      walk->begun ? walk->key : NULL, &merged, NULL);
		if (st == KITH_OK)
			st = take_some(walk, merged, each, user, &work);
		kith_merged_close(merged);
		if (st != KITH_END || walk->table == KITH_TABLE_SHA1_ONLY)
			break;
		walk->begun = false;
		walk->table = KITH_TABLE_SHA1_ONLY;
		st = KITH_OK;
	}
	return st;
}

enum kith_status kith_walk_any(const struct kith_content *content, kith_match_fn match, void *user)
{
	enum kith_status st = KITH_NOT_FOUND;
	size_t i;

	for (i = 0; i < content->n_records && st == KITH_NOT_FOUND; i++)
		st = match(user, content->records[i].set, &content->records[i].file);
	return st;
}

/* ------------------------------------------------------------------ marks */

bool kith_walk_mark(const struct kith_walk *walk, struct kith_buf *out)
{
	char hex[2 * KITH_SHA256_SIZE];

	(void)kith_buf_add_str(out, walk->table == KITH_TABLE_FILE ? "f-" : "s-");
	if (!walk->begun)
		return !out->failed;
	(void)kith_hex_encode(walk->key, key_size(walk->table), hex);
	return kith_buf_add(out, hex, 2 * key_size(walk->table));
}

bool kith_walk_resume(struct kith_walk *walk, struct kith_bytes mark)
{
	if (mark.n < 2 || (mark.data[0] != 'f' && mark.data[0] != 's') || mark.data[1] != '-')
		return false;
	if (mark.data[0] == 's')
		walk->table = KITH_TABLE_SHA1_ONLY;
	walk->begun = mark.n > 2;
	return !walk->begun ||
	       (mark.n - 2 == 2 * key_size(walk->table) &&
		kith_hex_decode((const char *)mark.data + 2, walk->key, key_size(walk->table)));
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index.c: what must hold:
 *  - every record is in each index once for each different digest that it has of that kind;
 *  - entries come in the order of their home lines, so filling writes the lines one after the
 *    other; where the home line is full the next free one is found without starting over;
 *  - between reserving values and their last byte nothing else is written to the set.
 * The indexes of SHA-1 and MD5 are sorted and filled at the same time, in a thread each.
 */
#include "core/index.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/record.h"
#include "core/extsort.h"

/* What is sorted for SHA-1 and MD5: prefix and slot, both big-endian. */
#define ENTRY 16
#define DROP  ((size_t)16 << 20)
/* So many are worth a thread, and their value has pages of its own, which do not move. */
#define MANY_ENTRIES 16384u

uint64_t kith_index_bytes(uint64_t files, uint64_t sha1_only, uint64_t names, uint64_t places)
{
	uint64_t lines = 3 * kith_index_lines(files + sha1_only) + (files + sha1_only) / 16 + 64;

	return lines * KITH_LINE + (names + places) / KITH_BLOCK * 8 + (size_t)5 * 8192;
}

/* The lines of one index while they are filled. */
struct filler {
	struct kith_lmdb *db;
	uint8_t *value, *dropped, *ready;
	uint64_t lines, entries;
	uint64_t frontier; /* lines from home to here are full, for the home of the last entry */
};

static enum kith_status filler_init(struct filler *filler, struct kith_lmdb *db, const char *key,
				    uint64_t entries, struct kith_err *err)
{
	enum kith_status st;

	memset(filler, 0, sizeof *filler);
	filler->db = db;
	filler->lines = kith_index_lines(entries);
	filler->entries = entries;
	st = kith_lmdb_reserve(db, key, KITH_INDEX_HEAD + (size_t)filler->lines * KITH_LINE,
			       &filler->value, err);
	if (st < 0)
		return st;
	filler->dropped = filler->ready = filler->value;
	memcpy(filler->value, KITH_INDEX_MAGIC, 8);
	kith_put_le64(filler->value + 8, filler->lines);
	kith_put_le64(filler->value + 16, entries);
	return KITH_OK;
}

/* Has the map ready for the pages that follow. */
static void get_ready(struct filler *filler)
{
	uint8_t *end = filler->value + KITH_INDEX_HEAD + filler->lines * KITH_LINE;
	uint8_t *to = (size_t)(end - filler->ready) < DROP ? end : filler->ready + DROP;

	kith_lmdb_filling(filler->db, filler->ready, to);
	filler->ready = to;
}

/* True when the slot found room in that line. */
static bool put_in_line(struct filler *filler, uint64_t line, uint64_t slot)
{
	uint8_t *p = filler->value + KITH_INDEX_HEAD + line * KITH_LINE;
	unsigned i;

	while (p >= filler->ready)
		get_ready(filler);
	for (i = 0; i < KITH_LINE_SLOTS; i++) {
		if (kith_get_le64(p + (size_t)8 * i) != 0)
			continue;
		kith_put_le64(p + (size_t)8 * i, slot);
		return true;
	}
	return false;
}

static void filler_add(struct filler *filler, uint64_t prefix, uint64_t slot)
{
	uint64_t home = kith_index_line(prefix, filler->lines), line;

	if (home > filler->frontier)
		filler->frontier = home;
	line = filler->frontier;
	/* There are fewer entries than slots, so this ends. */
	while (!put_in_line(filler, line % filler->lines, slot))
		line++;
	filler->frontier = line;
	if ((size_t)(filler->value + line % filler->lines * KITH_LINE - filler->dropped) >=
		2 * DROP &&
	    line < filler->lines) {
		kith_lmdb_filled(filler->db, filler->dropped, filler->dropped + DROP);
		filler->dropped += DROP;
	}
}

static enum kith_status make_slot(const struct kith_lmdb_row *row, bool sha1_only, uint64_t *ret,
				  struct kith_err *err)
{
	uint64_t slot = row->behind_key / 2;

	if (row->behind_key % 2 != 0 || row->behind_key >= KITH_OFFSET_LIMIT)
		return kith_fail(err, KITH_E_UNSUPPORTED,
				 "this LMDB lays out its pages otherwise, or the set is too large");
	if (row->value_at != row->behind_key)
		slot |= KITH_SLOT_LARGE;
	if (sha1_only)
		slot |= KITH_SLOT_SHA1;
	*ret = slot;
	return KITH_OK;
}

static enum kith_status add_entry(struct kith_extsort *sort, const uint8_t *digest, uint64_t slot,
				  struct kith_err *err)
{
	uint8_t entry[ENTRY];

	memcpy(entry, digest, 8);
	kith_put_be64(entry + 8, slot | kith_index_tag(digest));
	return kith_extsort_add(sort, entry, err);
}

struct walk {
	struct kith_extsort *sha1, *md5;
	struct filler sha256;
	kith_progress_fn progress;
	void *user;
	uint64_t done, files;
};

/* Adds a digest of the record unless an alternate before had it. */
static bool is_first(const struct kith_file *file, const uint8_t *digest, bool is_md5)
{
	size_t n = is_md5 ? KITH_MD5_SIZE : KITH_SHA1_SIZE;
	const uint8_t *own = is_md5 ? file->md5 : file->sha1;
	struct kith_file_iter iter;
	struct kith_alternate alt;

	if (own != NULL && memcmp(own, digest, n) == 0)
		return false;
	if (kith_alternates(file, &iter) < 0)
		return false;
	while (kith_alternate_next(&iter, &alt) == KITH_OK) {
		const uint8_t *other = is_md5 ? alt.md5 : alt.sha1;

		if (other == digest)
			return true;
		if (other != NULL && memcmp(other, digest, n) == 0)
			return false;
	}
	return true;
}

static enum kith_status add_digests(struct walk *walk, const struct kith_file *file, uint64_t slot,
				    struct kith_err *err)
{
	struct kith_file_iter iter;
	struct kith_alternate alt;
	enum kith_status st = KITH_OK;

	if (file->sha1 != NULL)
		st = add_entry(walk->sha1, file->sha1, slot, err);
	if (st >= 0 && file->md5 != NULL)
		st = add_entry(walk->md5, file->md5, slot, err);
	if (st < 0 || (file->flags & KITH_FILE_CONFLICT) == 0)
		return st;
	st = kith_alternates(file, &iter);
	while (st >= 0 && (st = kith_alternate_next(&iter, &alt)) == KITH_OK) {
		if (alt.sha1 != NULL && is_first(file, alt.sha1, false))
			st = add_entry(walk->sha1, alt.sha1, slot, err);
		if (st >= 0 && alt.md5 != NULL && is_first(file, alt.md5, true))
			st = add_entry(walk->md5, alt.md5, slot, err);
	}
	return st < 0 ? st : KITH_OK;
}

static enum kith_status walk_table(struct walk *walk, struct kith_lmdb *db, bool sha1_only,
				   struct kith_err *err)
{
	enum kith_lmdb_table table = sha1_only ? KITH_LMDB_SHA1ONLY : KITH_LMDB_FILE;
	struct kith_lmdb_cursor *cursor = NULL;
	struct kith_lmdb_row row;
	struct kith_file file;
	enum kith_status st;
	uint64_t slot = 0;

	while ((st = kith_lmdb_next(db, table, &cursor, &row, err)) == KITH_OK) {
		st = make_slot(&row, sha1_only, &slot, err);
		if (st < 0)
			break;
		if (kith_record_decode(row.value, row.value + row.value_n, row.key, sha1_only,
				       &file) < 0) {
			st = kith_fail(err, KITH_E_CORRUPT, "a record cannot be read back");
			break;
		}
		if (!sha1_only)
			filler_add(&walk->sha256, kith_index_prefix(row.key),
				   slot | kith_index_tag(row.key));
		st = add_digests(walk, &file, slot, err);
		if (st < 0)
			break;
		if (++walk->done % 65536 == 0 && walk->progress != NULL &&
		    walk->progress(walk->done, walk->files, walk->user) != 0) {
			st = kith_fail(err, KITH_E_CANCELLED, "stopped");
			break;
		}
	}
	kith_lmdb_cursor_close(cursor);
	return st < 0 ? st : KITH_OK;
}

/* ------------------------------------------------------------ SHA-1 and MD5 */

/* An index of entries that have to be sorted. */
struct sorted {
	const char *key;
	struct kith_extsort *sort;
	struct filler filler;
	uint64_t shared;     /* entries that share their digest with another one */
	enum kith_status st; /* of the step at hand */
	struct kith_err err;
};

static void *sort_entries(void *arg)
{
	struct sorted *sorted = arg;

	sorted->st = kith_extsort_finish(sorted->sort, &sorted->err);
	return NULL;
}

/* Fills the value that was reserved. */
static void *fill_entries(void *arg)
{
	const uint64_t tag_bits = ~((UINT64_C(1) << 40) - 1);
	struct sorted *sorted = arg;
	uint64_t last_prefix = 0, last_tag = 0;
	bool has_last = false, counted = false;
	const uint8_t *entry;

	if (sorted->filler.value == NULL)
		return NULL;
	while ((sorted->st = kith_extsort_next(sorted->sort, &entry, &sorted->err)) == KITH_OK) {
		uint64_t prefix = kith_get_be64(entry), slot = kith_get_be64(entry + 8);

		filler_add(&sorted->filler, prefix, slot);
		/* 88 equal bits: nobody meets that by chance. */
		if (has_last && prefix == last_prefix && (slot & tag_bits) == last_tag) {
			sorted->shared += counted ? 1 : 2;
			counted = true;
		} else {
			counted = false;
		}
		has_last = true;
		last_prefix = prefix;
		last_tag = slot & tag_bits;
	}
	return NULL;
}

/* Does a step for both at once. */
static enum kith_status do_both(void *(*step)(void *), struct sorted both[static 2],
				struct kith_err *err)
{
	pthread_t thread;
	bool started = pthread_create(&thread, NULL, step, &both[1]) == 0;
	int i;

	(void)step(&both[0]);
	if (started)
		(void)pthread_join(thread, NULL);
	else
		(void)step(&both[1]);
	for (i = 0; i < 2; i++) {
		if (both[i].st >= 0)
			continue;
		if (err != NULL)
			*err = both[i].err;
		return both[i].st;
	}
	return KITH_OK;
}

static enum kith_status reserve(struct kith_lmdb *db, struct sorted *sorted, struct kith_err *err)
{
	uint64_t n = kith_extsort_count(sorted->sort);

	return n == 0 ? KITH_OK : filler_init(&sorted->filler, db, sorted->key, n, err);
}

static enum kith_status fill_both(struct kith_lmdb *db, struct sorted both[static 2],
				  struct kith_err *err)
{
	bool large = kith_extsort_count(both[0].sort) >= MANY_ENTRIES &&
		     kith_extsort_count(both[1].sort) >= MANY_ENTRIES;
	enum kith_status st = KITH_OK;
	int i;

	if (large) {
		st = do_both(sort_entries, both, err);
		for (i = 0; i < 2 && st >= 0; i++)
			st = reserve(db, &both[i], err);
		return st < 0 ? st : do_both(fill_entries, both, err);
	}
	for (i = 0; i < 2 && st >= 0; i++) {
		st = kith_extsort_finish(both[i].sort, err);
		if (st >= 0)
			st = reserve(db, &both[i], err);
		if (st < 0)
			break;
		(void)fill_entries(&both[i]);
		st = both[i].st;
		if (st < 0 && err != NULL)
			*err = both[i].err;
	}
	return st;
}

/* ------------------------------------------------------------------ blocks */

/* The offset of each block of a table. */
static enum kith_status fill_blocks(struct kith_lmdb *db, const char *key,
				    enum kith_lmdb_table table, struct kith_err *err)
{
	struct kith_lmdb_cursor *cursor = NULL;
	struct kith_buf offsets = {0};
	struct kith_lmdb_row row;
	uint8_t bytes[8], *value;
	enum kith_status st;

	while ((st = kith_lmdb_next(db, table, &cursor, &row, err)) == KITH_OK) {
		kith_put_le64(bytes, row.value_at);
		if (!kith_buf_add(&offsets, bytes, sizeof bytes)) {
			st = kith_fail_nomem(err);
			break;
		}
	}
	kith_lmdb_cursor_close(cursor);
	if (st >= 0 && offsets.n > 0) {
		st = kith_lmdb_reserve(db, key, offsets.n, &value, err);
		if (st >= 0)
			memcpy(value, offsets.data, offsets.n);
	}
	kith_buf_done(&offsets);
	return st < 0 ? st : KITH_OK;
}

enum kith_status kith_index_fill(struct kith_lmdb *db, struct kith_scratch *scratch, size_t memory,
				 uint64_t files, kith_progress_fn progress, void *user,
				 struct kith_index_counts *ret_counts, struct kith_err *err)
{
	struct sorted both[2] = {{.key = "sha1"}, {.key = "md5"}};
	struct walk walk = {.progress = progress, .user = user, .files = files};
	enum kith_status st;

	memset(ret_counts, 0, sizeof *ret_counts);
	st = kith_extsort_new(ENTRY, memory / 2, files, scratch, &both[0].sort, err);
	if (st >= 0)
		st = kith_extsort_new(ENTRY, memory / 2, files, scratch, &both[1].sort, err);
	if (st < 0)
		goto out;
	walk.sha1 = both[0].sort;
	walk.md5 = both[1].sort;
	st = walk_table(&walk, db, true, err);
	if (st < 0)
		goto out;
	if (files > 0) {
		st = filler_init(&walk.sha256, db, "sha256", files, err);
		if (st >= 0)
			st = walk_table(&walk, db, false, err);
		if (st < 0)
			goto out;
	}
	st = fill_both(db, both, err);
	ret_counts->entries[KITH_SHA256] = files;
	ret_counts->entries[KITH_SHA1] = kith_extsort_count(both[0].sort);
	ret_counts->entries[KITH_MD5] = kith_extsort_count(both[1].sort);
	ret_counts->shared_sha1 = both[0].shared;
	ret_counts->shared_md5 = both[1].shared;
	if (st >= 0)
		st = fill_blocks(db, "name", KITH_LMDB_NAME, err);
	if (st >= 0)
		st = fill_blocks(db, "place", KITH_LMDB_PLACE, err);
out:
	kith_extsort_free(both[0].sort);
	kith_extsort_free(both[1].sort);
	return st;
}

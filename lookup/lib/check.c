/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.c: reads everything. The argument why a set that passes answers rightly:
 *  - each record of a file decodes to its last byte, and each rank in it exists (check_record);
 *  - for each digest of each record, a search of the index reaches a slot that leads to exactly
 *    this record (take_pending). The slot is marked;
 *  - no slot is without a mark (check_slots). So an index holds what it should and nothing else;
 *  - items, their order and their offsets are as docs/FORMAT.md says (check_tables.c).
 * The work is linear in the size of the set. Random places of an index are fetched ahead, as
 * kith_lookup_many() does.
 */
#include "lib/check.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/hex.h"
#include "lib/index.h"

#define PENDING    64u
#define TELL_EVERY 65536u

/* A slot that must be found by a search that starts at `home`. */
struct pending {
	const uint8_t *home;
	uint64_t slot;
};

struct index_check {
	const struct kith_index *index;
	uint8_t *marks; /* owned; for each line a bit for each slot that was found */
	size_t n;
	struct pending pending[PENDING];
};

struct file_check {
	struct kith_check *check;
	struct index_check kinds[KITH_DIGESTS];
	uint64_t occurrences, trivial, fragments, conflicts;
};

static const char *const kind_names[KITH_DIGESTS] = {"sha256", "sha1", "md5"};

enum kith_status kith_check_tick(struct kith_check *check, uint64_t more)
{
	check->done += more;
	if (check->progress == NULL || check->done - check->told < TELL_EVERY)
		return KITH_OK;
	check->told = check->done;
	if (check->progress(check->done, check->total, check->user) != 0)
		return kith_fail(check->err, KITH_E_CANCELLED, "cancelled");
	return KITH_OK;
}

/* ------------------------------------------------------------------- walk */

/* True when the search tree leads from the walk's key to the walk's value. */
static bool is_found(struct kith_check *check, const struct kith_check_walk *walk)
{
	struct kith_reader *reader = check->reader;
	struct kith_bytes value;

	return kith_db_get(&reader->set->db, reader->txn, walk->table, walk->key.data, walk->key.n,
			   &value) == KITH_OK &&
	       value.data == walk->value.data && value.n == walk->value.n;
}

static enum kith_status fail_row(struct kith_check *check, const struct kith_check_walk *walk,
				 const char *what)
{
	return kith_fail(check->err, KITH_E_CORRUPT, "table '%s', row %llu: %s",
			 kith_db_table_name(walk->table), (unsigned long long)walk->row, what);
}

enum kith_status kith_check_walk_next(struct kith_check *check, struct kith_check_walk *walk)
{
	const struct kith_db *db = &check->reader->set->db;
	struct kith_check_walk next = *walk;
	bool new_page;
	enum kith_status st;

	if (walk->cursor == NULL) {
		st = kith_db_cursor_open(db, check->reader->txn, walk->table, &walk->cursor,
					 check->err);
		if (st < 0)
			return st;
		next.cursor = walk->cursor;
	}
	st = kith_db_move(db, walk->cursor, walk->started ? KITH_DB_NEXT : KITH_DB_FIRST, &next.key,
			  &next.value);
	if (st == KITH_END) {
		if (walk->started && !is_found(check, walk))
			return fail_row(check, walk, "a search does not find it");
		return KITH_END;
	}
	next.row = walk->started ? walk->row + 1 : 0;
	if (st < 0)
		return fail_row(check, &next, "lies outside of the file, or cannot be reached");
	next.started = true;
	new_page = !walk->started || (size_t)(next.key.data - db->base) / db->page_size !=
					 (size_t)(walk->key.data - db->base) / db->page_size;
	if (walk->started &&
	    kith_bytes_cmp(walk->key.data, walk->key.n, next.key.data, next.key.n) >= 0)
		return fail_row(check, &next, "its key is not in order");
	if (new_page && ((walk->started && !is_found(check, walk)) || !is_found(check, &next)))
		return fail_row(check, &next, "a search does not find it or the row before");
	*walk = next;
	return KITH_OK;
}

void kith_check_walk_done(struct kith_check_walk *walk)
{
	kith_db_cursor_close(walk->cursor);
	walk->cursor = NULL;
}

/* ------------------------------------------------------------------ index */

/*
 * Searches for a slot and marks it. Where it is marked already another digest of the same record
 * with the same tag had it, and the next such slot is meant; or the record has one digest twice,
 * and there is no other.
 */
static bool find_slot(struct index_check *kind, const struct pending *want)
{
	const uint8_t *line = want->home;
	bool seen = false;
	uint64_t left;
	unsigned i;

	for (left = kind->index->n_lines; left > 0; left--) {
		uint8_t *marks = &kind->marks[(size_t)(line - kind->index->lines) / KITH_LINE];

		for (i = 0; i < KITH_LINE_SLOTS; i++) {
			uint64_t slot = kith_slot_get(line, i);

			if (slot == 0)
				return seen;
			if (slot != want->slot)
				continue;
			if (((unsigned)*marks >> i & 1u) == 0) {
				*marks |= (uint8_t)(1u << i);
				return true;
			}
			seen = true;
		}
		line = kith_index_next_line(kind->index, line);
	}
	return seen;
}

static enum kith_status take_pending(struct file_check *files, enum kith_digest kind_number)
{
	struct index_check *kind = &files->kinds[kind_number];
	size_t i;

	for (i = 0; i < kind->n; i++)
		if (!find_slot(kind, &kind->pending[i]))
			return kith_fail(
			    files->check->err, KITH_E_CORRUPT,
			    "index '%s' does not lead to the record at offset %llu",
			    kind_names[kind_number],
			    (unsigned long long)(kind->pending[i].slot & KITH_SLOT_OFFSET) * 2);
	kind->n = 0;
	return KITH_OK;
}

/* The index of this kind must lead from the digest to the record of `slot` (without its tag). */
static enum kith_status expect(struct file_check *files, enum kith_digest kind_number,
			       const uint8_t *digest, uint64_t slot)
{
	struct index_check *kind = &files->kinds[kind_number];
	const uint8_t *home;

	if (digest == NULL)
		return KITH_OK;
	if (kind->index->n_lines == 0 && files->check->indexed)
		return kith_fail(files->check->err, KITH_E_CORRUPT, "index '%s' is missing",
				 kind_names[kind_number]);
	if (kind->index->n_lines == 0)
		return KITH_OK;
	home = kith_index_home(kind->index, digest);
	KITH_PREFETCH(home);
	KITH_PREFETCH(&kind->marks[(size_t)(home - kind->index->lines) / KITH_LINE]);
	kind->pending[kind->n].home = home;
	kind->pending[kind->n].slot = slot | kith_index_tag(digest);
	kind->n++;
	return kind->n == PENDING ? take_pending(files, kind_number) : KITH_OK;
}

/* Every slot in use has its mark, and there are as many as the index says. */
static enum kith_status check_slots(struct file_check *files, enum kith_digest kind_number)
{
	struct index_check *kind = &files->kinds[kind_number];
	const struct kith_index *index = kind->index;
	uint64_t line, entries = 0;
	unsigned i;
	enum kith_status st;

	st = take_pending(files, kind_number);
	if (st < 0)
		return st;
	for (line = 0; line < index->n_lines; line++) {
		unsigned used = 0;

		for (i = 0; i < KITH_LINE_SLOTS; i++) {
			unsigned is_used = kith_slot_get(index->lines + line * KITH_LINE, i) != 0;

			used |= is_used << i;
			entries += is_used;
		}
		if (used != kind->marks[line])
			return kith_fail(
			    files->check->err, KITH_E_CORRUPT,
			    "index '%s', line %llu: has an entry that belongs to no file",
			    kind_names[kind_number], (unsigned long long)line);
	}
	if (entries != index->n_entries)
		return kith_fail(files->check->err, KITH_E_CORRUPT,
				 "index '%s' has %llu entries and says %llu",
				 kind_names[kind_number], (unsigned long long)entries,
				 (unsigned long long)index->n_entries);
	return KITH_OK;
}

/* ------------------------------------------------------------------ files */

/* Walks the occurrences; false when one is damaged or they do not end with the value. */
static bool check_occurrences(const struct kith_set *set, const struct kith_file *file)
{
	struct kith_file_iter iter;
	struct kith_occurrence occ;
	enum kith_status st;

	if (kith_occurrences(file, &iter) < 0)
		return false;
	while ((st = kith_occurrence_next(&iter, &occ)) == KITH_OK)
		if (occ.place >= set->info.places || occ.name >= set->info.names)
			return false;
	return st == KITH_END && iter.pos == file->end;
}

static enum kith_status check_digests(struct file_check *files, const struct kith_check_walk *walk,
				      const struct kith_file *file)
{
	const struct kith_db *db = &files->check->reader->set->db;
	const uint8_t *behind_key = walk->key.data + walk->key.n;
	uint64_t slot = (uint64_t)(behind_key - db->base) / 2;
	struct kith_file_iter iter;
	struct kith_alternate alternate;
	enum kith_status st;

	if (walk->table == KITH_DB_SHA1_ONLY)
		slot |= KITH_SLOT_SHA1;
	if (behind_key != walk->value.data)
		slot |= KITH_SLOT_LARGE;
	st = expect(files, KITH_SHA256, file->sha256, slot);
	if (st == KITH_OK)
		st = expect(files, KITH_SHA1, file->sha1, slot);
	if (st == KITH_OK)
		st = expect(files, KITH_MD5, file->md5, slot);
	if (st != KITH_OK || (file->flags & KITH_FILE_CONFLICT) == 0)
		return st;
	st = kith_alternates(file, &iter);
	while (st == KITH_OK && (st = kith_alternate_next(&iter, &alternate)) == KITH_OK) {
		st = expect(files, KITH_SHA1, alternate.sha1, slot);
		if (st == KITH_OK)
			st = expect(files, KITH_MD5, alternate.md5, slot);
	}
	return st == KITH_END ? KITH_OK : st;
}

static enum kith_status check_record(struct file_check *files, const struct kith_check_walk *walk)
{
	const struct kith_set *set = files->check->reader->set;
	bool sha1_only = walk->table == KITH_DB_SHA1_ONLY;
	struct kith_file file;

	if (walk->key.n != (sha1_only ? KITH_SHA1_SIZE : KITH_SHA256_SIZE))
		return fail_row(files->check, walk, "its key has the wrong size");
	if (kith_record_decode(walk->value.data, walk->value.data + walk->value.n, walk->key.data,
			       sha1_only, &file) < 0)
		return fail_row(files->check, walk, "its record is damaged");
	if (!check_occurrences(set, &file))
		return fail_row(files->check, walk, "its occurrences are damaged");
	files->occurrences += file.n_occurrences;
	files->trivial += (file.flags & KITH_FILE_TRIVIAL) != 0;
	files->fragments += (file.flags & KITH_FILE_FRAGMENT) != 0;
	files->conflicts += (file.flags & KITH_FILE_CONFLICT) != 0;
	return check_digests(files, walk, &file);
}

static enum kith_status check_table(struct file_check *files, enum kith_db_table table)
{
	struct kith_check_walk walk = {.table = table};
	uint64_t rows = 0;
	enum kith_status st;

	while ((st = kith_check_walk_next(files->check, &walk)) == KITH_OK) {
		st = check_record(files, &walk);
		if (st < 0)
			goto out;
		rows++;
		st = kith_check_tick(files->check, 1);
		if (st < 0)
			goto out;
	}
	if (st < 0)
		goto out;
	st = KITH_OK;
	if (rows != kith_set_count(files->check->reader->set, table))
		st = kith_fail(
		    files->check->err, KITH_E_CORRUPT, "table '%s' has %llu rows and says %llu",
		    kith_db_table_name(table), (unsigned long long)rows,
		    (unsigned long long)kith_set_count(files->check->reader->set, table));
out:
	kith_check_walk_done(&walk);
	return st;
}

/* What was counted is what meta says. */
static enum kith_status check_counts(struct file_check *files)
{
	const struct {
		const char *key;
		uint64_t n;
	} counts[] = {
	    {"count.occurrence", files->occurrences},
	    {"count.trivial", files->trivial},
	    {"count.fragment", files->fragments},
	    {"count.conflict", files->conflicts},
	};
	struct kith_reader *reader = files->check->reader;
	uint64_t n;
	size_t i;

	for (i = 0; i < sizeof counts / sizeof counts[0]; i++) {
		if (kith_set_meta_number(reader->set, reader->txn, counts[i].key, &n) != KITH_OK)
			return kith_fail(files->check->err, KITH_E_CORRUPT,
					 "'%s' is missing or damaged", counts[i].key);
		if (n != counts[i].n)
			return kith_fail(files->check->err, KITH_E_CORRUPT,
					 "'%s' is %llu and not %llu", counts[i].key,
					 (unsigned long long)n, (unsigned long long)counts[i].n);
	}
	return KITH_OK;
}

static enum kith_status check_files(struct kith_check *check)
{
	struct kith_set *set = check->reader->set;
	struct file_check files = {.check = check};
	unsigned kind;
	enum kith_status st = KITH_OK;

	for (kind = 0; kind < KITH_DIGESTS; kind++) {
		files.kinds[kind].index = &set->index[kind];
		files.kinds[kind].marks = calloc((size_t)set->index[kind].n_lines + 1, 1);
		if (files.kinds[kind].marks == NULL) {
			st = kith_fail_nomem(check->err);
			goto out;
		}
	}
	st = check_table(&files, KITH_DB_FILE);
	if (st < 0)
		goto out;
	st = check_table(&files, KITH_DB_SHA1_ONLY);
	if (st < 0)
		goto out;
	st = check_counts(&files);
	if (st < 0)
		goto out;
	for (kind = 0; kind < KITH_DIGESTS; kind++) {
		st = check_slots(&files, (enum kith_digest)kind);
		if (st < 0)
			goto out;
	}
out:
	for (kind = 0; kind < KITH_DIGESTS; kind++)
		free(files.kinds[kind].marks);
	return st;
}

enum kith_status kith_reader_check(kith_reader *reader, kith_progress_fn progress, void *user,
				   struct kith_err *err)
{
	const struct kith_set_info *info = &reader->set->info;
	struct kith_check check = {
	    .reader = reader,
	    .progress = progress,
	    .user = user,
	    .total = info->files + info->sha1_only + info->names + info->places,
	    .err = err,
	};
	uint64_t index_rows;
	enum kith_status st;

	if (kith_db_rows(&reader->set->db, reader->txn, KITH_DB_INDEX, &index_rows) < 0)
		return kith_fail(err, KITH_E_CORRUPT, "table 'index' is damaged");
	check.indexed = info->direct && index_rows > 0;
	st = kith_check_tables(&check);
	if (st < 0)
		return st;
	st = check_files(&check);
	if (st < 0)
		return st;
	if (progress != NULL && progress(check.total, check.total, user) != 0)
		return kith_fail(err, KITH_E_CANCELLED, "cancelled");
	return KITH_OK;
}

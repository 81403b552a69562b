/* SPDX-License-Identifier: Apache-2.0 */
/*
 * join.c: RDS v2 knows no SHA-256. Its rows wait under their SHA-1; when another source of the
 * same build knows both digests, they are rows of that file. What must hold:
 *  - a row joins a file only when exactly one file has its SHA-1 and, where both state one, the
 *    same MD5. Two files with one SHA-1 exist (SHAttered), and a wrong join would be a wrong
 *    distributor. What cannot be decided stays in sha1only and is counted;
 *  - memory is bounded: (SHA-1, MD5, SHA-256) of all files are sorted outside memory and read side
 *    by side with the rows, which come in the order of their SHA-1.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "core/extsort.h"
#include "core/files.h"

/* What is sorted: SHA-1, whether there is an MD5, MD5, SHA-256. */
#define LINK_MD5    (KITH_SHA1_SIZE + 1)
#define LINK_SHA256 (LINK_MD5 + KITH_MD5_SIZE)
#define LINK        (LINK_SHA256 + KITH_SHA256_SIZE)

struct join {
	struct kith_files *files;
	struct kith_files_counts *counts;
	struct kith_extsort *links;
	const uint8_t *link; /* the next one that was not used, or NULL at the end */
	struct kith_rowstore store;
	struct kith_run *runs; /* the joined rows */
	size_t n_runs;
	struct kith_buf record;
};

/* Sorts the digests of every file that has a SHA-1. */
static enum kith_status collect_links(struct join *join, struct kith_err *err)
{
	const struct kith_run **runs = NULL;
	struct kith_merge_input input = {0};
	struct kith_merge *merge = NULL;
	struct kith_merged merged = {0};
	uint8_t link[LINK];
	enum kith_status st;
	size_t i;

	st = kith_files_runs(join->files, KITH_TABLE_FILE, NULL, 0, &input, &runs, err);
	if (st >= 0)
		st = kith_merge_open(&input, 0, KITH_RANGES, KITH_SCRATCH_BUFFER / 8, &merge, err);
	if (st < 0)
		goto out;
	while ((st = kith_merge_next(merge, &merged, err)) == KITH_OK) {
		for (i = 0; i < merged.n_claims; i++) {
			const struct kith_claim *claim = &merged.claims[i];

			if ((claim->has & KITH_REC_HAS_SHA1) == 0)
				continue;
			memset(link, 0, sizeof link);
			memcpy(link, claim->sha1, KITH_SHA1_SIZE);
			if ((claim->has & KITH_REC_HAS_MD5) != 0) {
				link[KITH_SHA1_SIZE] = 1;
				memcpy(link + LINK_MD5, claim->md5, KITH_MD5_SIZE);
			}
			memcpy(link + LINK_SHA256, merged.key, KITH_SHA256_SIZE);
			st = kith_extsort_add(join->links, link, err);
			if (st < 0)
				goto out;
		}
	}
	if (st >= 0)
		st = kith_extsort_finish(join->links, err);
out:
	kith_merge_close(merge);
	kith_merged_done(&merged);
	free(runs);
	return st < 0 ? st : KITH_OK;
}

static enum kith_status next_link(struct join *join, struct kith_err *err)
{
	enum kith_status st = kith_extsort_next(join->links, &join->link, err);

	if (st == KITH_END)
		join->link = NULL;
	return st < 0 ? st : KITH_OK;
}

/* True when some claim of the waiting rows fits the file that the link is of. */
static bool fits(const struct kith_merged *rows, const uint8_t *link)
{
	size_t i;

	if (link[KITH_SHA1_SIZE] == 0)
		return true;
	for (i = 0; i < rows->n_claims; i++)
		if ((rows->claims[i].has & KITH_REC_HAS_MD5) == 0 ||
		    memcmp(rows->claims[i].md5, link + LINK_MD5, KITH_MD5_SIZE) == 0)
			return true;
	return false;
}

/*
 * Finds the file of the waiting rows: *ret_files becomes the number of different files that fit,
 * *ret_seen that of links with this SHA-1.
 */
static enum kith_status find_file(struct join *join, const struct kith_merged *rows,
				  uint8_t *ret_sha256, unsigned *ret_files, unsigned *ret_seen,
				  struct kith_err *err)
{
	unsigned files = 0, seen = 0;
	enum kith_status st = KITH_OK;
	int c;

	while (st >= 0 && join->link != NULL) {
		c = memcmp(join->link, rows->key, KITH_SHA1_SIZE);
		if (c > 0)
			break;
		if (c == 0) {
			seen += seen < 2;
			if (fits(rows, join->link) &&
			    (files == 0 ||
			     memcmp(ret_sha256, join->link + LINK_SHA256, KITH_SHA256_SIZE) != 0)) {
				files += files < 2;
				memcpy(ret_sha256, join->link + LINK_SHA256, KITH_SHA256_SIZE);
			}
		}
		st = next_link(join, err);
	}
	*ret_files = files;
	*ret_seen = seen;
	return st;
}

static enum kith_status spill_joined(struct join *join, struct kith_err *err)
{
	struct kith_run *runs;
	enum kith_status st;

	if (join->store.n == 0)
		return KITH_OK;
	runs = realloc(join->runs, (join->n_runs + 1) * sizeof *runs);
	if (runs == NULL)
		return kith_fail_nomem(err);
	join->runs = runs;
	st = kith_rowstore_spill(&join->store, join->files->chunks->scratch, NULL, NULL,
				 &runs[join->n_runs], err);
	if (st < 0)
		return st;
	/* Ranks already: the map behind the chunks' maps has nothing in it. */
	runs[join->n_runs].chunk = (uint32_t)join->files->ranks->n_chunks;
	join->n_runs++;
	return KITH_OK;
}

/* Whether the waiting rows agree about the MD5: then all of them fit a file that one of them fits.
 */
static bool one_md5(const struct kith_merged *rows)
{
	const struct kith_claim *first = &rows->claims[0];
	size_t i;

	for (i = 1; i < rows->n_claims; i++)
		if (((rows->claims[i].has ^ first->has) & KITH_REC_HAS_MD5) != 0 ||
		    ((first->has & KITH_REC_HAS_MD5) != 0 &&
		     memcmp(rows->claims[i].md5, first->md5, KITH_MD5_SIZE) != 0))
			return false;
	return true;
}

/* The waiting rows become rows of the file. Which row made which claim is not known any more, and
 * does not matter: together they have the same claims and occurrences. */
static enum kith_status join_rows(struct join *join, const struct kith_merged *rows,
				  const uint8_t *sha256, struct kith_err *err)
{
	size_t n = rows->n_occs > rows->n_claims ? rows->n_occs : rows->n_claims, i;
	enum kith_status st;

	for (i = 0; i < n && rows->n_occs > 0; i++) {
		const struct kith_claim *claim =
		    &rows->claims[i < rows->n_claims ? i : rows->n_claims - 1];
		uint64_t occ = rows->occs[i < rows->n_occs ? i : rows->n_occs - 1];
		struct kith_packed_row *row = kith_rowstore_add(&join->store, sha256[0]);

		if (row == NULL)
			return kith_fail_nomem(err);
		memcpy(row->key, sha256, KITH_SHA256_SIZE);
		row->has = claim->has | KITH_REC_HAS_SHA1;
		memcpy(row->sha1, rows->key, KITH_SHA1_SIZE);
		memcpy(row->md5, claim->md5, KITH_MD5_SIZE);
		row->size_bytes = claim->size_bytes;
		row->place = (uint32_t)(occ >> 32);
		row->name = (uint32_t)occ | (rows->fragment ? KITH_NAME_FRAGMENT : 0);
		if (i % 256 == 0 && kith_rowstore_memory(&join->store) > join->files->memory / 2) {
			st = spill_joined(join, err);
			if (st < 0)
				return st;
		}
	}
	join->counts->joined++;
	return KITH_OK;
}

static enum kith_status write_waiting(struct join *join, const struct kith_merged *rows,
				      struct kith_err *err)
{
	enum kith_status st;

	join->record.n = 0;
	st = kith_files_encode(join->files, rows, true, &join->record, &join->files->text->lines,
			       join->counts, err);
	if (st < 0)
		return st;
	kith_text_settle(join->files->text);
	return kith_lmdb_append(join->files->db, KITH_LMDB_SHA1ONLY, rows->key, KITH_SHA1_SIZE,
				join->record.data, join->record.n, err);
}

/* Goes through the waiting rows, file by file. */
static enum kith_status send_rows(struct join *join, struct kith_err *err)
{
	const struct kith_run **runs = NULL;
	struct kith_merge_input input = {0};
	struct kith_merge *merge = NULL;
	struct kith_merged merged = {0};
	uint8_t sha256[KITH_SHA256_SIZE] = {0};
	unsigned files, seen;
	enum kith_status st;

	st = kith_files_runs(join->files, KITH_TABLE_SHA1_ONLY, NULL, 0, &input, &runs, err);
	if (st >= 0)
		st = kith_merge_open(&input, 0, KITH_RANGES, KITH_SCRATCH_BUFFER / 8, &merge, err);
	if (st >= 0)
		st = next_link(join, err);
	if (st < 0)
		goto out;
	while ((st = kith_merge_next(merge, &merged, err)) == KITH_OK) {
		st = find_file(join, &merged, sha256, &files, &seen, err);
		if (st < 0)
			break;
		/* With several MD5s it is not known which rows are that file's. */
		if (files == 1 && one_md5(&merged)) {
			st = join_rows(join, &merged, sha256, err);
		} else {
			join->counts->undecided += seen > 0;
			st = write_waiting(join, &merged, err);
		}
		if (st < 0)
			break;
	}
	if (st >= 0)
		st = spill_joined(join, err);
out:
	kith_merge_close(merge);
	kith_merged_done(&merged);
	free(runs);
	return st < 0 ? st : KITH_OK;
}

enum kith_status kith_files_join(struct kith_files *files, struct kith_files_counts *counts,
				 struct kith_run **ret_runs, size_t *ret_n, struct kith_err *err)
{
	struct join join = {0};
	uint64_t waiting = 0;
	enum kith_status st;
	size_t i;

	for (i = 0; i < files->chunks->n; i++)
		waiting += files->chunks->items[i]->n_rows[KITH_TABLE_SHA1_ONLY];
	if (waiting == 0)
		return KITH_OK;
	join.files = files;
	join.counts = counts;
	if (!kith_trivial_add_sha1(files->trivial))
		return kith_fail_nomem(err);
	st = kith_extsort_new(LINK, files->memory / 2, 0, files->chunks->scratch, &join.links, err);
	if (st >= 0)
		st = collect_links(&join, err);
	if (st >= 0)
		st = send_rows(&join, err);
	if (st >= 0) {
		*ret_runs = join.runs;
		*ret_n = join.n_runs;
		join.runs = NULL;
	}
	free(join.runs);
	kith_extsort_free(join.links);
	kith_rowstore_done(&join.store);
	kith_buf_done(&join.record);
	return st;
}

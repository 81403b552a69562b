/* SPDX-License-Identifier: Apache-2.0 */
#include "answer/export.h"

#include <stdlib.h>
#include <string.h>

#include "answer/merged.h"
#include "base/err.h"
#include "base/limits.h"

#define KITH_EXPORT(id) extern const struct kith_export_target kith_export_##id[];
#include "answer/exports.def"
#undef KITH_EXPORT

static const struct kith_export_target *const families[] = {
#define KITH_EXPORT(id) kith_export_##id,
#include "answer/exports.def"
#undef KITH_EXPORT
    NULL,
};

const struct kith_export_target *kith_export_at(size_t i)
{
	const struct kith_export_target *t;
	size_t f;

	for (f = 0; families[f] != NULL; f++) {
		for (t = families[f]; t->name != NULL; t++) {
			if (i-- == 0)
				return t;
		}
	}
	return NULL;
}

const struct kith_export_target *kith_export_find(const char *name)
{
	const struct kith_export_target *t;
	size_t i;

	for (i = 0; (t = kith_export_at(i)) != NULL; i++) {
		if (strcmp(t->name, name) == 0)
			return t;
	}
	return NULL;
}

enum kith_status kith_export_run(const struct kith_export_target *target,
				 struct kith_export *export, struct kith_err *err)
{
	enum kith_status st = kith_asker_open(export->sets, export->n_sets, &export->asker, err);

	if (st == KITH_OK)
		st = target->run(target, export, err);
	kith_asker_close(export->asker);
	export->asker = NULL;
	return st;
}

static bool is_wanted(const struct kith_export *export, uint32_t flags)
{
	return !(export->no_trivial && (flags & KITH_FILE_TRIVIAL) != 0) &&
	       !(export->no_fragments && (flags & KITH_FILE_FRAGMENT) != 0);
}

static enum kith_status damaged(enum kith_status st, struct kith_err *err)
{
	if (err != NULL && err->status == st)
		return st;
	return kith_fail(err, st, "a set is damaged: run 'kith verify'");
}

/* ------------------------------------------------------------------ files */

static enum kith_status walk_table(struct kith_export *export, enum kith_table table,
				   kith_content_fn fn, void *user, struct kith_err *err)
{
	const struct kith_record *records;
	struct kith_merged *merged;
	enum kith_status st;
	size_t n;

	st = kith_merged_open(export->asker, table, NULL, &merged, err);
	while (st == KITH_OK && (st = kith_merged_next(merged, &records, &n)) == KITH_OK) {
		struct kith_facts facts;

		st = kith_ask_group(export->asker, records, n, &facts);
		if (st == KITH_OK && facts.n_contents > 0 &&
		    is_wanted(export, facts.contents[0].flags))
			st = fn(export, &facts.contents[0], user);
	}
	kith_merged_close(merged);
	return st < 0 ? damaged(st, err) : KITH_OK;
}

enum kith_status kith_export_files(struct kith_export *export, kith_content_fn fn, void *user,
				   struct kith_err *err)
{
	enum kith_status st;

	if (err != NULL)
		err->status = KITH_OK;
	st = walk_table(export, KITH_TABLE_FILE, fn, user, err);
	if (st == KITH_OK)
		st = walk_table(export, KITH_TABLE_SHA1_ONLY, fn, user, err);
	return st;
}

/* ---------------------------------------------------------------- digests */

/*
 * The tables are in the order of another digest, so they are read several times: once to count how
 * many digests begin with each two bytes, then once for each range of beginnings that fits in
 * memory.
 */
#define BUCKETS 65536u

struct sieve {
	enum kith_digest kind;
	size_t size;
	uint64_t *counts; /* BUCKETS */
	/* Of the present range. */
	uint32_t from, to; /* buckets */
	uint64_t *next;    /* where the next digest of a bucket goes */
	uint8_t *digests;
};

static bool take(struct sieve *sieve, const uint8_t *digest)
{
	uint32_t bucket;

	if (digest == NULL)
		return true;
	bucket = (uint32_t)digest[0] << 8 | digest[1];
	if (sieve->digests == NULL) {
		sieve->counts[bucket]++;
	} else if (bucket >= sieve->from && bucket < sieve->to) {
		memcpy(sieve->digests + sieve->next[bucket]++ * sieve->size, digest, sieve->size);
	}
	return true;
}

static enum kith_status take_file(struct sieve *sieve, const struct kith_file *file)
{
	struct kith_alternate alt;
	struct kith_file_iter iter;
	enum kith_status st;

	if (sieve->kind == KITH_SHA256) {
		(void)take(sieve, file->sha256);
		return KITH_OK;
	}
	(void)take(sieve, sieve->kind == KITH_SHA1 ? file->sha1 : file->md5);
	if ((file->flags & KITH_FILE_CONFLICT) == 0)
		return KITH_OK;
	st = kith_alternates(file, &iter);
	if (st < 0)
		return st;
	while ((st = kith_alternate_next(&iter, &alt)) == KITH_OK)
		(void)take(sieve, sieve->kind == KITH_SHA1 ? alt.sha1 : alt.md5);
	return st == KITH_END ? KITH_OK : st;
}

static enum kith_status read_all(struct kith_export *export, struct sieve *sieve,
				 struct kith_err *err)
{
	static const enum kith_table tables[] = {KITH_TABLE_FILE, KITH_TABLE_SHA1_ONLY};
	enum kith_status st;
	size_t s, t;

	for (s = 0; s < export->n_sets; s++) {
		for (t = 0; t < 2; t++) {
			kith_cursor *cursor = NULL;
			struct kith_file file;

			st = kith_cursor_open(kith_asker_reader(export->asker, s), tables[t], NULL,
					      0, &cursor, err);
			if (st != KITH_OK)
				return st;
			while ((st = kith_cursor_next(cursor, &file)) == KITH_OK) {
				if (is_wanted(export, file.flags))
					st = take_file(sieve, &file);
				if (st != KITH_OK)
					break;
			}
			kith_cursor_close(cursor);
			if (st != KITH_END)
				return damaged(st, err);
		}
	}
	return KITH_OK;
}

static int compare_sha256(const void *a, const void *b)
{
	return memcmp(a, b, KITH_SHA256_SIZE);
}

static int compare_sha1(const void *a, const void *b)
{
	return memcmp(a, b, KITH_SHA1_SIZE);
}

static int compare_md5(const void *a, const void *b)
{
	return memcmp(a, b, KITH_MD5_SIZE);
}

/* Fills the range, sorts it and gives it out. */
static enum kith_status give_range(struct kith_export *export, struct sieve *sieve,
				   kith_digest_fn fn, void *user, struct kith_err *err)
{
	static int (*const compare[KITH_DIGESTS])(const void *, const void *) = {
	    compare_sha256, compare_sha1, compare_md5};
	uint64_t n = 0, at = 0, k;
	enum kith_status st;
	uint32_t b;

	for (b = sieve->from; b < sieve->to; b++) {
		sieve->next[b] = n;
		n += sieve->counts[b];
	}
	if (n == 0)
		return KITH_OK;
	if (n > SIZE_MAX / sieve->size)
		return kith_fail_nomem(err);
	sieve->digests = malloc((size_t)n * sieve->size);
	if (sieve->digests == NULL)
		return kith_fail_nomem(err);
	st = read_all(export, sieve, err);
	for (b = sieve->from; b < sieve->to && st == KITH_OK; b++) {
		uint8_t *bucket = sieve->digests + at * sieve->size;

		if (sieve->counts[b] > 1)
			qsort(bucket, (size_t)sieve->counts[b], sieve->size, compare[sieve->kind]);
		for (k = 0; k < sieve->counts[b] && st == KITH_OK; k++) {
			const uint8_t *digest = bucket + k * sieve->size;

			if (k == 0 || memcmp(digest - sieve->size, digest, sieve->size) != 0)
				st = fn(export, digest, user);
		}
		at += sieve->counts[b];
	}
	free(sieve->digests);
	sieve->digests = NULL;
	return st;
}

enum kith_status kith_export_digests(struct kith_export *export, enum kith_digest kind,
				     kith_digest_fn fn, void *user, struct kith_err *err)
{
	struct sieve sieve = {.kind = kind, .size = kith_digest_size(kind)};
	enum kith_status st = KITH_E_NOMEM;

	if (err != NULL)
		err->status = KITH_OK;
	sieve.counts = calloc(BUCKETS, sizeof *sieve.counts);
	sieve.next = calloc(BUCKETS, sizeof *sieve.next);
	if (sieve.counts == NULL || sieve.next == NULL) {
		st = kith_fail_nomem(err);
		goto out;
	}
	st = read_all(export, &sieve, err);
	while (sieve.to < BUCKETS && st == KITH_OK) {
		uint64_t n = 0;

		sieve.from = sieve.to;
		do
			n += sieve.counts[sieve.to++];
		while (sieve.to < BUCKETS &&
		       n + sieve.counts[sieve.to] <= KITH_LIMIT_EXPORT / sieve.size);
		st = give_range(export, &sieve, fn, user, err);
	}
out:
	free(sieve.counts);
	free(sieve.next);
	return st;
}

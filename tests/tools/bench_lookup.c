/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_lookup: nanoseconds for a lookup in a set, through libkith and through plain LMDB.
 *
 *   bench_lookup SET [LOOKUPS [SEED]]
 *
 * Hashes to find are drawn at random from the set, hashes to miss are random. Each way gets the
 * same hashes in the same order, once to warm up and then RUNS times, of which the median counts.
 * Each hit's record is touched. Prints lines "WAY.hit NANOSECONDS" and checks every answer. Before
 * that it prints what the set holds: files, occurrences, its size and the bytes of text in it.
 *
 * A process must not have one file open as two LMDB environments, so libkith's is closed before
 * LMDB's is opened.
 */
#define _POSIX_C_SOURCE 200809L
#include <lmdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kith.h"

#define RUNS  5
#define BATCH 1024

struct bench {
	size_t n;
	uint64_t random;
	uint8_t *hits[KITH_DIGESTS]; /* n digests of each kind */
	uint8_t *misses;             /* n SHA-256 */
	volatile uint64_t sink;
};

static uint64_t next_random(struct bench *bench)
{
	uint64_t x = bench->random += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static void random_bytes(struct bench *bench, uint8_t *out, size_t n)
{
	for (size_t i = 0; i < n; i += 8) {
		uint64_t x = next_random(bench);

		memcpy(out + i, &x, n - i < 8 ? n - i : 8);
	}
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool fail(const char *what, const char *why)
{
	fprintf(stderr, "bench_lookup: %s: %s\n", what, why);
	return false;
}

/* Draws files: the first one behind a random key. */
static bool draw(struct bench *bench, kith_reader *reader)
{
	for (size_t i = 0; i < bench->n; i++) {
		struct kith_err err = {0};
		struct kith_file file;
		kith_cursor *cursor = NULL;
		enum kith_status status = KITH_END;
		uint8_t from[KITH_SHA256_SIZE];

		/* A second try from the start, for a draw behind the last key. */
		random_bytes(bench, from, sizeof(from));
		for (int attempt = 0; attempt < 2 && status != KITH_OK; attempt++) {
			if (kith_cursor_open(reader, KITH_TABLE_FILE, from, sizeof(from), &cursor,
					     &err) != KITH_OK)
				return fail("drawing files", err.msg);
			status = kith_cursor_next(cursor, &file);
			if (status == KITH_OK) {
				memcpy(bench->hits[KITH_SHA256] + 32 * i, file.sha256, 32);
				if (file.sha1 != NULL)
					memcpy(bench->hits[KITH_SHA1] + 20 * i, file.sha1, 20);
				if (file.md5 != NULL)
					memcpy(bench->hits[KITH_MD5] + 16 * i, file.md5, 16);
			}
			kith_cursor_close(cursor);
			memset(from, 0, sizeof(from));
		}
		if (status != KITH_OK)
			return fail("drawing files", "the set has none, or is damaged");
	}
	random_bytes(bench, bench->misses, 32 * bench->n);
	return true;
}

static bool one_by_one(struct bench *bench, kith_reader *reader, enum kith_digest kind,
		       const uint8_t *digests, enum kith_status expect)
{
	size_t size = kith_digest_size(kind);
	uint64_t sum = 0;

	for (size_t i = 0; i < bench->n; i++) {
		struct kith_file file;

		if (kith_lookup(reader, kind, digests + size * i, size, &file) != expect)
			return fail("kith_lookup", "a wrong answer");
		if (expect == KITH_OK)
			sum += file.n_occurrences;
	}
	bench->sink += sum;
	return true;
}

static bool in_batches(struct bench *bench, kith_reader *reader, enum kith_digest kind,
		       const uint8_t *digests, enum kith_status expect)
{
	static struct kith_file files[BATCH];
	static enum kith_status status[BATCH];
	size_t size = kith_digest_size(kind);
	uint64_t sum = 0;

	for (size_t i = 0; i < bench->n; i += BATCH) {
		size_t n = bench->n - i < BATCH ? bench->n - i : BATCH;

		if (kith_lookup_many(reader, kind, digests + size * i, n, files, status) != KITH_OK)
			return fail("kith_lookup_many", "failed");
		for (size_t j = 0; j < n; j++) {
			if (status[j] != expect)
				return fail("kith_lookup_many", "a wrong answer");
			if (expect == KITH_OK)
				sum += files[j].n_occurrences;
		}
	}
	bench->sink += sum;
	return true;
}

typedef bool (*way_fn)(struct bench *bench, kith_reader *reader, enum kith_digest kind,
		       const uint8_t *digests, enum kith_status expect);

static int compare_times(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void report(const char *name, uint64_t *times, size_t n)
{
	qsort(times, RUNS, sizeof(*times), compare_times);
	printf("%s %.1f\n", name, (double)times[RUNS / 2] / (double)n);
}

static bool measure(struct bench *bench, kith_reader *reader, const char *name, way_fn way,
		    enum kith_digest kind, const uint8_t *digests, enum kith_status expect)
{
	uint64_t times[RUNS];

	if (!way(bench, reader, kind, digests, expect))
		return false;
	for (int run = 0; run < RUNS; run++) {
		uint64_t start = now_ns();

		if (!way(bench, reader, kind, digests, expect))
			return false;
		times[run] = now_ns() - start;
	}
	report(name, times, bench->n);
	return true;
}

/* Bytes of the names of files and places, which any way of keeping them would need. */
static bool count_text(kith_reader *reader, const struct kith_set_info *info, uint64_t *ret)
{
	*ret = 0;
	for (uint64_t i = 0; i < info->names; i++) {
		struct kith_bytes name;

		if (kith_name(reader, (uint32_t)i, &name) != KITH_OK)
			return fail("reading names", "the set is damaged");
		*ret += name.n;
	}
	for (uint64_t i = 0; i < info->places; i++) {
		struct kith_place place;

		if (kith_place(reader, (uint32_t)i, &place) != KITH_OK)
			return fail("reading places", "the set is damaged");
		*ret += place.name.n;
	}
	return true;
}

static bool bench_kith(struct bench *bench, const char *path)
{
	struct kith_err err = {0};
	struct kith_set_info info;
	kith_set *set = NULL;
	kith_reader *reader = NULL;
	uint64_t text_bytes;
	bool ok = false;

	if (kith_set_open(path, &set, &err) != KITH_OK ||
	    kith_reader_open(set, &reader, &err) != KITH_OK) {
		fail(path, err.msg);
		goto out;
	}
	kith_set_info(set, &info);
	if (!count_text(reader, &info, &text_bytes))
		goto out;
	printf("files %llu\noccurrences %llu\nsize_bytes %llu\ntext_bytes %llu\ndirect %d\n",
	       (unsigned long long)info.files, (unsigned long long)info.occurrences,
	       (unsigned long long)info.size_bytes, (unsigned long long)text_bytes, info.direct);
	ok = draw(bench, reader) &&
	     measure(bench, reader, "kith_lookup.hit", one_by_one, KITH_SHA256,
		     bench->hits[KITH_SHA256], KITH_OK) &&
	     measure(bench, reader, "kith_lookup.miss", one_by_one, KITH_SHA256, bench->misses,
		     KITH_NOT_FOUND) &&
	     measure(bench, reader, "kith_lookup_many.hit", in_batches, KITH_SHA256,
		     bench->hits[KITH_SHA256], KITH_OK) &&
	     measure(bench, reader, "kith_lookup_many.miss", in_batches, KITH_SHA256, bench->misses,
		     KITH_NOT_FOUND) &&
	     measure(bench, reader, "kith_lookup.sha1.hit", one_by_one, KITH_SHA1,
		     bench->hits[KITH_SHA1], KITH_OK) &&
	     measure(bench, reader, "kith_lookup.md5.hit", one_by_one, KITH_MD5,
		     bench->hits[KITH_MD5], KITH_OK) &&
	     measure(bench, reader, "kith_lookup_many.md5.hit", in_batches, KITH_MD5,
		     bench->hits[KITH_MD5], KITH_OK);
out:
	kith_reader_close(reader);
	kith_set_close(set);
	return ok;
}

static bool get_all(struct bench *bench, MDB_txn *txn, MDB_dbi dbi, uint8_t *digests, int expect)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < bench->n; i++) {
		MDB_val key = {.mv_size = 32, .mv_data = digests + 32 * i}, value;

		if (mdb_get(txn, dbi, &key, &value) != expect)
			return fail("mdb_get", "a wrong answer");
		if (expect == MDB_SUCCESS)
			sum += *(const uint8_t *)value.mv_data;
	}
	bench->sink += sum;
	return true;
}

static bool measure_lmdb(struct bench *bench, MDB_txn *txn, MDB_dbi dbi, const char *name,
			 uint8_t *digests, int expect)
{
	uint64_t times[RUNS];

	if (!get_all(bench, txn, dbi, digests, expect))
		return false;
	for (int run = 0; run < RUNS; run++) {
		uint64_t start = now_ns();

		if (!get_all(bench, txn, dbi, digests, expect))
			return false;
		times[run] = now_ns() - start;
	}
	report(name, times, bench->n);
	return true;
}

static bool bench_lmdb(struct bench *bench, const char *path)
{
	MDB_env *env = NULL;
	MDB_txn *txn = NULL;
	MDB_dbi dbi;
	int rc;
	bool ok = false;

	rc = mdb_env_create(&env);
	if (rc == 0)
		rc = mdb_env_set_maxdbs(env, 16);
	if (rc == 0)
		rc = mdb_env_open(env, path, MDB_RDONLY | MDB_NOLOCK | MDB_NOSUBDIR, 0600);
	if (rc == 0)
		rc = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);
	if (rc == 0)
		rc = mdb_dbi_open(txn, "file", 0, &dbi);
	if (rc != 0) {
		fail(path, mdb_strerror(rc));
		goto out;
	}
	ok = measure_lmdb(bench, txn, dbi, "mdb_get.hit", bench->hits[KITH_SHA256], MDB_SUCCESS) &&
	     measure_lmdb(bench, txn, dbi, "mdb_get.miss", bench->misses, MDB_NOTFOUND);
out:
	mdb_txn_abort(txn);
	mdb_env_close(env);
	return ok;
}

int main(int argc, char **argv)
{
	struct bench bench = {.n = 1000000, .random = 1};
	bool ok = false;

	if (argc < 2) {
		fputs("usage: bench_lookup SET [LOOKUPS [SEED]]\n", stderr);
		return 2;
	}
	if (argc > 2)
		bench.n = (size_t)strtoull(argv[2], NULL, 10);
	if (argc > 3)
		bench.random = strtoull(argv[3], NULL, 10);
	if (bench.n == 0 || bench.n > (size_t)1 << 30)
		return fail(argv[2], "not a number of lookups") ? 0 : 2;
	for (int kind = 0; kind < KITH_DIGESTS; kind++)
		bench.hits[kind] = calloc(bench.n, kith_digest_size((enum kith_digest)kind));
	bench.misses = calloc(bench.n, 32);
	if (bench.hits[0] == NULL || bench.hits[1] == NULL || bench.hits[2] == NULL ||
	    bench.misses == NULL)
		fail("hashes", "out of memory");
	else
		ok = bench_kith(&bench, argv[1]) && bench_lmdb(&bench, argv[1]);
	for (int kind = 0; kind < KITH_DIGESTS; kind++)
		free(bench.hits[kind]);
	free(bench.misses);
	return ok ? 0 : 2;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams of many sizes, pushed in pieces, with runs of zeros, dropped in between, and read in
 * place, for several numbers of threads. Judged by sha256sum, sha1sum and md5sum over the same
 * bytes in files.
 */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/hex.h"
#include "hash/hasher.h"

#define BLOCK   ((size_t)128 << 10) /* the hasher's own: its edges are tried */
#define STREAMS 64
#define ZEROS   ((size_t)700000)

static const size_t sizes[] = {
    0,     1,         55,    56,        64,        1000,      4096,          32767,  32768,
    32769, BLOCK - 1, BLOCK, BLOCK + 1, BLOCK * 2, 300 << 10, BLOCK * 3 + 5, 3 << 20};
#define SIZES (sizeof sizes / sizeof *sizes)

static char folder[] = "/tmp/kith-test-digest-XXXXXX";
static uint8_t *contents[STREAMS];
static size_t lengths[STREAMS];
static struct kith_digests wanted[STREAMS];
static char path[STREAMS][64];

static uint64_t next_random(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	return z ^ z >> 31;
}

/* What a coreutils program says of each file. */
static void ask(const char *program, size_t digest_n, size_t field)
{
	char command[256], line[512];
	size_t i = 0;
	FILE *in;

	(void)snprintf(command, sizeof command, "%s %s/s*", program, folder);
	in = popen(command, "r");
	assert_non_null(in);
	while (fgets(line, sizeof line, in) != NULL) {
		assert_true(i < STREAMS);
		assert_true(kith_hex_decode(line, (uint8_t *)&wanted[i] + field, digest_n));
		i++;
	}
	assert_int_equal(pclose(in), 0);
	assert_int_equal(i, STREAMS);
}

static int make_files(void **state)
{
	uint64_t random = 7;
	size_t i, k;

	(void)state;
	assert_non_null(mkdtemp(folder));
	for (i = 0; i < STREAMS; i++) {
		FILE *out;

		lengths[i] =
		    i < SIZES ? sizes[i] : next_random(&random) % (i % 4 == 0 ? 500000 : 9000);
		if (i == SIZES) /* zeros alone, as a hole */
			lengths[i] = ZEROS;
		contents[i] = calloc(1, lengths[i] + 1);
		assert_non_null(contents[i]);
		for (k = 0; i != SIZES && k < lengths[i]; k++)
			contents[i][k] = (uint8_t)(next_random(&random) >> 40);
		if (i % 3 == 2) /* a run of zeros in the middle */
			memset(contents[i] + lengths[i] / 4, 0, lengths[i] / 2);
		(void)snprintf(path[i], sizeof path[i], "%s/s%02zu", folder, i);
		out = fopen(path[i], "wbe");
		assert_non_null(out);
		assert_int_equal(fwrite(contents[i], 1, lengths[i], out), lengths[i]);
		assert_int_equal(fclose(out), 0);
		wanted[i].size = lengths[i];
	}
	ask("sha256sum", 32, offsetof(struct kith_digests, sha256));
	ask("sha1sum", 20, offsetof(struct kith_digests, sha1));
	ask("md5sum", 16, offsetof(struct kith_digests, md5));
	return 0;
}

static int remove_files(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < STREAMS; i++) {
		(void)unlink(path[i]);
		free(contents[i]);
	}
	return rmdir(folder);
}

struct seen {
	size_t n, fail_at; /* results; the one that the callback refuses, or SIZE_MAX */
	size_t order[100000];
};

/* The stream is its number + 1, plus STREAMS for one whose file cannot be read. */
static enum kith_status on_hashed(void *hasher_user, void *stream_user, enum kith_status st,
				  const struct kith_digests *digests, struct kith_err *err)
{
	struct seen *seen = hasher_user;
	size_t number = (size_t)(uintptr_t)stream_user - 1;

	if (number >= STREAMS) {
		assert_true(st < 0);
	} else {
		assert_int_equal(st, KITH_OK);
		assert_int_equal(digests->size, wanted[number].size);
		assert_memory_equal(digests->sha256, wanted[number].sha256, 32);
		assert_memory_equal(digests->sha1, wanted[number].sha1, 20);
		assert_memory_equal(digests->md5, wanted[number].md5, 16);
	}
	seen->order[seen->n++] = number;
	if (seen->n - 1 == seen->fail_at)
		return kith_fail(err, KITH_E_CANCELLED, "enough");
	return KITH_OK;
}

static void *user_of(size_t number)
{
	return (void *)(uintptr_t)(number + 1);
}

static void push(struct kith_hasher *hasher, size_t i, uint64_t *random, bool holes)
{
	size_t at = 0;

	while (at < lengths[i]) {
		size_t now = next_random(random) % (next_random(random) % 2 ? 300000 : 5000);
		size_t zeros = 0;

		while (holes && at + zeros < lengths[i] && contents[i][at + zeros] == 0)
			zeros++;
		if (zeros > 1) {
			assert_int_equal(kith_hasher_add_zeros(hasher, zeros, NULL), KITH_OK);
			at += zeros;
			continue;
		}
		if (now > lengths[i] - at)
			now = lengths[i] - at;
		if (holes && i % 3 == 2 && at < lengths[i] / 4 && now > lengths[i] / 4 - at)
			now = lengths[i] / 4 - at;
		if (next_random(random) % 2 == 0) {
			void *space;
			size_t n;

			assert_int_equal(
			    kith_hasher_space(hasher, lengths[i] - at, &space, &n, NULL), KITH_OK);
			if (space != NULL) {
				now = now < n ? now : n;
				memcpy(space, contents[i] + at, now);
				kith_hasher_filled(hasher, now);
				at += now;
				continue;
			}
		}
		assert_int_equal(kith_hasher_add(hasher, contents[i] + at, now, NULL), KITH_OK);
		at += now;
	}
}

/* Returns how many results there will be. */
static size_t round_of(struct kith_hasher *hasher, uint64_t *random, size_t n)
{
	size_t k, n_expected = 0;

	for (k = 0; k < n; k++) {
		size_t i = next_random(random) % STREAMS;
		enum kith_status st;

		if (lengths[i] > 1000000 && k % 8 != 0) /* not too many of those */
			i = 3;
		switch (next_random(random) % 4) {
		case 0: { /* dropped half-way */
			assert_int_equal(kith_hasher_begin(hasher, NULL, NULL), KITH_OK);
			push(hasher, i, random, false);
			kith_hasher_drop(hasher);
			continue;
		}
		case 1: { /* in place, in two parts */
			struct kith_blob file, parts;
			struct kith_extent extents[2] = {{0, lengths[i] / 3}, {lengths[i] / 3, 0}};
			int fd = open(path[i], O_RDONLY | O_CLOEXEC);

			assert_true(fd >= 0);
			extents[1].bytes = lengths[i] - extents[0].bytes;
			assert_int_equal(kith_blob_file(&file, fd, lengths[i], NULL), KITH_OK);
			assert_int_equal(kith_blob_parts(&parts, &file, extents, 2, NULL), KITH_OK);
			st = kith_hasher_blob(hasher, user_of(i), &parts, NULL);
			kith_blob_done(&file);
			kith_blob_done(&parts); /* it was copied */
			assert_int_equal(st, KITH_OK);
			if (lengths[i] > 32768) /* its descriptor has to live */
				assert_int_equal(kith_hasher_flush(hasher, NULL), KITH_OK);
			(void)close(fd);
			break;
		}
		default:
			assert_int_equal(kith_hasher_begin(hasher, user_of(i), NULL), KITH_OK);
			push(hasher, i, random, k % 2 == 0);
			assert_int_equal(kith_hasher_end(hasher, NULL), KITH_OK);
		}
		n_expected++;
	}
	return n_expected;
}

static void judge_streams(struct sum_methods *(*methods)(unsigned which))
{
	static const unsigned threads[] = {0, 1, 2, 5};
	static struct seen seen;
	size_t t;

	for (t = 0; t < sizeof threads / sizeof *threads; t++) {
		struct kith_hasher *hasher;
		uint64_t random = 11 + t;
		size_t expected;

		memset(&seen, 0, sizeof seen);
		seen.fail_at = SIZE_MAX;
		assert_int_equal(
		    hasher_new(methods(SUM_ALL), threads[t], on_hashed, &seen, &hasher, NULL),
		    KITH_OK);
		expected = round_of(hasher, &random, 400);
		assert_int_equal(kith_hasher_flush(hasher, NULL), KITH_OK);
		assert_int_equal(seen.n, expected);
		kith_hasher_free(hasher);
	}
}

static void every_stream_is_judged(void **state)
{
	(void)state;
	judge_streams(sum_methods_new);
}

static void so_are_those_of_libcrypto(void **state)
{
	(void)state;
	judge_streams(sum_methods_new_libcrypto);
}

static void results_come_in_the_order_of_ends(void **state)
{
	static struct seen seen;
	struct kith_hasher *hasher;
	int fd = open(path[SIZES - 1], O_RDONLY | O_CLOEXEC);
	struct kith_blob big;
	size_t n, k;

	(void)state;
	memset(&seen, 0, sizeof seen);
	seen.fail_at = SIZE_MAX;
	assert_true(fd >= 0);
	assert_int_equal(kith_blob_file(&big, fd, lengths[SIZES - 1], NULL), KITH_OK);
	assert_int_equal(kith_hasher_new(3, on_hashed, &seen, &hasher, NULL), KITH_OK);
	/* more than the ring of results and several blocks hold, with slow ones between */
	for (n = 0; n < 20000; n++) {
		if (n % 1000 == 7) {
			assert_int_equal(kith_hasher_blob(hasher, user_of(SIZES - 1), &big, NULL),
					 KITH_OK);
			continue;
		}
		assert_int_equal(kith_hasher_begin(hasher, user_of(n % 5), NULL), KITH_OK);
		assert_int_equal(kith_hasher_add(hasher, contents[n % 5], lengths[n % 5], NULL),
				 KITH_OK);
		assert_int_equal(kith_hasher_end(hasher, NULL), KITH_OK);
	}
	assert_int_equal(kith_hasher_flush(hasher, NULL), KITH_OK);
	assert_int_equal(seen.n, n);
	for (k = 0; k < n; k++)
		assert_int_equal(seen.order[k], k % 1000 == 7 ? SIZES - 1 : k % 5);
	kith_hasher_free(hasher);
	kith_blob_done(&big);
	(void)close(fd);
}

static void a_file_that_ends_early_is_told(void **state)
{
	static const unsigned threads[] = {0, 1, 2};
	static struct seen seen;
	size_t t, n;

	(void)state;
	for (t = 0; t < 3; t++) {
		int fd = open(path[4], O_RDONLY | O_CLOEXEC); /* 64 bytes */
		struct kith_hasher *hasher;
		struct kith_blob blob;

		memset(&seen, 0, sizeof seen);
		seen.fail_at = SIZE_MAX;
		assert_int_equal(kith_hasher_new(threads[t], on_hashed, &seen, &hasher, NULL),
				 KITH_OK);
		for (n = 0; n < 3; n++) {
			assert_int_equal(kith_blob_file(&blob, fd, n == 0 ? 1000 : 9000000, NULL),
					 KITH_OK);
			assert_int_equal(
			    kith_hasher_blob(hasher, user_of(STREAMS + n), &blob, NULL), KITH_OK);
			kith_blob_done(&blob);
			assert_int_equal(kith_hasher_begin(hasher, user_of(1), NULL), KITH_OK);
			assert_int_equal(kith_hasher_add(hasher, contents[1], 1, NULL), KITH_OK);
			assert_int_equal(kith_hasher_end(hasher, NULL), KITH_OK);
		}
		assert_int_equal(kith_hasher_flush(hasher, NULL), KITH_OK);
		assert_int_equal(seen.n, 6);
		for (n = 0; n < 6; n++)
			assert_int_equal(seen.order[n], n % 2 == 1 ? 1 : STREAMS + n / 2);
		kith_hasher_free(hasher);
		(void)close(fd);
	}
}

static void a_refusal_of_the_callback_comes_back_once(void **state)
{
	static struct seen seen;
	unsigned threads;

	(void)state;
	for (threads = 0; threads < 3; threads++) {
		struct kith_hasher *hasher;
		struct kith_err err;
		size_t n, refused = 0;

		memset(&seen, 0, sizeof seen);
		seen.fail_at = 30;
		assert_int_equal(kith_hasher_new(threads, on_hashed, &seen, &hasher, NULL),
				 KITH_OK);
		for (n = 0; n < 2000; n++) {
			size_t i = n % 10;
			enum kith_status st = kith_hasher_begin(hasher, user_of(i), &err);

			if (st >= 0)
				st = kith_hasher_add(hasher, contents[i], lengths[i], &err);
			if (st >= 0)
				st = kith_hasher_end(hasher, &err);
			if (st < 0) {
				assert_int_equal(st, KITH_E_CANCELLED);
				assert_string_equal(err.msg, "enough");
				kith_hasher_drop(hasher);
				refused++;
			}
		}
		if (kith_hasher_flush(hasher, &err) < 0)
			refused++;
		assert_int_equal(kith_hasher_flush(hasher, NULL), KITH_OK);
		assert_int_equal(refused, 1);
		assert_in_range(seen.n, 1999, 2000);
		kith_hasher_free(hasher);
	}
}

static void what_is_not_ended_may_be_thrown_away(void **state)
{
	static struct seen seen;
	unsigned threads;

	(void)state;
	for (threads = 0; threads < 4; threads++) {
		int fd = open(path[SIZES - 1], O_RDONLY | O_CLOEXEC);
		struct kith_hasher *hasher;
		struct kith_blob blob;
		size_t n;

		memset(&seen, 0, sizeof seen);
		seen.fail_at = SIZE_MAX;
		assert_int_equal(kith_blob_file(&blob, fd, lengths[SIZES - 1], NULL), KITH_OK);
		assert_int_equal(kith_hasher_new(threads, on_hashed, &seen, &hasher, NULL),
				 KITH_OK);
		for (n = 0; n < 9; n++)
			assert_int_equal(kith_hasher_blob(hasher, user_of(SIZES - 1), &blob, NULL),
					 KITH_OK);
		assert_int_equal(kith_hasher_begin(hasher, user_of(0), NULL), KITH_OK);
		assert_int_equal(kith_hasher_add(hasher, contents[15], lengths[15], NULL), KITH_OK);
		if (threads > 0) /* so many that hashing them would be noticed */
			assert_int_equal(kith_hasher_add_zeros(hasher, UINT64_C(1) << 40, NULL),
					 KITH_OK);
		kith_hasher_free(hasher);
		kith_blob_done(&blob);
		(void)close(fd);
	}
	kith_hasher_free(NULL);
}

static void misuse_is_refused(void **state)
{
	static struct seen seen;
	struct kith_hasher *hasher;
	struct kith_blob blob;

	(void)state;
	assert_int_equal(kith_hasher_new(65, on_hashed, &seen, &hasher, NULL), KITH_E_ARG);
	assert_int_equal(kith_hasher_new(1, on_hashed, &seen, &hasher, NULL), KITH_OK);
	assert_int_equal(kith_hasher_end(hasher, NULL), KITH_E_ARG);
	assert_int_equal(kith_hasher_add(hasher, "", 0, NULL), KITH_E_ARG);
	assert_int_equal(kith_hasher_begin(hasher, NULL, NULL), KITH_OK);
	assert_int_equal(kith_hasher_begin(hasher, NULL, NULL), KITH_E_ARG);
	kith_blob_decoded(&blob, 0, NULL, NULL);
	assert_int_equal(kith_hasher_blob(hasher, NULL, &blob, NULL), KITH_E_ARG);
	assert_int_equal(kith_hasher_flush(hasher, NULL), KITH_E_ARG);
	kith_hasher_free(hasher);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_stream_is_judged),
	    cmocka_unit_test(so_are_those_of_libcrypto),
	    cmocka_unit_test(results_come_in_the_order_of_ends),
	    cmocka_unit_test(a_file_that_ends_early_is_told),
	    cmocka_unit_test(a_refusal_of_the_callback_comes_back_once),
	    cmocka_unit_test(what_is_not_ended_may_be_thrown_away),
	    cmocka_unit_test(misuse_is_refused),
	};

	return cmocka_run_group_tests(tests, make_files, remove_files);
}

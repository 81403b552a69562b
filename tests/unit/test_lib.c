/* SPDX-License-Identifier: Apache-2.0 */
/* libkith on a set whose content fixture_set.c knows. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "fixture_set.h"
#include "lib/set.h"

#define FILES     5000u
#define SHA1_ONLY 300u

static kith_set *set;
static kith_reader *reader;

static int open_set(void **state)
{
	(void)state;
	return fixture_open(FILES, SHA1_ONLY, &set, &reader) ? 0 : -1;
}

static int close_set(void **state)
{
	(void)state;
	fixture_close(set, reader);
	return 0;
}

/* The answer is file `want`, in every detail. */
static void expect_file(const struct kith_file *got, const struct fixture_file *want,
			bool sha1_only)
{
	const struct kith_claim *own = &want->claims[0], *other = &want->claims[1];
	uint32_t flags = (want->marks & KITH_REC_TRIVIAL ? KITH_FILE_TRIVIAL : 0) |
			 (want->marks & KITH_REC_FRAGMENT ? KITH_FILE_FRAGMENT : 0) |
			 (want->n_claims > 1 ? KITH_FILE_CONFLICT : 0) |
			 (sha1_only ? KITH_FILE_SHA1_ONLY : 0) |
			 (own->has & KITH_REC_HAS_SIZE ? KITH_FILE_HAS_SIZE : 0);
	struct kith_file_iter iter;
	struct kith_alternate alt;
	struct kith_occurrence occ;
	size_t i;

	assert_int_equal(got->flags, flags);
	if (sha1_only) {
		assert_null(got->sha256);
		assert_memory_equal(got->sha1, want->key, KITH_SHA1_SIZE);
	} else {
		assert_memory_equal(got->sha256, want->key, KITH_SHA256_SIZE);
		assert_int_equal(got->sha1 != NULL, (own->has & KITH_REC_HAS_SHA1) != 0);
		if (got->sha1 != NULL)
			assert_memory_equal(got->sha1, own->sha1, KITH_SHA1_SIZE);
	}
	assert_int_equal(got->md5 != NULL, (own->has & KITH_REC_HAS_MD5) != 0);
	if (got->md5 != NULL)
		assert_memory_equal(got->md5, own->md5, KITH_MD5_SIZE);
	assert_true(got->size_bytes == own->size_bytes);
	assert_int_equal(kith_alternates(got, &iter), KITH_OK);
	if (want->n_claims > 1) {
		assert_int_equal(kith_alternate_next(&iter, &alt), KITH_OK);
		assert_memory_equal(alt.md5, other->md5, KITH_MD5_SIZE);
	}
	assert_int_equal(kith_alternate_next(&iter, &alt), KITH_END);
	assert_int_equal(got->n_occurrences, want->n_occs);
	assert_int_equal(kith_occurrences(got, &iter), KITH_OK);
	for (i = 0; i < want->n_occs; i++) {
		assert_int_equal(kith_occurrence_next(&iter, &occ), KITH_OK);
		assert_true(kith_occ_make(occ.place, occ.name) == want->occs[i]);
	}
	assert_int_equal(kith_occurrence_next(&iter, &occ), KITH_END);
}

/* Looks up every digest of every file. */
static void expect_all_files(kith_reader *with, bool by_attribute)
{
	static struct fixture_file want;
	uint64_t i;

	for (i = 0; i < FILES; i++) {
		struct kith_file got;
		size_t c;

		fixture_file(i, FILES, false, &want);
		assert_int_equal(kith_lookup(with, KITH_SHA256, want.key, 32, &got), KITH_OK);
		expect_file(&got, &want, false);
		for (c = 0; c < want.n_claims && by_attribute; c++) {
			if ((want.claims[c].has & KITH_REC_HAS_SHA1) != 0) {
				assert_int_equal(
				    kith_lookup(with, KITH_SHA1, want.claims[c].sha1, 20, &got),
				    KITH_OK);
				expect_file(&got, &want, false);
			}
			if ((want.claims[c].has & KITH_REC_HAS_MD5) != 0)
				assert_int_equal(
				    kith_lookup(with, KITH_MD5, want.claims[c].md5, 16, &got),
				    KITH_OK);
		}
	}
}

static void every_digest_of_every_file_finds_it(void **state)
{
	static struct fixture_file want;
	struct kith_file got;
	uint64_t i;

	(void)state;
	expect_all_files(reader, true);
	for (i = 0; i < SHA1_ONLY; i++) {
		fixture_file(i, SHA1_ONLY, true, &want);
		assert_int_equal(kith_lookup(reader, KITH_SHA1, want.key, 20, &got), KITH_OK);
		expect_file(&got, &want, true);
	}
}

static void what_is_not_there_is_not_found(void **state)
{
	uint8_t digest[32];
	struct kith_file got;
	uint64_t i;
	int kind;

	(void)state;
	for (i = 0; i < 20000; i++) {
		fixture_unknown(i, digest);
		for (kind = 0; kind < KITH_DIGESTS; kind++)
			assert_int_equal(kith_lookup(reader, (enum kith_digest)kind, digest,
						     kith_digest_size((enum kith_digest)kind),
						     &got),
					 KITH_NOT_FOUND);
	}
}

static void a_tag_of_zero_is_not_taken_for_an_empty_slot(void **state)
{
	uint8_t digest[32];
	struct kith_file got;
	enum kith_status st;
	uint64_t i;
	size_t n;
	int kind;

	(void)state;
	for (i = 0; i < 20000; i++) {
		fixture_unknown(i, digest);
		memset(digest + 8, 0, 3);
		for (kind = 0; kind < KITH_DIGESTS; kind++) {
			size_t size = kith_digest_size((enum kith_digest)kind);

			assert_int_equal(
			    kith_lookup(reader, (enum kith_digest)kind, digest, size, &got),
			    KITH_NOT_FOUND);
			assert_int_equal(kith_lookup_all(reader, (enum kith_digest)kind, digest,
							 size, NULL, 0, &n),
					 KITH_NOT_FOUND);
			assert_int_equal(
			    kith_lookup_many(reader, (enum kith_digest)kind, digest, 1, &got, &st),
			    KITH_OK);
			assert_int_equal(st, KITH_NOT_FOUND);
		}
	}
}

/* Its line and its tag are those of a file, so only the whole comparison can tell. */
static void a_digest_that_differs_in_one_bit_is_not_found(void **state)
{
	static struct fixture_file want;
	struct kith_file got;
	unsigned bit;

	(void)state;
	fixture_file(1234, FILES, false, &want);
	for (bit = 0; bit < 256; bit++) {
		want.key[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(kith_lookup(reader, KITH_SHA256, want.key, 32, &got),
				 KITH_NOT_FOUND);
		want.key[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_int_equal(kith_lookup(reader, KITH_SHA256, want.key, 32, &got), KITH_OK);
	for (bit = 0; bit < 128; bit++) {
		want.claims[0].md5[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(kith_lookup(reader, KITH_MD5, want.claims[0].md5, 16, &got),
				 KITH_NOT_FOUND);
		want.claims[0].md5[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

static void a_wrong_size_or_kind_is_an_argument_error(void **state)
{
	uint8_t digest[64] = {0};
	struct kith_file got;
	size_t n;

	(void)state;
	for (n = 0; n < 64; n++)
		if (n != 32)
			assert_int_equal(kith_lookup(reader, KITH_SHA256, digest, n, &got),
					 KITH_E_ARG);
	assert_int_equal(kith_lookup(reader, (enum kith_digest)3, digest, 32, &got), KITH_E_ARG);
	assert_int_equal(kith_lookup(reader, (enum kith_digest)3, digest, 0, &got), KITH_E_ARG);
}

static void an_ambiguous_digest_gives_all_its_files_once(void **state)
{
	static struct fixture_file want;
	struct kith_file got[4];
	size_t n, ambiguous = 0;
	uint64_t i;

	(void)state;
	for (i = 1; i < FILES; i++) {
		bool shared;

		fixture_file(i, FILES, false, &want);
		if ((want.claims[0].has & KITH_REC_HAS_MD5) == 0)
			continue;
		/* file i of 19 i + 7 has the MD5 of the file before it, if that has one */
		shared = (i % 19 == 7 && (i - 1) % 13 != 5) ||
			 (i % 19 == 6 && i + 1 < FILES && (i + 1) % 13 != 5);
		n = 99;
		assert_int_equal(
		    kith_lookup_all(reader, KITH_MD5, want.claims[0].md5, 16, got, 4, &n), KITH_OK);
		assert_int_equal(n, shared ? 2 : 1);
		if (shared) {
			assert_memory_not_equal(got[0].sha256, got[1].sha256, 32);
			assert_memory_equal(got[0].md5, got[1].md5, 16);
			ambiguous++;
		}
		/* without room the number is the same */
		assert_int_equal(
		    kith_lookup_all(reader, KITH_MD5, want.claims[0].md5, 16, NULL, 0, &n),
		    KITH_OK);
		assert_int_equal(n, shared ? 2 : 1);
	}
	assert_true(ambiguous > 300);
}

static void many_lookups_answer_as_one_by_one(void **state)
{
	enum { COUNT = 3001 };
	static uint8_t digests[COUNT * 32];
	static struct kith_file files[COUNT];
	static enum kith_status statuses[COUNT];
	static struct fixture_file file;
	int kind;
	size_t i;

	(void)state;
	for (kind = 0; kind < KITH_DIGESTS; kind++) {
		size_t size = kith_digest_size((enum kith_digest)kind), found = 0;

		for (i = 0; i < COUNT; i++) {
			uint8_t *to = digests + i * size, unknown[32];

			fixture_file(i * 7 % FILES, FILES, false, &file);
			fixture_unknown(i, unknown);
			if (i % 3 == 0)
				memcpy(to, unknown, size);
			else if (kind == KITH_SHA256)
				memcpy(to, file.key, size);
			else
				memcpy(to,
				       kind == KITH_SHA1 ? file.claims[0].sha1 : file.claims[0].md5,
				       size);
		}
		assert_int_equal(kith_lookup_many(reader, (enum kith_digest)kind, digests, COUNT,
						  files, statuses),
				 KITH_OK);
		for (i = 0; i < COUNT; i++) {
			struct kith_file one;
			enum kith_status st = kith_lookup(reader, (enum kith_digest)kind,
							  digests + i * size, size, &one);

			assert_int_equal(st, statuses[i]);
			if (st == KITH_OK)
				assert_true(one.sha256 == files[i].sha256 &&
					    one.sha1 == files[i].sha1 && one.md5 == files[i].md5 &&
					    one.flags == files[i].flags &&
					    one.body == files[i].body);
			found += st == KITH_OK;
		}
		assert_true(found > COUNT / 2 && found < COUNT);
	}
	assert_int_equal(kith_lookup_many(reader, KITH_MD5, digests, 0, NULL, NULL), KITH_OK);
}

static void a_walk_gives_every_file_in_order(void **state)
{
	static struct fixture_file want;
	kith_cursor *cursor;
	struct kith_file got;
	uint64_t i;

	(void)state;
	assert_int_equal(kith_cursor_open(reader, KITH_TABLE_FILE, NULL, 0, &cursor, NULL),
			 KITH_OK);
	for (i = 0; i < FILES; i++) {
		fixture_file(i, FILES, false, &want);
		assert_int_equal(kith_cursor_next(cursor, &got), KITH_OK);
		expect_file(&got, &want, false);
	}
	assert_int_equal(kith_cursor_next(cursor, &got), KITH_END);
	assert_int_equal(kith_cursor_next(cursor, &got), KITH_END);
	kith_cursor_close(cursor);
	assert_int_equal(kith_cursor_open(reader, KITH_TABLE_SHA1_ONLY, NULL, 0, &cursor, NULL),
			 KITH_OK);
	for (i = 0; i < SHA1_ONLY; i++) {
		fixture_file(i, SHA1_ONLY, true, &want);
		assert_int_equal(kith_cursor_next(cursor, &got), KITH_OK);
		expect_file(&got, &want, true);
	}
	assert_int_equal(kith_cursor_next(cursor, &got), KITH_END);
	kith_cursor_close(cursor);
}

static void a_walk_begins_at_the_first_key_that_is_not_below(void **state)
{
	static struct fixture_file want;
	kith_cursor *cursor;
	struct kith_file got;
	uint8_t from[33];

	(void)state;
	fixture_file(777, FILES, false, &want);
	memcpy(from, want.key, 32);
	assert_int_equal(kith_cursor_open(reader, KITH_TABLE_FILE, from, 32, &cursor, NULL),
			 KITH_OK);
	assert_int_equal(kith_cursor_next(cursor, &got), KITH_OK);
	assert_memory_equal(got.sha256, want.key, 32);
	kith_cursor_close(cursor);
	from[31]++; /* no overflow: see the assertion */
	assert_int_not_equal(from[31], 0);
	fixture_file(778, FILES, false, &want);
	assert_int_equal(kith_cursor_open(reader, KITH_TABLE_FILE, from, 32, &cursor, NULL),
			 KITH_OK);
	assert_int_equal(kith_cursor_next(cursor, &got), KITH_OK);
	assert_memory_equal(got.sha256, want.key, 32);
	kith_cursor_close(cursor);
	memset(from, 0xff, sizeof from);
	assert_int_equal(kith_cursor_open(reader, KITH_TABLE_FILE, from, 1, &cursor, NULL),
			 KITH_OK);
	assert_int_equal(kith_cursor_next(cursor, &got), KITH_OK);
	assert_int_equal(got.sha256[0], 0xff);
	kith_cursor_close(cursor);
	assert_int_equal(kith_cursor_open(reader, KITH_TABLE_FILE, from, 33, &cursor, NULL),
			 KITH_E_ARG);
}

static void the_facts_of_the_set_are_told(void **state)
{
	struct kith_set_info info;
	const void *base;
	size_t size;
	struct stat st;

	(void)state;
	kith_set_info(set, &info);
	assert_int_equal(stat(fixture_path("good.kith"), &st), 0);
	assert_int_equal(info.format, 1);
	assert_int_equal(info.files, FILES);
	assert_int_equal(info.sha1_only, SHA1_ONLY);
	assert_int_equal(info.names, FIXTURE_NAMES);
	assert_int_equal(info.size_bytes, st.st_size);
	assert_int_equal(info.direct, 1);
	assert_true(info.has_index[0] && info.has_index[1] && info.has_index[2]);
	kith_set_map(set, &base, &size);
	assert_true(size >= info.size_bytes);
	assert_int_equal((uintptr_t)base % 4096, 0);
}

static int stop_late(uint64_t done, uint64_t total, void *user)
{
	(void)user;
	return done == total;
}

static void a_good_set_passes_the_check_unless_it_is_stopped(void **state)
{
	struct kith_err err = {0};

	(void)state;
	assert_int_equal(kith_reader_check(reader, NULL, NULL, &err), KITH_OK);
	assert_int_equal(kith_reader_check(reader, stop_late, NULL, &err), KITH_E_CANCELLED);
}

static int no_proc(const char *call)
{
	/* the first open is that of the set, the second that of /proc/self/maps */
	static int opens;

	return strcmp(call, "open") == 0 && ++opens == 2 ? EACCES : 0;
}

static void without_proc_the_anchor_tells_where_the_map_is(void **state)
{
	struct kith_set_info info;
	struct kith_err err = {0};
	kith_reader *other_reader;
	kith_set *other;

	(void)state;
	assert_int_equal(link(fixture_path("good.kith"), fixture_path("link.kith")), 0);
	kith_io_fault = no_proc;
	assert_int_equal(kith_set_open(fixture_path("link.kith"), &other, &err), KITH_OK);
	kith_io_fault = NULL;
	kith_set_info(other, &info);
	assert_int_equal(info.direct, 1);
	assert_int_equal(kith_reader_open(other, &other_reader, &err), KITH_OK);
	expect_all_files(other_reader, true);
	kith_reader_close(other_reader);
	kith_set_close(other);
}

static void a_compacted_set_answers_without_its_index(void **state)
{
	struct kith_set_info info;
	struct kith_err err = {0};
	struct kith_file got;
	kith_reader *other_reader;
	kith_set *other;
	uint8_t digest[32];
	struct kith_bytes name;
	char command[1200], text[64];
	size_t n;

	(void)state;
	/* mdb_copy -n -c needs a folder or writes to stdout */
	(void)snprintf(command, sizeof command, "mdb_copy -n -c '%s' > '%s'",
		       fixture_path("good.kith"), fixture_path("compact.kith"));
	if (system("command -v mdb_copy >/dev/null") != 0)
		skip();
	assert_int_equal(system(command), 0);
	assert_int_equal(kith_set_open(fixture_path("compact.kith"), &other, &err), KITH_OK);
	kith_set_info(other, &info);
	assert_int_equal(info.direct, 0);
	assert_true(info.has_index[KITH_SHA256] && !info.has_index[KITH_SHA1]);
	assert_int_equal(kith_reader_open(other, &other_reader, &err), KITH_OK);
	expect_all_files(other_reader, false);
	fixture_unknown(1, digest);
	assert_int_equal(kith_lookup(other_reader, KITH_SHA256, digest, 32, &got), KITH_NOT_FOUND);
	assert_int_equal(kith_lookup(other_reader, KITH_SHA1, digest, 20, &got), KITH_NO_REFERENCE);
	assert_int_equal(kith_lookup(other_reader, KITH_MD5, digest, 16, &got), KITH_NO_REFERENCE);
	assert_int_equal(kith_lookup_all(other_reader, KITH_SHA256, digest, 32, NULL, 0, &n),
			 KITH_NOT_FOUND);
	n = fixture_name(500, text);
	assert_int_equal(kith_name(other_reader, 500, &name), KITH_OK);
	assert_int_equal(name.n, n);
	assert_int_equal(kith_reader_check(other_reader, NULL, NULL, &err), KITH_OK);
	kith_reader_close(other_reader);
	kith_set_close(other);
}

/* Only a hint; what the set answers must not depend on it, nor on how often it comes. */
static void a_set_that_is_mapped_at_once_answers_the_same(void **state)
{
	struct kith_err err = {0};
	kith_reader *other_reader;
	kith_set *other;

	(void)state;
	assert_int_equal(kith_set_open(fixture_path("good.kith"), &other, &err), KITH_OK);
	assert_int_equal(kith_reader_open(other, &other_reader, &err), KITH_OK);
	kith_set_expect(other, 0);
	expect_all_files(other_reader, true);
	kith_set_expect(other, UINT64_MAX);
	kith_set_expect(other, UINT64_MAX);
	expect_all_files(other_reader, true);
	kith_reader_close(other_reader);
	kith_set_close(other);
}

/* Opens a file of these bytes; the message must have the words. */
static void expect_no_set(const char *name, const void *bytes, size_t n, enum kith_status status,
			  const char *words)
{
	const char *path = fixture_path(name);
	FILE *file = fopen(path, "wb");
	struct kith_err err = {0};
	kith_set *other = NULL;

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, n, file), n);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(kith_set_open(path, &other, &err), status);
	assert_null(other);
	assert_int_equal(err.status, status);
	if (strstr(err.msg, words) == NULL || strstr(err.msg, path) == NULL ||
	    strchr(err.msg, '\n') != NULL)
		fail_msg("message: %s", err.msg);
}

static void what_is_no_set_is_refused_with_a_sentence(void **state)
{
	static uint8_t zeros[8192];
	struct kith_err err = {0};
	kith_set *other = NULL;

	(void)state;
	expect_no_set("empty", "", 0, KITH_E_CORRUPT, "empty");
	expect_no_set("short", "hello", 5, KITH_E_CORRUPT, "not a kith set");
	expect_no_set("zeros", zeros, sizeof zeros, KITH_E_CORRUPT, "not a kith set");
	assert_int_equal(kith_set_open("/nonexistent/x.kith", &other, &err), KITH_E_IO);
	assert_int_equal(err.sys_errno, ENOENT);
	assert_int_equal(kith_set_open("/", &other, &err), KITH_E_CORRUPT);
	assert_non_null(strstr(err.msg, "folder"));
	assert_int_equal(kith_set_open("/dev/null", &other, NULL), KITH_E_CORRUPT);
}

static void a_newer_format_is_refused_as_such(void **state)
{
	FILE *file = fopen(fixture_path("good.kith"), "rb");
	static uint8_t bytes[4u << 20];
	size_t n;
	uint8_t *at;

	(void)state;
	assert_non_null(file);
	n = fread(bytes, 1, sizeof bytes, file);
	(void)fclose(file);
	assert_true(n < sizeof bytes);
	/* the key, then its value: the only such place in the file */
	at = memmem(bytes, n, "format1", 7);
	assert_non_null(at);
	at[6] = '2';
	expect_no_set("newer", bytes, n, KITH_E_UNSUPPORTED, "format 2");
	at[6] = 'x';
	expect_no_set("newer", bytes, n, KITH_E_CORRUPT, "format");
	at[6] = '1';
	expect_no_set("cut", bytes, n - 4096, KITH_E_CORRUPT, "truncated");
	expect_no_set("cut", bytes, 5000, KITH_E_CORRUPT, "truncated");
	expect_no_set("cut", bytes, 4200, KITH_E_CORRUPT, "ends early");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_digest_of_every_file_finds_it),
	    cmocka_unit_test(what_is_not_there_is_not_found),
	    cmocka_unit_test(a_tag_of_zero_is_not_taken_for_an_empty_slot),
	    cmocka_unit_test(a_digest_that_differs_in_one_bit_is_not_found),
	    cmocka_unit_test(a_wrong_size_or_kind_is_an_argument_error),
	    cmocka_unit_test(an_ambiguous_digest_gives_all_its_files_once),
	    cmocka_unit_test(many_lookups_answer_as_one_by_one),
	    cmocka_unit_test(a_walk_gives_every_file_in_order),
	    cmocka_unit_test(a_walk_begins_at_the_first_key_that_is_not_below),
	    cmocka_unit_test(the_facts_of_the_set_are_told),
	    cmocka_unit_test(a_good_set_passes_the_check_unless_it_is_stopped),
	    cmocka_unit_test(without_proc_the_anchor_tells_where_the_map_is),
	    cmocka_unit_test(a_compacted_set_answers_without_its_index),
	    cmocka_unit_test(a_set_that_is_mapped_at_once_answers_the_same),
	    cmocka_unit_test(what_is_no_set_is_refused_with_a_sentence),
	    cmocka_unit_test(a_newer_format_is_refused_as_such),
	};

	return cmocka_run_group_tests_name("lib", tests, open_set, close_set);
}

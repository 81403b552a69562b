/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a set and asking it, with the first allocation failing, then the second, and so on until
 * none is left to fail:
 *
 *   test_alloc_lookup SET
 *
 * A failure must be KITH_E_NOMEM with words; success must be the right answer; nothing may leak
 * (under asan). And a lookup must not allocate at all.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "kith.h"

#define MUST(condition)                                                                           \
	do {                                                                                      \
		if (!(condition)) {                                                               \
			(void)fprintf(stderr, "%s:%d: %s (allocation %lu)\n", __FILE__, __LINE__, \
				      #condition, current);                                       \
			exit(1);                                                                  \
		}                                                                                 \
	} while (0)

#define FILES_MAX 64

static unsigned long current;
static uint8_t keys[FILES_MAX][KITH_SHA256_SIZE];
static size_t n_keys;

/* The first keys of the set, without any fault. */
static void take_keys(const char *path)
{
	kith_set *set = NULL;
	kith_reader *reader = NULL;
	kith_cursor *cursor = NULL;
	struct kith_file file;

	MUST(kith_set_open(path, &set, NULL) == KITH_OK);
	MUST(kith_reader_open(set, &reader, NULL) == KITH_OK);
	MUST(kith_cursor_open(reader, KITH_TABLE_FILE, NULL, 0, &cursor, NULL) == KITH_OK);
	while (n_keys < FILES_MAX && kith_cursor_next(cursor, &file) == KITH_OK)
		memcpy(keys[n_keys++], file.sha256, KITH_SHA256_SIZE);
	MUST(n_keys == FILES_MAX);
	kith_cursor_close(cursor);
	kith_reader_close(reader);
	kith_set_close(set);
}

/* Everything that a lookup gives out, for each key. */
static void lookup_all(kith_reader *reader)
{
	static const uint8_t absent[KITH_SHA256_SIZE] = {1, 2, 3};
	static struct kith_file files[FILES_MAX];
	static enum kith_status statuses[FILES_MAX];
	struct kith_occurrence occurrence;
	struct kith_file_iter iter;
	struct kith_bytes name;
	struct kith_place place;
	struct kith_file file;
	enum kith_status st;
	size_t i;

	for (i = 0; i < n_keys; i++) {
		MUST(kith_lookup(reader, KITH_SHA256, keys[i], sizeof keys[i], &file) == KITH_OK);
		MUST(memcmp(file.sha256, keys[i], sizeof keys[i]) == 0);
		if (file.sha1 != NULL)
			MUST(kith_lookup(reader, KITH_SHA1, file.sha1, KITH_SHA1_SIZE, &file) ==
			     KITH_OK);
		MUST(kith_occurrences(&file, &iter) == KITH_OK);
		while ((st = kith_occurrence_next(&iter, &occurrence)) == KITH_OK) {
			MUST(kith_name(reader, occurrence.name, &name) == KITH_OK);
			MUST(kith_place(reader, occurrence.place, &place) == KITH_OK);
		}
		MUST(st == KITH_END);
	}
	MUST(kith_lookup(reader, KITH_SHA256, absent, sizeof absent, &file) == KITH_NOT_FOUND);
	MUST(kith_lookup_many(reader, KITH_SHA256, keys, n_keys, files, statuses) == KITH_OK);
	for (i = 0; i < n_keys; i++)
		MUST(statuses[i] == KITH_OK);
}

/* One try; true when it went through to its end. */
static int attempt(const char *path)
{
	struct kith_err err = {0};
	kith_set *set = NULL;
	kith_reader *reader = NULL;
	kith_cursor *cursor = NULL;
	struct kith_file file;
	enum kith_status st;

	st = kith_set_open(path, &set, &err);
	if (st < 0)
		goto out;
	st = kith_reader_open(set, &reader, &err);
	if (st < 0)
		goto out;
	lookup_all(reader);
	st = kith_cursor_open(reader, KITH_TABLE_FILE, NULL, 0, &cursor, &err);
	if (st < 0)
		goto out;
	MUST(kith_cursor_next(cursor, &file) == KITH_OK);
	st = kith_reader_check(reader, NULL, NULL, &err);
out:
	if (st < 0) {
		MUST(alloc_failed());
		MUST(st == KITH_E_NOMEM);
		MUST(err.status == st && err.msg[0] != '\0');
	}
	kith_cursor_close(cursor);
	kith_reader_close(reader);
	kith_set_close(set);
	return st == KITH_OK;
}

int main(int argc, char **argv)
{
	kith_set *set = NULL;
	kith_reader *reader = NULL;
	int done;

	if (argc != 2)
		return 2;
	take_keys(argv[1]);

	/* If a lookup allocated, this allocation would fail. */
	MUST(kith_set_open(argv[1], &set, NULL) == KITH_OK);
	MUST(kith_reader_open(set, &reader, NULL) == KITH_OK);
	alloc_fail_at(1);
	lookup_all(reader);
	MUST(!alloc_failed());
	alloc_fail_at(0);
	kith_reader_close(reader);
	kith_set_close(set);

	do {
		alloc_fail_at(++current);
		done = attempt(argv[1]);
	} while (!done || alloc_failed());
	MUST(current > 1); /* else nothing was made to fail */
	(void)printf("%lu allocations failed in turn\n", current - 1);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Builds sets from rows written down here and reads them back through libkith. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <unistd.h>

#include "base/err.h"
#include "base/limits.h"
#include "core/build.h"
#include "row_source.h"

/* ---------------------------------------------------------------- helpers */

static struct kith_err last_err;

static enum kith_status build_with(const char *output, size_t memory, unsigned threads,
				   struct kith_build_result *ret)
{
	struct kith_build_options options = {0};
	struct kith_build *build = NULL;
	enum kith_status st;

	if (script.id == NULL)
		script.id = "test/1";
	options.output = output;
	options.memory = memory;
	options.threads = threads;
	options.source_date_epoch = -1;
	memset(&last_err, 0, sizeof last_err);
	st = kith_build_new(&options, &build, &last_err);
	if (st >= 0)
		st = kith_build_add(build, &row_source, "nowhere", &last_err);
	if (st >= 0)
		st = kith_build_run(build, ret, &last_err);
	kith_build_free(build);
	return st;
}

static void build_rows(const struct row *rows, size_t n, struct kith_build_result *ret)
{
	memset(&script, 0, sizeof script);
	script.rows = rows;
	script.n = n;
	assert_int_equal(build_with("t.kith", 0, 2, ret), KITH_OK);
}

struct opened {
	kith_set *set;
	kith_reader *reader;
};

static struct opened open_set(const char *path)
{
	struct opened opened;
	struct kith_err err;

	assert_int_equal(kith_set_open(path, &opened.set, &err), KITH_OK);
	assert_int_equal(kith_reader_open(opened.set, &opened.reader, &err), KITH_OK);
	err.msg[0] = '\0';
	if (kith_reader_check(opened.reader, NULL, NULL, &err) != KITH_OK)
		fail_msg("%s", err.msg);
	return opened;
}

static void close_set(struct opened opened)
{
	kith_reader_close(opened.reader);
	kith_set_close(opened.set);
}

static enum kith_status look_up(struct opened opened, enum kith_digest kind, char c,
				struct kith_file *ret)
{
	uint8_t digest[32];

	memset(digest, c, sizeof digest);
	return kith_lookup(opened.reader, kind, digest, kith_digest_size(kind), ret);
}

/* "place kinds up to the root/name", of each occurrence, separated by commas. */
static void describe(struct opened opened, const struct kith_file *file, char *out, size_t cap)
{
	struct kith_occurrence occ;
	struct kith_file_iter iter;
	struct kith_place place;
	struct kith_bytes name;
	size_t n = 0;

	assert_int_equal(kith_occurrences(file, &iter), KITH_OK);
	while (kith_occurrence_next(&iter, &occ) == KITH_OK) {
		uint32_t rank = occ.place;

		assert_int_equal(kith_name(opened.reader, occ.name, &name), KITH_OK);
		n += (size_t)snprintf(out + n, cap - n, "%.*s<", (int)name.n,
				      (const char *)name.data);
		while (rank != KITH_NO_PLACE) {
			assert_int_equal(kith_place(opened.reader, rank, &place), KITH_OK);
			n += (size_t)snprintf(out + n, cap - n, "%.*s<", (int)place.name.n,
					      (const char *)place.name.data);
			rank = place.parent;
		}
		n += (size_t)snprintf(out + n, cap - n, ",");
	}
}

/* ------------------------------------------------------------------- tests */

static void every_occurrence_is_kept_once(void **state)
{
	static const struct row rows[] = {
	    {"a", "b", "c", 10, 0, "bin", "one"}, {"a", "b", "c", 10, 0, "bin", "one"},
	    {"a", "b", "c", 10, 0, NULL, "two"},  {"a", "b", "c", 10, 1, "bin", "one"},
	    {"d", "e", NULL, -1, 1, "x", ""},
	};
	struct kith_build_result result;
	struct kith_file file;
	struct opened opened;
	char got[512];

	(void)state;
	build_rows(rows, 5, &result);
	assert_int_equal(result.files, 2);
	assert_int_equal(result.rows, 5);
	assert_int_equal(result.occurrences, 4);
	opened = open_set("t.kith");
	assert_int_equal(look_up(opened, KITH_SHA256, 'a', &file), KITH_OK);
	describe(opened, &file, got, sizeof got);
	assert_string_equal(got, "two<7<test/1<,one<bin<7<test/1<,one<bin<8<test/1<,");
	assert_int_equal(look_up(opened, KITH_MD5, 'c', &file), KITH_OK);
	assert_int_equal(file.size_bytes, 10);
	assert_int_equal(look_up(opened, KITH_SHA1, 'e', &file), KITH_OK);
	assert_null(file.md5);
	assert_int_equal(file.flags & KITH_FILE_HAS_SIZE, 0);
	assert_int_equal(look_up(opened, KITH_SHA256, 'c', &file), KITH_NOT_FOUND);
	close_set(opened);
}

static void claims_that_disagree_are_all_kept_and_found(void **state)
{
	static const struct row rows[] = {
	    {"a", "b", "c", 10, 0, NULL, "one"},
	    {"a", "x", "c", 10, 0, NULL, "two"},
	    {"a", "b", NULL, -1, 0, NULL, "three"}, /* says nothing new */
	};
	struct kith_build_result result;
	struct kith_file_iter iter;
	struct kith_alternate alternate;
	struct kith_file file;
	struct opened opened;

	(void)state;
	build_rows(rows, 3, &result);
	assert_int_equal(result.conflicts, 1);
	opened = open_set("t.kith");
	assert_int_equal(look_up(opened, KITH_SHA1, 'b', &file), KITH_OK);
	assert_int_equal(file.n_occurrences, 3);
	assert_int_equal(look_up(opened, KITH_SHA1, 'x', &file), KITH_OK);
	assert_int_equal(file.sha256[0], 'a');
	assert_true((file.flags & KITH_FILE_CONFLICT) != 0);
	assert_int_equal(kith_alternates(&file, &iter), KITH_OK);
	assert_int_equal(kith_alternate_next(&iter, &alternate), KITH_OK);
	assert_int_equal(alternate.sha1[0], 'x');
	assert_int_equal(kith_alternate_next(&iter, &alternate), KITH_END);
	close_set(opened);
}

/* Nobody honest makes so many; but what is not kept must be counted. */
static void claims_over_the_limit_are_counted(void **state)
{
	enum { N = KITH_LIMIT_CLAIMS + 40 };
	struct row *rows = calloc(N, sizeof *rows);
	struct kith_build_result result;
	struct kith_file_iter iter;
	struct kith_alternate alternate;
	struct kith_file file;
	struct opened opened;
	unsigned i, n = 0;

	(void)state;
	for (i = 0; i < N; i++) {
		rows[i].sha256 = "a";
		rows[i].sha1 = "b";
		rows[i].md5 = "c";
		rows[i].size = i;
		rows[i].name = "x";
	}
	build_rows(rows, N, &result);
	assert_int_equal(result.conflicts, 1);
	assert_int_equal(result.skipped, 1);
	opened = open_set("t.kith");
	assert_int_equal(look_up(opened, KITH_SHA256, 'a', &file), KITH_OK);
	assert_int_equal(kith_alternates(&file, &iter), KITH_OK);
	while (kith_alternate_next(&iter, &alternate) == KITH_OK)
		n++;
	assert_int_equal(n, KITH_LIMIT_CLAIMS - 1);
	close_set(opened);
	free(rows);
}

static void a_shared_md5_gives_all_files(void **state)
{
	static const struct row rows[] = {
	    {"a", "b", "m", 1, 0, NULL, "one"},
	    {"d", "e", "m", 2, 0, NULL, "two"},
	};
	struct kith_build_result result;
	struct kith_file files[4];
	struct opened opened;
	uint8_t md5[16];
	size_t n = 0;

	(void)state;
	build_rows(rows, 2, &result);
	opened = open_set("t.kith");
	memset(md5, 'm', sizeof md5);
	assert_int_equal(kith_lookup_all(opened.reader, KITH_MD5, md5, 16, files, 4, &n), KITH_OK);
	assert_int_equal(n, 2);
	assert_int_equal(files[0].sha256[0] + files[1].sha256[0], 'a' + 'd');
	close_set(opened);
}

static void rows_without_sha256_join_only_where_it_is_certain(void **state)
{
	static const struct row rows[] = {
	    {"a", "1", "c", 10, 0, NULL, "full"},
	    {NULL, "1", "c", 10, 1, "old", "joins"},
	    {"b", "2", "d", 10, 0, NULL, "full"},
	    {NULL, "2", "x", 10, 1, NULL, "other md5"},
	    {"e", "3", "g", 10, 0, NULL, "shattered-1"},
	    {"f", "3", "h", 10, 0, NULL, "shattered-2"},
	    {NULL, "3", "h", 10, 1, NULL, "told apart by md5"},
	    {NULL, "4", "i", 10, 1, NULL, "nobody knows"},
	    {"j", "5", "k", 10, 0, NULL, "twin-1"},
	    {"l", "5", "k", 10, 0, NULL, "twin-2"},
	    {NULL, "5", "k", 10, 1, NULL, "cannot be told"},
	};
	struct kith_build_result result;
	struct kith_file file, files[4];
	struct opened opened;
	uint8_t sha1[20];
	char got[256];
	size_t n = 0;

	(void)state;
	build_rows(rows, 11, &result);
	assert_int_equal(result.files, 6);
	assert_int_equal(result.sha1_only, 3);
	assert_int_equal(result.occurrences, 11);
	opened = open_set("t.kith");
	assert_int_equal(look_up(opened, KITH_SHA256, 'a', &file), KITH_OK);
	describe(opened, &file, got, sizeof got);
	assert_string_equal(got, "full<7<test/1<,joins<old<8<test/1<,");
	assert_int_equal(look_up(opened, KITH_SHA256, 'b', &file), KITH_OK);
	assert_int_equal(file.n_occurrences, 1);
	assert_int_equal(look_up(opened, KITH_SHA256, 'f', &file), KITH_OK);
	assert_int_equal(file.n_occurrences, 2);
	assert_int_equal(look_up(opened, KITH_SHA1, '4', &file), KITH_OK);
	assert_true((file.flags & KITH_FILE_SHA1_ONLY) != 0);
	assert_null(file.sha256);
	memset(sha1, '5', sizeof sha1);
	assert_int_equal(kith_lookup_all(opened.reader, KITH_SHA1, sha1, 20, files, 4, &n),
			 KITH_OK);
	assert_int_equal(n, 3);
	close_set(opened);
}

static bool same_bytes(const char *a, const char *b)
{
	FILE *x = fopen(a, "rbe"), *y = fopen(b, "rbe");
	int c, d;

	assert_non_null(x);
	assert_non_null(y);
	do {
		c = fgetc(x);
		d = fgetc(y);
	} while (c == d && c != EOF);
	(void)fclose(x);
	(void)fclose(y);
	return c == d;
}

static void memory_and_threads_do_not_show_in_the_bytes(void **state)
{
	struct kith_build_result one, two;

	(void)state;
	memset(&script, 0, sizeof script);
	script.n_random = 150000;
	assert_int_equal(build_with("a.kith", (size_t)1 << 30, 1, &one), KITH_OK);
	/* The least memory for three: each spills several chunks. */
	assert_int_equal(build_with("b.kith", 1, 3, &two), KITH_OK);
	assert_memory_equal(one.id, two.id, 32);
	assert_true(same_bytes("a.kith", "b.kith"));
	close_set(open_set("a.kith"));
}

static unsigned files_in_folder(void)
{
	DIR *dir = opendir(".");
	unsigned n = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	(void)closedir(dir);
	return n;
}

static void a_build_that_fails_leaves_the_old_set_and_nothing_else(void **state)
{
	static const struct row rows[] = {{"a", "b", "c", 10, 0, "bin", "one"}};
	struct kith_build_result result;
	unsigned before;

	(void)state;
	build_rows(rows, 1, &result);
	assert_int_equal(build_with("old.kith", 0, 1, &result), KITH_OK);
	before = files_in_folder();
	script.fail = KITH_E_CORRUPT;
	assert_int_equal(build_with("t.kith", 0, 2, &result), KITH_E_CORRUPT);
	assert_string_equal(last_err.msg, "'nowhere': the test wants it");
	assert_int_equal(files_in_folder(), before);
	assert_true(same_bytes("t.kith", "old.kith"));
	script.fail = KITH_OK;
	script.depth = 100;
	assert_int_equal(build_with("t.kith", 0, 2, &result), KITH_E_LIMIT);
	assert_int_equal(files_in_folder(), before);
	assert_true(same_bytes("t.kith", "old.kith"));
}

static void a_set_without_files_is_a_set(void **state)
{
	struct kith_build_result result;
	struct kith_file file;
	struct opened opened;

	(void)state;
	build_rows(NULL, 0, &result);
	opened = open_set("t.kith");
	assert_int_equal(look_up(opened, KITH_SHA256, 'a', &file), KITH_NO_REFERENCE);
	close_set(opened);
}

/* Enough occurrences that the record lies on pages of its own. */
static void a_large_record_is_found_by_each_digest(void **state)
{
	enum { N = 3000 };
	struct row *rows = calloc(N, sizeof *rows);
	char(*names)[16] = calloc(N, sizeof *names);
	struct kith_build_result result;
	struct kith_file file;
	struct opened opened;
	unsigned i;

	(void)state;
	for (i = 0; i < N; i++) {
		(void)snprintf(names[i], sizeof *names, "n%u", i);
		rows[i].sha256 = "a";
		rows[i].sha1 = "b";
		rows[i].md5 = "c";
		rows[i].size = 5;
		rows[i].name = names[i];
	}
	build_rows(rows, N, &result);
	opened = open_set("t.kith");
	assert_int_equal(look_up(opened, KITH_SHA256, 'a', &file), KITH_OK);
	assert_int_equal(file.n_occurrences, N);
	assert_int_equal(look_up(opened, KITH_SHA1, 'b', &file), KITH_OK);
	assert_int_equal(file.n_occurrences, N);
	assert_int_equal(look_up(opened, KITH_MD5, 'c', &file), KITH_OK);
	assert_int_equal(file.n_occurrences, N);
	assert_int_equal(look_up(opened, KITH_MD5, 'd', &file), KITH_NOT_FOUND);
	close_set(opened);
	free(rows);
	free(names);
}

static int in_an_empty_folder(void **state)
{
	char folder[] = "/tmp/kith-test-build-XXXXXX";

	(void)state;
	return mkdtemp(folder) == NULL || chdir(folder) != 0;
}

static int remove_folder(void **state)
{
	char folder[4096];

	(void)state;
	(void)unlink("a.kith");
	(void)unlink("b.kith");
	(void)unlink("t.kith");
	(void)unlink("old.kith");
	return getcwd(folder, sizeof folder) == NULL || rmdir(folder) != 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_occurrence_is_kept_once),
	    cmocka_unit_test(claims_that_disagree_are_all_kept_and_found),
	    cmocka_unit_test(claims_over_the_limit_are_counted),
	    cmocka_unit_test(a_shared_md5_gives_all_files),
	    cmocka_unit_test(rows_without_sha256_join_only_where_it_is_certain),
	    cmocka_unit_test(memory_and_threads_do_not_show_in_the_bytes),
	    cmocka_unit_test(a_build_that_fails_leaves_the_old_set_and_nothing_else),
	    cmocka_unit_test(a_set_without_files_is_a_set),
	    cmocka_unit_test(a_large_record_is_found_by_each_digest),
	};

	return cmocka_run_group_tests(tests, in_an_empty_folder, remove_folder);
}

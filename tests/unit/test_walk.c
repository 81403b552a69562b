/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_walk.c: the walk over real worker processes. Containers whose lines tell their worker what
 * to do (extract/workers/misbehave.c) stand for hostile ones. Everything that is reported becomes a
 * line; tests look for lines.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "walk/walk.h"
#include "walk_report.h"

#define M "kith misbehaves\n"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define RELAXED 1
#else
#define RELAXED 0
#endif

/* ------------------------------------------------------------------------- tests */

static void a_folder_is_hashed_and_containers_in_it_are_opened(void **state)
{
	struct report r;

	(void)state;
	assert_int_equal(mkdir(in_folder("sub"), 0755), 0);
	(void)put("abc", "abc");
	(void)put("sub/empty", "");
	(void)put("sub/m", M "file one\nlink one\n");
	assert_int_equal(symlink("abc", in_folder("link")), 0);
	assert_int_equal(symlink("/etc", in_folder("folder-link")), 0);
	assert_int_equal(mkfifo(in_folder("fifo"), 0644), 0);
	walk_one(&r, NULL, folder);
	expect_line(&r, "input 0 folder");
	assert_int_equal(count_lines(&r, "file "), 5);
	/* FIPS 180-4, the example of "abc"; and that of no bytes */
	assert_non_null(strstr(folder, "kith-walk"));
	expect_line(&r, "note >");
	{
		char line[512];
		const char *base = strrchr(folder, '/') + 1;

		(void)snprintf(line, sizeof line, "file >%s>abc 3 ba7816bf8f01cfea", base);
		expect_line(&r, line);
		(void)snprintf(line, sizeof line, "file >%s>sub/empty 0 e3b0c44298fc1c14", base);
		expect_line(&r, line);
		(void)snprintf(line, sizeof line, "file >%s>sub/m>one 3 7692c3ad3540bb80", base);
		expect_line(&r, line);
		(void)snprintf(line, sizeof line, "file >%s>sub/m>a link 3 7692c3ad3540bb80", base);
		expect_line(&r, line);
		(void)snprintf(line, sizeof line, "note >%s 1 3 entries that are no files", base);
		expect_line(&r, line);
		(void)snprintf(line, sizeof line, "note >%s>sub/m 1 1 containers opened: misbehave",
			       base);
		expect_line(&r, line);
	}
	free_report(&r);
}

static void a_plain_file_is_a_place_with_one_file(void **state)
{
	struct report r;

	(void)state;
	walk_one(&r, NULL, put("abc", "abc"));
	expect_line(&r, "node >abc ");
	expect_line(&r, "file >abc>abc 3 ba7816bf8f01cfea");
	expect_line(&r, "input 0 hashed");
	free_report(&r);
}

static void an_input_that_is_missing_is_an_error(void **state)
{
	const char *path = in_folder("missing");
	struct kith_err err = {0};
	struct report r;

	(void)state;
	assert_int_equal(walk_paths(&r, NULL, &path, 1, &err), KITH_E_IO);
	assert_non_null(strstr(err.msg, "missing"));
	free_report(&r);
}

/* What a container does wrong, and what becomes of it. */
static void misbehaviour_is_a_note_and_what_came_before_stays(void **state)
{
	static const struct {
		const char *text, *note;
		bool relaxed; /* sanitizers change nothing about it */
	} cases[] = {
	    {"crash\nfile two\n", "note >m 4 1 worker ", true},
	    {"crash\n", "note >m 4 1 worker crashed (signal 11)", false},
	    {"exit\n", "note >m 4 1 worker ended early (exit 0)", true},
	    {"spin\n", "note >m 4 1 worker hung", true},
	    {"corrupt\n", "note >m 4 1 damaged: it says so", true},
	    {"raw nonsense\n", "note >m 4 1 worker broke the protocol", true},
	    {"raw k\001\n", "note >m 4 1 worker broke the protocol", true},
	    {"raw k\001\002\002\n", "note >m 4 1 worker broke the protocol", true},
	    {"allocate\n", "note >m 4 1 out of memory", false},
	    {"connect\n", "note >m 4 1 worker made a forbidden system call", false},
	    {"open\n", "note >m 1 1 no file was opened", false},
	    {"link nothing\n", "note >m 4 1 a link to no file of it: a link", true},
	};
	struct kith_walk_options options = {
	    .limits = {.stall_seconds = 2, .worker_memory = (uint64_t)512 << 20}};
	struct report r;
	char text[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		if (RELAXED && !cases[i].relaxed)
			continue;
		(void)snprintf(text, sizeof text, M "file one\n%s", cases[i].text);
		walk_one(&r, &options, put("m", text));
		expect_line(&r, cases[i].note);
		expect_line(&r, "note >m 1 1 containers opened: misbehave");
		expect_line(&r, "file >m>one 3 7692c3ad3540bb80");
		expect_no_line(&r, "file >m>two");
		free_report(&r);
	}
}

static void a_worker_that_dies_costs_one_file_of_a_folder(void **state)
{
	char name[64], line[512];
	const char *base = strrchr(folder, '/') + 1;
	struct report r;
	int i;

	(void)state;
	for (i = 0; i < 100; i++) {
		(void)snprintf(name, sizeof name, "f%d", i);
		(void)put(name, name);
	}
	(void)put("f50!die", "x");
	walk_one(&r, NULL, folder);
	assert_int_equal(count_lines(&r, "file "), 100);
	(void)snprintf(line, sizeof line, "note >%s 4 1 worker ended early (exit 9): f50!die",
		       base);
	expect_line(&r, line);
	free_report(&r);
}

static void limits_cut_off_and_say_so(void **state)
{
	static const struct {
		const char *text;
		struct kith_walk_limits limits;
		const char *note, *file, *no_file;
	} cases[] = {
	    {"file one\nfile two\nfile three\nfile four\n",
	     {.entries = 2},
	     "note >m 4 1 over the limit of entries: three",
	     "file >m>two",
	     "file >m>three"},
	    {"file one\nfile two\nfile three\nfile four\n",
	     {.entries = 2},
	     "note >m 4 1 over the limit of entries: ",
	     "file >m>two",
	     "file >m>four"},
	    {"bytes 5000\nfile one\n",
	     {.file_bytes = 4999},
	     "note >m 4 1 over the limit of bytes of one file: many",
	     "file >m>one",
	     "file >m>many"},
	    {"bytes 5000\nfile one\n", {.file_bytes = 5000}, "note >m 1", "file >m>many 5000", "x"},
	    {"holes 1000000000000000\nfile one\n",
	     {.file_bytes = UINT64_MAX, .zero_bytes = 1 << 20},
	     "note >m 4 1 over the limit of zeros of one file: many",
	     "file >m>one",
	     "file >m>many"},
	    {"bytes 1200000000\nfile one\n",
	     {.ratio = 1},
	     "note >m 4 1 over the limit of expansion: many",
	     "node >m",
	     "file >m>one"},
	    {"bytes 5000\nfile one\n",
	     {.input_bytes = 4000},
	     "note >m 4 1 over the limit of bytes of one input",
	     "file >m>many",
	     "x"},
	};
	struct report r;
	char text[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct kith_walk_options options = {.limits = cases[i].limits};

		if (RELAXED && cases[i].limits.ratio != 0)
			continue; /* takes long */
		(void)snprintf(text, sizeof text, M "%s%s", cases[i].text,
			       cases[i].limits.input_bytes != 0 ? "rest r\n" M "spin\n" : "");
		walk_one(&r, &options, put("m", text));
		if (cases[i].limits.input_bytes == 0)
			expect_line(&r, cases[i].note);
		else
			expect_line(&r, "note >m"); /* it or what is in it, as it comes */
		expect_line(&r, cases[i].file);
		expect_no_line(&r, cases[i].no_file);
		free_report(&r);
	}
}

static void containers_in_containers_end_at_the_limit_of_depth(void **state)
{
	struct kith_walk_options options = {.limits = {.depth = 4}};
	struct report r;

	(void)state;
	(void)put("m", M "pushed a\n" M "rest b\n" M "pushed c\n" M "rest d\n" M "file e\n");
	walk_one(&r, NULL, in_folder("m"));
	expect_line(&r, "file >m>a>b>c>d>e 1 ");
	free_report(&r);
	walk_one(&r, &options, in_folder("m"));
	expect_line(&r, "file >m>a>b>c>d ");
	expect_no_line(&r, "file >m>a>b>c>d>e");
	expect_line(&r, "note >m>a>b>c 3 1 over the limit of depth: d");
	free_report(&r);
}

static void a_container_that_contains_itself_is_not_opened_again(void **state)
{
	struct report r;

	(void)state;
	walk_one(&r, NULL, put("m", M "self\nfile one\n"));
	expect_line(&r, "file >m>m ");
	expect_line(&r, "note >m 3 1 a container that contains itself: m");
	assert_int_equal(count_lines(&r, "node "), 1);
	free_report(&r);
}

static void the_same_container_is_walked_once(void **state)
{
	struct report r;

	(void)state;
	assert_int_equal(mkdir(in_folder("a"), 0755), 0);
	assert_int_equal(mkdir(in_folder("b"), 0755), 0);
	(void)put("a/m", M "file one\n");
	(void)put("b/m", M "file one\n");
	(void)put("b/other", M "file one\n"); /* another name: walked */
	walk_one(&r, NULL, folder);
	assert_int_equal(count_lines(&r, "node "), 4);
	assert_int_equal(count_lines(&r, "file "), 5);
	free_report(&r);
}

static void copies_are_bounded_whatever_else_runs(void **state)
{
	struct kith_walk_options options = {.limits = {.spool_member = 200000}};
	char *text = malloc(400000);
	struct report r;
	size_t n;

	(void)state;
	assert_non_null(text);
	n = (size_t)sprintf(text, M "pushed big\n" M "file one\n");
	memset(text + n, '\n', 300000);
	walk_one(&r, &options, put_bytes("m", text, n + 300000));
	expect_line(&r, "file >m>big 300");
	expect_line(&r, "note >m 3 1 over the limit of copies: big");
	assert_int_equal(count_lines(&r, "node "), 1);
	free_report(&r);

	/* a copy in a copy counts with the one it lies in */
	n = (size_t)sprintf(text, M "pushed a\n" M "pushed b\n" M "file one\n");
	memset(text + n, '\n', 100000);
	(void)put_bytes("m", text, n + 100000);
	options.limits.spool_member = 0;
	options.limits.spool_bytes = 150000;
	walk_one(&r, &options, in_folder("m"));
	expect_line(&r, "file >m>a>b ");
	expect_line(&r, "note >m>a 3 1 over the limit of copies: b");
	free_report(&r);
	options.limits.spool_bytes = 250000;
	walk_one(&r, &options, in_folder("m"));
	expect_line(&r, "file >m>a>b>one");
	free_report(&r);
	free(text);
}

/* Many containers in copies, with room for one at a time: none waits for ever, none is lost. */
static void a_full_pool_makes_workers_wait(void **state)
{
	struct kith_walk_options options = {.workers = 3, .limits = {.spool_bytes = 150000}};
	char *text = malloc(200000), name[32];
	struct report r;
	size_t n, i;

	(void)state;
	assert_non_null(text);
	for (i = 0; i < 12; i++) {
		n = (size_t)sprintf(text, M "file before\npushed in%zu\n" M "file one\n", i);
		memset(text + n, '\n', 100000);
		(void)snprintf(name, sizeof name, "m%zu", i);
		(void)put_bytes(name, text, n + 100000);
	}
	walk_one(&r, &options, folder);
	assert_int_equal(count_lines(&r, "file "), 12 * 4);
	assert_int_equal(count_lines(&r, "note "), 12 * 2);
	free_report(&r);
	free(text);
}

static void a_sibling_is_found_in_the_folder_only(void **state)
{
	struct report r;

	(void)state;
	assert_int_equal(mkdir(in_folder("sub"), 0755), 0);
	(void)put("abc", "abc");
	(void)put("sub/abc", "abc");
	assert_int_equal(symlink("abc", in_folder("link")), 0);
	(void)put("m", M "sibling abc\nsibling link\nsibling sub/abc\nsibling ..\nsibling no\n");
	walk_one(&r, NULL, in_folder("m"));
	expect_line(&r, "file >m>what the sibling has 3 ba7816bf8f01cfea");
	expect_line(&r, "note >m 4 1 no sibling: link");
	expect_line(&r, "note >m 4 3 no sibling: ");
	free_report(&r);
	(void)put("sub/m", M "sibling abc\n");
	walk_one(&r, NULL, folder);
	assert_int_equal(count_lines(&r, "note "), 5);
	free_report(&r);
}

static void what_metadata_expects_is_compared(void **state)
{
	struct report r;

	(void)state;
	walk_one(&r, NULL, put("m", M "expect in ./one\nrest in\n" M "file one\nfile two\n"));
	expect_line(&r, "file >m>in>one 3 7692c3ad3540bb80");
	expect_line(&r, "note >m>in 2 1 differs from the digest in the package's metadata: one");
	assert_int_equal(count_lines(&r, "note "), 3);
	free_report(&r);
}

static void a_program_that_is_missing_is_named(void **state)
{
	struct kith_walk_options options = {.libexec = folder};
	uint8_t wim[512] = "MSWIM\0\0\0\xd0\0\0\0";
	struct report r;

	(void)state;
	assert_int_equal(symlink(TEST_LIBEXEC "/kith-worker", in_folder("kith-worker")), 0);
	walk_one(&r, &options, put_bytes("w.wim", wim, sizeof wim));
	expect_line(&r, "file >w.wim>w.wim 512");
	expect_line(&r, "note >w.wim 3 1 wim: ");
	free_report(&r);
}

static void cancelling_ends_the_walk(void **state)
{
	struct kith_walk_options options = {.scratch = "cancel"};
	const char *path = put("m", M "file one\nspin\n");
	struct kith_err err = {0};
	struct report r;

	(void)state;
	assert_int_equal(walk_paths(&r, &options, &path, 1, &err), KITH_E_CANCELLED);
	free_report(&r);
}

static void an_input_that_is_known_is_hashed_and_skipped(void **state)
{
	struct kith_walk_options options = {.ask_skip = true};
	struct report r;

	(void)state;
	walk_one(&r, &options, put("m", M "file one\n"));
	assert_int_equal(r.n, 1);
	expect_line(&r, "input 0 hashed");
	free_report(&r);
}

/* All that holds for a node: what was reported for it, or for the one with the same bytes. */
static void expand(const struct report *r, struct report *to, size_t node, const char *chain)
{
	size_t src = r->same[node] == SIZE_MAX ? node : r->same[node], i, n;
	const char *own = r->chains[src];
	char *inner;

	for (i = 0; i < r->n; i++) {
		const char *at = strchr(r->lines[i], '>');

		n = strlen(own);
		if (r->of[i] == src && at != NULL)
			add_line(to, SIZE_MAX, "%.*s%s%s", (int)(at - r->lines[i]), r->lines[i],
				 chain, at + n);
	}
	for (i = 0; i < r->n_nodes; i++) {
		if (r->parents[i] != src)
			continue;
		assert_true(asprintf(&inner, "%s%s", chain, r->chains[i] + strlen(own)) >= 0);
		expand(r, to, i, inner);
		free(inner);
	}
}

static int by_text(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

static void the_number_of_workers_changes_nothing(void **state)
{
	struct kith_walk_options options = {.limits = {.stall_seconds = 20}};
	struct report r, all[2];
	char *text = malloc(300000), name[64];
	size_t n, i, k;

	(void)state;
	assert_non_null(text);
	assert_int_equal(mkdir(in_folder("sub"), 0755), 0);
	for (i = 0; i < 100; i++) {
		n = (size_t)sprintf(text,
				    M "file n%zu\nfile x\nlink x\nbytes 300000\npushed a%zu\n" M
				      "file y\n%s\nrest b\n" M "file %zu\n",
				    i, i % 7, i % 5 == 0 ? "crash" : "file z", i / 2);
		if (i % 3 == 0) {
			memset(text + n, '\n', 150000);
			n += 150000;
		}
		(void)snprintf(name, sizeof name, "%sm%zu", i % 2 ? "sub/" : "", i);
		(void)put_bytes(name, text, n);
	}
	for (k = 0; k < 2; k++) {
		options.workers = k == 0 ? 1 : 4;
		walk_one(&r, &options, folder);
		memset(&all[k], 0, sizeof all[k]);
		expand(&r, &all[k], 0, r.chains[0]);
		qsort(all[k].lines, all[k].n, sizeof *all[k].lines, by_text);
		free_report(&r);
	}
	assert_int_equal(all[0].n, all[1].n);
	for (i = 0; i < all[0].n; i++)
		assert_string_equal(all[0].lines[i], all[1].lines[i]);
	assert_true(count_lines(&all[0], "file ") > 700);
	free_report(&all[0]);
	free_report(&all[1]);
	free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_folder_is_hashed_and_containers_in_it_are_opened),
	    TEST(a_plain_file_is_a_place_with_one_file),
	    TEST(an_input_that_is_missing_is_an_error),
	    TEST(misbehaviour_is_a_note_and_what_came_before_stays),
	    TEST(a_worker_that_dies_costs_one_file_of_a_folder),
	    TEST(limits_cut_off_and_say_so),
	    TEST(containers_in_containers_end_at_the_limit_of_depth),
	    TEST(a_container_that_contains_itself_is_not_opened_again),
	    TEST(the_same_container_is_walked_once),
	    TEST(copies_are_bounded_whatever_else_runs),
	    TEST(a_full_pool_makes_workers_wait),
	    TEST(a_sibling_is_found_in_the_folder_only),
	    TEST(what_metadata_expects_is_compared),
	    TEST(a_program_that_is_missing_is_named),
	    TEST(cancelling_ends_the_walk),
	    TEST(an_input_that_is_known_is_hashed_and_skipped),
	    TEST(the_number_of_workers_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold of every source in the table; a new one gets these tests for nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "source_fixture.h"
#include "sources/nsrl_common.h"
#include "sources/sources.h"

static void every_row_is_complete_and_names_are_unique(void **state)
{
	const struct kith_source_ops *const *sources;
	size_t n, i, k;

	(void)state;
	sources = kith_sources(&n);
	assert_true(n > 0);
	for (i = 0; i < n; i++) {
		assert_non_null(sources[i]->name);
		assert_non_null(sources[i]->summary);
		assert_true(sources[i]->state_size > 0);
		assert_non_null(sources[i]->probe);
		assert_non_null(sources[i]->open);
		assert_non_null(sources[i]->read);
		assert_non_null(sources[i]->close);
		for (k = 0; k < i; k++)
			assert_string_not_equal(sources[i]->name, sources[k]->name);
	}
}

static void close_accepts_a_state_that_was_never_opened(void **state)
{
	const struct kith_source_ops *const *sources;
	size_t n, i;

	(void)state;
	sources = kith_sources(&n);
	for (i = 0; i < n; i++) {
		void *mine = calloc(1, sources[i]->state_size);

		assert_non_null(mine);
		sources[i]->close(mine);
		free(mine);
	}
}

/* Each source is given what is not for it: a sentence, no crash, no set. */
static void open_of_foreign_input_fails_with_words(void **state)
{
	static const struct {
		const char *data;
		size_t n;
	} inputs[] = {
	    {"", 0},
	    {"hello\n", 6},
	    {"SQLite format 3", 16},
	    {"PK\3\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 30},
	    {"\"SHA-1\",\"MD5\"", 13},
	};
	struct source_fixture *f = *state;
	const struct kith_source_ops *const *sources;
	size_t n, i, k;

	sources = kith_sources(&n);
	for (i = 0; i < n; i++) {
		for (k = 0; k < sizeof inputs / sizeof inputs[0]; k++) {
			const struct kith_build_options options = {.output = f->output,
								   .source_date_epoch = -1};
			struct kith_build *build = NULL;
			struct kith_build_result result;
			struct kith_err err = {0};
			enum kith_status st;

			source_write(f, "input", inputs[k].data, inputs[k].n);
			assert_int_equal(kith_build_new(&options, &build, &err), KITH_OK);
			st = kith_build_add(build, sources[i], f->input, &err);
			if (st >= 0)
				st = kith_build_run(build, &result, &err);
			kith_build_free(build);
			assert_true(st < 0);
			assert_int_equal(err.status, st);
			assert_non_null(strstr(err.msg, f->input));
		}
	}
}

static void unknown_input_is_named(void **state)
{
	struct source_fixture *f = *state;
	const struct kith_source_ops *ops = NULL;
	struct kith_err err = {0};

	source_write(f, "input", "hello\n", 6);
	assert_int_equal(kith_sources_probe(f->input, &ops, &err), KITH_E_UNSUPPORTED);
	assert_non_null(strstr(err.msg, f->input));
	assert_null(ops);
	source_write(f, "input", "", 0);
	assert_int_equal(kith_sources_probe(f->input, &ops, &err), KITH_E_UNSUPPORTED);
	source_write(f, "input", "INSERT INTO FILE", 16);
	assert_int_equal(kith_sources_probe(f->input, &ops, &err), KITH_E_UNSUPPORTED);
	assert_non_null(strstr(err.msg, "delta"));
	assert_int_equal(kith_sources_probe("/nonexistent/input", &ops, &err), KITH_E_IO);
}

/* A zip's local header with that name and nothing in it. */
static size_t put_header(uint8_t *to, const char *name)
{
	size_t n = strlen(name);

	memset(to, 0, 30);
	memcpy(to, "PK\3\4", 4);
	to[26] = (uint8_t)n;
	memcpy(to + 30, name, n);
	return 30 + n;
}

static void zips_are_told_apart_by_their_members(void **state)
{
	uint8_t head[512];
	size_t n;

	(void)state;
	n = put_header(head, "rds_modernm/");
	assert_int_equal(nsrl_zip_kind(head, n), NSRL_ZIP_UNSURE);
	n += put_header(head + n, "rds_modernm/NSRLFILE.TXT");
	assert_int_equal(nsrl_zip_kind(head, n), NSRL_ZIP_V2);
	n = put_header(head, "RDS_2026.03.1_modern/readme.txt");
	n += put_header(head + n, "RDS_2026.03.1_modern/RDS_2026.03.1_modern.db");
	assert_int_equal(nsrl_zip_kind(head, n), NSRL_ZIP_V3);
	n = put_header(head, "x/._RDS_2026.03.1_modern.db"); /* an AppleDouble twin is none */
	assert_int_equal(nsrl_zip_kind(head, n), NSRL_ZIP_UNSURE);
	assert_int_equal(nsrl_zip_kind(head, 3), NSRL_ZIP_NONE);
	for (; n > 3; n--) /* cut off anywhere */
		assert_int_equal(nsrl_zip_kind(head, n), NSRL_ZIP_UNSURE);
	head[26] = 0xff; /* a name that is longer than the head */
	head[27] = 0xff;
	assert_int_equal(nsrl_zip_kind(head, 60), NSRL_ZIP_UNSURE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, source_setup, source_teardown)
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_row_is_complete_and_names_are_unique),
	    cmocka_unit_test(close_accepts_a_state_that_was_never_opened),
	    TEST(open_of_foreign_input_fails_with_words),
	    TEST(unknown_input_is_named),
	    cmocka_unit_test(zips_are_told_apart_by_their_members),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/io.h"

/* A pipe that holds the text; small enough that writing does not block. */
static int pipe_with(const void *text, size_t n)
{
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], text, n), (ssize_t)n);
	assert_int_equal(close(fds[1]), 0);
	return fds[0];
}

static void expect_line(struct kith_lines *lines, const char *want, size_t want_n, bool want_lf,
			uint64_t number, uint64_t offset)
{
	const uint8_t *line;
	size_t n;
	bool lf;

	assert_int_equal(kith_lines_next(lines, &line, &n, &lf, NULL), KITH_OK);
	assert_int_equal(n, want_n);
	if (n > 0)
		assert_memory_equal(line, want, n);
	assert_int_equal(lf, want_lf);
	assert_int_equal(lines->number, number);
	assert_int_equal(lines->offset, offset);
}

static void expect_end(struct kith_lines *lines)
{
	const uint8_t *line;
	size_t n;

	assert_int_equal(kith_lines_next(lines, &line, &n, NULL, NULL), KITH_END);
	assert_int_equal(kith_lines_next(lines, &line, &n, NULL, NULL), KITH_END);
	kith_lines_done(lines);
	assert_int_equal(close(lines->fd), 0);
}

static void lines_come_as_they_are_with_number_and_offset(void **state)
{
	static const char text[] = "one\n\ntwo\r\nz\0o\nlast";
	struct kith_lines lines;

	(void)state;
	kith_lines_init(&lines, pipe_with(text, sizeof text - 1), 100);
	expect_line(&lines, "one", 3, true, 1, 0);
	expect_line(&lines, "", 0, true, 2, 4);
	expect_line(&lines, "two\r", 4, true, 3, 5);
	expect_line(&lines, "z\0o", 3, true, 4, 10);
	expect_line(&lines, "last", 4, false, 5, 14);
	expect_end(&lines);
}

static void an_empty_input_has_no_line(void **state)
{
	struct kith_lines lines;

	(void)state;
	kith_lines_init(&lines, pipe_with("", 0), 100);
	expect_end(&lines);
}

static void a_line_feed_at_the_end_does_not_begin_a_line(void **state)
{
	struct kith_lines lines;

	(void)state;
	kith_lines_init(&lines, pipe_with("a\n", 2), 100);
	expect_line(&lines, "a", 1, true, 1, 0);
	expect_end(&lines);
}

static void a_line_of_the_limit_is_given_and_one_more_byte_is_not(void **state)
{
	struct kith_lines lines;
	struct kith_err err = {0};
	const uint8_t *line;
	size_t n;

	(void)state;
	kith_lines_init(&lines, pipe_with("12345\n123456\nab", 15), 5);
	expect_line(&lines, "12345", 5, true, 1, 0);
	assert_int_equal(kith_lines_next(&lines, &line, &n, NULL, &err), KITH_E_LIMIT);
	assert_string_equal(err.msg, "line 2 is longer than 5 bytes");
	expect_line(&lines, "ab", 2, false, 3, 13);
	expect_end(&lines);
}

static void a_long_line_without_end_costs_little_memory(void **state)
{
	static char text[60000];
	struct kith_lines lines;
	const uint8_t *line;
	size_t n;

	(void)state;
	memset(text, 'x', sizeof text);
	kith_lines_init(&lines, pipe_with(text, sizeof text), 10);
	assert_int_equal(kith_lines_next(&lines, &line, &n, NULL, NULL), KITH_E_LIMIT);
	assert_int_equal(lines.number, 1);
	expect_end(&lines);
}

static int fail_read(const char *call)
{
	return strcmp(call, "read") == 0 ? EIO : 0;
}

static void a_failing_read_is_an_error_with_its_reason(void **state)
{
	struct kith_lines lines;
	struct kith_err err = {0};
	const uint8_t *line;
	size_t n;

	(void)state;
	kith_lines_init(&lines, pipe_with("a\n", 2), 10);
	kith_io_fault = fail_read;
	assert_int_equal(kith_lines_next(&lines, &line, &n, NULL, &err), KITH_E_IO);
	kith_io_fault = NULL;
	assert_int_equal(err.sys_errno, EIO);
	expect_line(&lines, "a", 1, true, 1, 0);
	expect_end(&lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines_come_as_they_are_with_number_and_offset),
	    cmocka_unit_test(an_empty_input_has_no_line),
	    cmocka_unit_test(a_line_feed_at_the_end_does_not_begin_a_line),
	    cmocka_unit_test(a_line_of_the_limit_is_given_and_one_more_byte_is_not),
	    cmocka_unit_test(a_long_line_without_end_costs_little_memory),
	    cmocka_unit_test(a_failing_read_is_an_error_with_its_reason),
	};

	return cmocka_run_group_tests_name("lines", tests, NULL, NULL);
}

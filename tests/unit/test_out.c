/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "base/out.h"

/* Escapes bytes with fn and compares; text is terminated by the compiler, so n is without that. */
#define ESCAPES(fn, in, want)                                               \
	do {                                                                \
		struct kith_buf escaped = {NULL, 0, 0, false};              \
		assert_true(fn(&escaped, in, sizeof(in) - 1));              \
		assert_int_equal(escaped.n, strlen(want));                  \
		if (escaped.n > 0)                                          \
			assert_memory_equal(escaped.data, want, escaped.n); \
		kith_buf_done(&escaped);                                    \
	} while (0)

static bool json(struct kith_buf *buf, const void *data, size_t n)
{
	return kith_escape_json(buf, data, n, NULL);
}

static void text_lets_no_control_through(void **state)
{
	(void)state;
	ESCAPES(kith_escape_text, "", "");
	ESCAPES(kith_escape_text, "plain name.txt", "plain name.txt");
	ESCAPES(kith_escape_text, "a\\b", "a\\\\b");
	ESCAPES(kith_escape_text, "a\0b\n\x1b[2J\x7f", "a\\x00b\\x0a\\x1b[2J\\x7f");
	ESCAPES(kith_escape_text, "gr\xc3\xbc\xc3\x9f \xe6\x97\xa5 \xf0\x9f\x98\x80",
		"gr\xc3\xbc\xc3\x9f \xe6\x97\xa5 \xf0\x9f\x98\x80");
	ESCAPES(kith_escape_text,
		"\xc2\x9b"
		"2J",
		"\\xc2\\x9b2J"); /* C1: CSI in one character */
	ESCAPES(kith_escape_text, "\xff\xc3", "\\xff\\xc3");
	ESCAPES(kith_escape_text,
		"\xe2\x80\xae"
		"fdp.exe",
		"\\xe2\\x80\\xaefdp.exe");
	ESCAPES(kith_escape_text, "\xe2\x80\xa8", "\\xe2\\x80\\xa8");
}

static void utf8_is_checked_strictly(void **state)
{
	(void)state;
#define LENGTH(text) kith_utf8_length((const uint8_t *)(text), sizeof(text) - 1)
	assert_int_equal(LENGTH("a"), 1);
	assert_int_equal(LENGTH("\xc2\x80"), 2);
	assert_int_equal(LENGTH("\xe0\xa0\x80"), 3);
	assert_int_equal(LENGTH("\xed\x9f\xbf"), 3);
	assert_int_equal(LENGTH("\xf4\x8f\xbf\xbf"), 4);
	assert_int_equal(LENGTH(""), 0);
	assert_int_equal(LENGTH("\x80"), 0);
	assert_int_equal(LENGTH("\xc0\xaf"), 0); /* overlong */
	assert_int_equal(LENGTH("\xc1\xbf"), 0);
	assert_int_equal(LENGTH("\xe0\x9f\xbf"), 0);
	assert_int_equal(LENGTH("\xf0\x8f\xbf\xbf"), 0);
	assert_int_equal(LENGTH("\xed\xa0\x80"), 0);     /* surrogate */
	assert_int_equal(LENGTH("\xf4\x90\x80\x80"), 0); /* beyond the last */
	assert_int_equal(LENGTH("\xf5\x80\x80\x80"), 0);
	assert_int_equal(LENGTH("\xe2\x82"), 0); /* cut off */
#undef LENGTH
}

static void json_is_valid_whatever_comes(void **state)
{
	struct kith_buf buf = {NULL, 0, 0, false};
	bool lossy = false;

	(void)state;
	ESCAPES(json, "plain and longer than eight", "plain and longer than eight");
	ESCAPES(json, "a\"b\\c", "a\\\"b\\\\c");
	ESCAPES(json, "\b\t\n\f\r\x01\0\x1f\x7f", "\\b\\t\\n\\f\\r\\u0001\\u0000\\u001f\\u007f");
	ESCAPES(json, "\xc2\x80\xc2\x9f", "\\u0080\\u009f");
	ESCAPES(json, "\xc3\xa9", "\xc3\xa9");
	ESCAPES(json, "12345678\"", "12345678\\\"");
	ESCAPES(json, "1234567\"90", "1234567\\\"90");
	assert_true(kith_escape_json(&buf, "caf\xe9!", 5, &lossy));
	assert_true(lossy);
	assert_memory_equal(buf.data, "caf\xef\xbf\xbd!", buf.n);
	lossy = false;
	assert_true(kith_escape_json(&buf, "\xc3\xa9", 2, &lossy));
	assert_false(lossy);
	kith_buf_done(&buf);
}

/* Every byte at every place of texts around the 16 bytes that are copied at once. */
static void json_finds_each_byte_at_each_place(void **state)
{
	static const size_t lengths[] = {1, 7, 15, 16, 17, 31, 33, 40};
	size_t k, at, i;
	unsigned byte;

	(void)state;
	for (byte = 0; byte < 256; byte++) {
		struct kith_buf one = {NULL, 0, 0, false}, buf = {NULL, 0, 0, false};
		char c = (char)byte;
		bool plain = byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';

		assert_true(kith_escape_json(&one, &c, 1, NULL));
		assert_int_equal(one.n == 1 && one.data[0] == byte, plain);
		for (k = 0; k < sizeof lengths / sizeof *lengths; k++) {
			for (at = 0; at < lengths[k]; at++) {
				char text[40];

				for (i = 0; i < lengths[k]; i++)
					text[i] = (char)('a' + i % 26);
				text[at] = c;
				buf.n = 0;
				assert_true(kith_escape_json(&buf, text, lengths[k], NULL));
				assert_int_equal(buf.n, lengths[k] - 1 + one.n);
				assert_memory_equal(buf.data, text, at);
				assert_memory_equal(buf.data + at, one.data, one.n);
				assert_memory_equal(buf.data + at + one.n, text + at + 1,
						    lengths[k] - 1 - at);
			}
		}
		kith_buf_done(&one);
		kith_buf_done(&buf);
	}
}

static void csv_fields_are_quoted_when_they_must(void **state)
{
	(void)state;
	ESCAPES(kith_csv_field, "", "");
	ESCAPES(kith_csv_field, "plain", "plain");
	ESCAPES(kith_csv_field, "a,b", "\"a,b\"");
	ESCAPES(kith_csv_field, "say \"hi\"", "\"say \"\"hi\"\"\"");
	ESCAPES(kith_csv_field, "a\r\nb", "\"a\r\nb\"");
	ESCAPES(kith_csv_field, " a", "\" a\"");
	ESCAPES(kith_csv_field, "C:\\x", "C:\\x");
	ESCAPES(kith_csv_field, "\0\x1b\xff", "\\x00\\x1b\\xff");
}

static void what_is_written_arrives_in_order(void **state)
{
	static uint8_t big[700000], back[1400020];
	char path[] = "/tmp/kith-test-out-XXXXXX";
	int fd = mkstemp(path);
	struct kith_out out;
	size_t i;

	(void)state;
	assert_true(fd >= 0);
	for (i = 0; i < sizeof big; i++)
		big[i] = (uint8_t)(i * 7 >> 3);
	kith_out_init(&out, fd);
	assert_true(kith_out_text(&out, "0123456789"));
	assert_true(kith_out_write(&out, big, sizeof big));
	for (i = 0; i < sizeof big; i += 7)
		assert_true(kith_out_write(&out, big + i, 7));
	assert_int_equal(kith_out_done(&out, "a file", NULL), KITH_OK);
	assert_int_equal(pread(fd, back, sizeof back, 0), 10 + 2 * sizeof big);
	assert_memory_equal(back, "0123456789", 10);
	assert_memory_equal(back + 10, big, sizeof big);
	assert_memory_equal(back + 10 + sizeof big, big, sizeof big);
	(void)close(fd);
	(void)unlink(path);
}

static void a_full_disk_is_said_and_nothing_more_is_written(void **state)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct kith_err err = {.status = KITH_OK};
	struct kith_out out;

	(void)state;
	assert_true(fd >= 0);
	kith_out_init(&out, fd);
	assert_true(kith_out_text(&out, "x"));
	assert_false(kith_out_flush(&out));
	assert_true(kith_out_failed(&out));
	assert_false(kith_out_text(&out, "y"));
	assert_int_equal(kith_out_done(&out, "standard output", &err), KITH_E_IO);
	assert_non_null(strstr(err.msg, "cannot write to standard output"));
	assert_int_equal(err.sys_errno, ENOSPC);
	(void)close(fd);
}

static void a_closed_pipe_is_a_quiet_end(void **state)
{
	struct kith_out out;
	int ends[2];

	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(ends), 0);
	(void)close(ends[0]);
	kith_out_init(&out, ends[1]);
	assert_true(kith_out_text(&out, "x"));
	assert_false(kith_out_flush(&out));
	assert_int_equal(kith_out_done(&out, "standard output", NULL), KITH_OK);
	(void)close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(text_lets_no_control_through),
	    cmocka_unit_test(utf8_is_checked_strictly),
	    cmocka_unit_test(json_is_valid_whatever_comes),
	    cmocka_unit_test(json_finds_each_byte_at_each_place),
	    cmocka_unit_test(csv_fields_are_quoted_when_they_must),
	    cmocka_unit_test(what_is_written_arrives_in_order),
	    cmocka_unit_test(a_full_disk_is_said_and_nothing_more_is_written),
	    cmocka_unit_test(a_closed_pipe_is_a_quiet_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/opt.h"

static struct {
	bool flag, other;
	const char *text;
	struct kith_opt_list list;
	size_t size;
	uint64_t number;
} got;

static const struct kith_opt opts[] = {
    {KITH_OPT_HEADING, 0, NULL, NULL, NULL, "Options:"},
    {KITH_OPT_FLAG, 'f', "flag", &got.flag, NULL, "a flag"},
    {KITH_OPT_FLAG, 'o', NULL, &got.other, NULL, "a flag without a long name"},
    {KITH_OPT_TEXT, 't', "text", &got.text, "TEXT", "a text"},
    {KITH_OPT_LIST, 'l', "list", &got.list, "ITEM", "items"},
    {KITH_OPT_SIZE, 0, "size", &got.size, "SIZE",
     "a size; this help is long enough that it has to be wrapped over several lines of the output"},
    {KITH_OPT_NUMBER, 'n', "a-very-long-name-of-an-option", &got.number, "NUMBER", "a number"},
};
static const struct kith_command command = {
    .name = "kith try",
    .usage = "[OPTION]... [WORD]...",
    .summary = "try options",
    .details = "A paragraph that is longer than one line of eighty columns, so that it has to be "
	       "wrapped.\n"
	       "\n"
	       "  an example stays as it is",
    .opts = opts,
    .n_opts = sizeof opts / sizeof *opts,
};

/* Parses words, the last of which is NULL; fills argv in its new order. */
static enum kith_status parse(const char *const *words, const char **argv, int *ret_argc,
			      int *first, bool *help, struct kith_err *err)
{
	static char copies[16][64];
	char *args[17];
	int argc = 0, i;
	enum kith_status st;

	memset(&got, 0, sizeof got);
	args[argc++] = copies[15];
	for (; *words != NULL; words++) {
		(void)snprintf(copies[argc], sizeof copies[argc], "%s", *words);
		args[argc] = copies[argc];
		argc++;
	}
	args[argc] = NULL;
	st = kith_opt_parse(&command, argc, args, first, help, err);
	for (i = 0; i < argc; i++)
		argv[i] = args[i];
	*ret_argc = argc;
	return st;
}

#define PARSE(...)                                                   \
	do {                                                         \
		const char *words[] = {__VA_ARGS__, NULL};           \
		st = parse(words, argv, &argc, &first, &help, &err); \
	} while (0)

#define VARIABLES                                  \
	const char *argv[17];                      \
	struct kith_err err = {.status = KITH_OK}; \
	enum kith_status st;                       \
	int argc = 0, first = 0;                   \
	bool help = false;                         \
	(void)state

static void options_and_operands_may_be_mixed(void **state)
{
	VARIABLES;
	PARSE("one", "-f", "two", "--text=x", "-", "--list", "a", "-lb", "three", "--", "-t", "-f");
	assert_int_equal(st, KITH_OK);
	assert_true(got.flag);
	assert_false(got.other);
	assert_string_equal(got.text, "x");
	assert_int_equal(got.list.n, 2);
	assert_string_equal(got.list.items[0], "a");
	assert_string_equal(got.list.items[1], "b");
	assert_int_equal(argc - first, 6);
	assert_string_equal(argv[first], "one");
	assert_string_equal(argv[first + 1], "two");
	assert_string_equal(argv[first + 2], "-");
	assert_string_equal(argv[first + 3], "three");
	assert_string_equal(argv[first + 4], "-t");
	assert_string_equal(argv[first + 5], "-f");
}

static void short_flags_may_stand_together(void **state)
{
	VARIABLES;
	PARSE("-foty", "-n", "18446744073709551615", "--size", "512M");
	assert_int_equal(st, KITH_OK);
	assert_true(got.flag);
	assert_true(got.other);
	assert_string_equal(got.text, "y");
	assert_true(got.number == UINT64_MAX);
	assert_true(got.size == (size_t)512 << 20);
	assert_int_equal(first, argc);
}

static void help_is_understood_everywhere(void **state)
{
	VARIABLES;
	PARSE("-f", "--help", "--unknown");
	assert_int_equal(st, KITH_OK);
	assert_true(help);
	PARSE("-fh");
	assert_int_equal(st, KITH_OK);
	assert_true(help);
}

static void faults_name_the_option(void **state)
{
	VARIABLES;
	PARSE("--foo=1");
	assert_int_equal(st, KITH_E_ARG);
	assert_string_equal(err.msg, "unknown option '--foo', see 'kith try --help'");
	PARSE("-fx");
	assert_int_equal(st, KITH_E_ARG);
	assert_string_equal(err.msg, "unknown option '-x', see 'kith try --help'");
	PARSE("--flag=1");
	assert_int_equal(st, KITH_E_ARG);
	assert_non_null(strstr(err.msg, "'--flag' takes no value"));
	PARSE("--text");
	assert_int_equal(st, KITH_E_ARG);
	assert_non_null(strstr(err.msg, "'--text' needs a value"));
	PARSE("-t");
	assert_int_equal(st, KITH_E_ARG);
	assert_non_null(strstr(err.msg, "'-t' needs a value"));
	PARSE("-n", "18446744073709551616");
	assert_int_equal(st, KITH_E_ARG);
	assert_non_null(strstr(err.msg, "is not a number"));
	PARSE("-n", "-1");
	assert_int_equal(st, KITH_E_ARG);
	PARSE("--size=12Q");
	assert_int_equal(st, KITH_E_ARG);
	assert_non_null(strstr(err.msg, "is not a size"));
	assert_int_equal(err.status, KITH_E_ARG);
}

static void sizes_are_checked(void **state)
{
	size_t v = 7;

	(void)state;
	assert_true(kith_parse_size("0", &v));
	assert_int_equal(v, 0);
	assert_true(kith_parse_size("3k", &v));
	assert_int_equal(v, 3072);
	assert_true(kith_parse_size("2T", &v));
	assert_true(v == (size_t)2 << 40);
	assert_true(kith_parse_size("18446744073709551615", &v));
	v = 7;
	assert_false(kith_parse_size("18446744073709551616", &v));
	assert_false(kith_parse_size("16777216T", &v));
	assert_false(kith_parse_size("", &v));
	assert_false(kith_parse_size("K", &v));
	assert_false(kith_parse_size("1KB", &v));
	assert_false(kith_parse_size("-1", &v));
	assert_int_equal(v, 7);
}

static void a_list_that_is_full_is_refused(void **state)
{
	static char *args[KITH_OPT_LIST_MAX + 4], word[] = "-lx", name[] = "try";
	struct kith_err err;
	int first;
	bool help;
	int i;

	(void)state;
	memset(&got, 0, sizeof got);
	args[0] = name;
	for (i = 1; i <= KITH_OPT_LIST_MAX + 1; i++)
		args[i] = word;
	assert_int_equal(kith_opt_parse(&command, KITH_OPT_LIST_MAX + 1, args, &first, &help, &err),
			 KITH_OK);
	assert_int_equal(got.list.n, KITH_OPT_LIST_MAX);
	memset(&got, 0, sizeof got);
	assert_int_equal(kith_opt_parse(&command, KITH_OPT_LIST_MAX + 2, args, &first, &help, &err),
			 KITH_E_ARG);
}

/* What kith_opt_help prints, caught in a pipe. */
static size_t caught_help(char *text, size_t cap)
{
	int ends[2], saved = dup(STDOUT_FILENO);
	ssize_t n;

	assert_int_equal(pipe(ends), 0);
	(void)fflush(stdout);
	assert_true(dup2(ends[1], STDOUT_FILENO) >= 0);
	assert_true(kith_opt_help(&command));
	assert_true(dup2(saved, STDOUT_FILENO) >= 0);
	(void)close(ends[1]);
	n = read(ends[0], text, cap - 1);
	(void)close(ends[0]);
	(void)close(saved);
	assert_true(n > 0);
	text[n] = '\0';
	return (size_t)n;
}

static void help_fits_eighty_columns_and_names_everything(void **state)
{
	char text[4096];
	const char *line;
	size_t i;

	(void)state;
	(void)caught_help(text, sizeof text);
	for (line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
		assert_true(strcspn(line, "\n") <= 80);
	for (i = 0; i < command.n_opts; i++) {
		if (opts[i].long_name != NULL)
			assert_non_null(strstr(text, opts[i].long_name));
	}
	assert_non_null(strstr(text, "Usage: kith try [OPTION]... [WORD]...\n"));
	assert_non_null(strstr(text, "  -l, --list=ITEM         items\n"));
	assert_non_null(strstr(text, "\n      --size=SIZE         a size;"));
	assert_non_null(strstr(text, "\n  an example stays as it is\n"));
	assert_non_null(strstr(text, "-h, --help"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(options_and_operands_may_be_mixed),
	    cmocka_unit_test(short_flags_may_stand_together),
	    cmocka_unit_test(help_is_understood_everywhere),
	    cmocka_unit_test(faults_name_the_option),
	    cmocka_unit_test(sizes_are_checked),
	    cmocka_unit_test(a_list_that_is_full_is_refused),
	    cmocka_unit_test(help_fits_eighty_columns_and_names_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

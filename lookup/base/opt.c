/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "opt.h"

#include <string.h>
#include <unistd.h>

#include "bytes.h"
#include "err.h"
#include "out.h"

#define COLUMNS     80u
#define HELP_COLUMN 26u /* where the text of an option starts */

/* --------------------------------------------------------------- parsing */

static bool parse_number(const char *text, uint64_t *ret)
{
	uint64_t v = 0;

	if (*text == '\0')
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return false;
		if (__builtin_mul_overflow(v, 10u, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*text - '0'), &v))
			return false;
	}
	*ret = v;
	return true;
}

bool kith_parse_size(const char *text, size_t *ret)
{
	static const char suffixes[] = "KMGT";
	size_t digits = strspn(text, "0123456789"), v = 0, i;
	const char *suffix;

	if (digits == 0 || strlen(text + digits) > 1)
		return false;
	for (i = 0; i < digits; i++) {
		if (!kith_mul_size(v, 10, &v) || !kith_add_size(v, (size_t)(text[i] - '0'), &v))
			return false;
	}
	if (text[digits] != '\0') {
		char c = text[digits];

		suffix = strchr(suffixes, c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
		if (suffix == NULL)
			return false;
		for (; suffix >= suffixes; suffix--) {
			if (!kith_mul_size(v, 1024, &v))
				return false;
		}
	}
	*ret = v;
	return true;
}

static enum kith_status set_value(const struct kith_command *command, const struct kith_opt *opt,
				  const char *shown, const char *value, struct kith_err *err)
{
	struct kith_opt_list *list;

	switch (opt->type) {
	case KITH_OPT_FLAG: *(bool *)opt->target = true; return KITH_OK;
	case KITH_OPT_TEXT: *(const char **)opt->target = value; return KITH_OK;
	case KITH_OPT_LIST:
		list = opt->target;
		if (list->n == KITH_OPT_LIST_MAX)
			return kith_fail(err, KITH_E_ARG, "option '%s' given more than %d times",
					 shown, KITH_OPT_LIST_MAX);
		list->items[list->n++] = value;
		return KITH_OK;
	case KITH_OPT_SIZE:
		if (kith_parse_size(value, opt->target))
			return KITH_OK;
		return kith_fail(err, KITH_E_ARG,
				 "option '%s': '%s' is not a size such as 512M, see '%s --help'",
				 shown, value, command->name);
	case KITH_OPT_NUMBER:
		if (parse_number(value, opt->target))
			return KITH_OK;
		return kith_fail(err, KITH_E_ARG,
				 "option '%s': '%s' is not a number, see '%s --help'", shown, value,
				 command->name);
	case KITH_OPT_HEADING: break;
	}
	return kith_fail(err, KITH_E_ARG, "unknown option '%s', see '%s --help'", shown,
			 command->name);
}

static const struct kith_opt *find_long(const struct kith_command *command, const char *name,
					size_t n)
{
	size_t i;

	for (i = 0; i < command->n_opts; i++) {
		const struct kith_opt *opt = &command->opts[i];

		if (opt->type != KITH_OPT_HEADING && opt->long_name != NULL &&
		    strlen(opt->long_name) == n && memcmp(opt->long_name, name, n) == 0)
			return opt;
	}
	return NULL;
}

static const struct kith_opt *find_short(const struct kith_command *command, char name)
{
	size_t i;

	for (i = 0; i < command->n_opts; i++) {
		const struct kith_opt *opt = &command->opts[i];

		if (opt->type != KITH_OPT_HEADING && opt->short_name != 0 &&
		    opt->short_name == name)
			return opt;
	}
	return NULL;
}

/* argv[*at] is "--name" or "--name=value"; moves *at to the last word that was used. */
static enum kith_status parse_long(const struct kith_command *command, int argc, char **argv,
				   int *at, bool *ret_help, struct kith_err *err)
{
	const char *name = argv[*at] + 2, *equals = strchr(name, '=');
	size_t n = equals != NULL ? (size_t)(equals - name) : strlen(name);
	const struct kith_opt *opt = find_long(command, name, n);
	const char *value = equals != NULL ? equals + 1 : NULL;

	if (opt == NULL && n == 4 && equals == NULL && memcmp(name, "help", 4) == 0) {
		*ret_help = true;
		return KITH_OK;
	}
	if (opt == NULL)
		return kith_fail(err, KITH_E_ARG, "unknown option '--%.*s', see '%s --help'",
				 (int)(n < 100 ? n : 100), name, command->name);
	if (opt->type == KITH_OPT_FLAG && value != NULL)
		return kith_fail(err, KITH_E_ARG, "option '--%s' takes no value, see '%s --help'",
				 opt->long_name, command->name);
	if (opt->type != KITH_OPT_FLAG && value == NULL) {
		if (*at + 1 >= argc)
			return kith_fail(err, KITH_E_ARG,
					 "option '--%s' needs a value, see '%s --help'",
					 opt->long_name, command->name);
		value = argv[++*at];
	}
	{
		char shown[64];
		size_t len = strlen(opt->long_name);

		if (len > sizeof shown - 3)
			len = sizeof shown - 3;
		memcpy(shown, "--", 2);
		memcpy(shown + 2, opt->long_name, len);
		shown[len + 2] = '\0';
		return set_value(command, opt, shown, value, err);
	}
}

/* argv[*at] is "-x", "-xvalue", or several flags "-xyz". */
static enum kith_status parse_short(const struct kith_command *command, int argc, char **argv,
				    int *at, bool *ret_help, struct kith_err *err)
{
	const char *p;

	for (p = argv[*at] + 1; *p != '\0'; p++) {
		const struct kith_opt *opt = find_short(command, *p);
		const char shown[3] = {'-', *p, '\0'};
		enum kith_status st;

		if (opt == NULL && *p == 'h') {
			*ret_help = true;
			return KITH_OK;
		}
		if (opt == NULL && (*p < 0x21 || *p > 0x7e))
			return kith_fail(err, KITH_E_ARG, "unknown option, see '%s --help'",
					 command->name);
		if (opt == NULL)
			return kith_fail(err, KITH_E_ARG, "unknown option '%s', see '%s --help'",
					 shown, command->name);
		if (opt->type == KITH_OPT_FLAG) {
			st = set_value(command, opt, shown, NULL, err);
			if (st < 0)
				return st;
			continue;
		}
		if (p[1] != '\0')
			return set_value(command, opt, shown, p + 1, err);
		if (*at + 1 >= argc)
			return kith_fail(err, KITH_E_ARG,
					 "option '%s' needs a value, see '%s --help'", shown,
					 command->name);
		return set_value(command, opt, shown, argv[++*at], err);
	}
	return KITH_OK;
}

/* Moves the words argv[from .. to-1] in front of argv[dest .. from-1]; order is kept on both sides.
 */
static void move_front(char **argv, int dest, int from, int to)
{
	for (; from < to; from++, dest++) {
		char *word = argv[from];

		memmove(argv + dest + 1, argv + dest, (size_t)(from - dest) * sizeof *argv);
		argv[dest] = word;
	}
}

enum kith_status kith_opt_parse(const struct kith_command *command, int argc, char **argv,
				int *ret_first, bool *ret_help, struct kith_err *err)
{
	int first = 1; /* of the operands seen so far: argv[first .. i-1] */
	int i;
	bool help = false;

	for (i = 1; i < argc; i++) {
		int from = i;
		enum kith_status st;

		if (argv[i][0] != '-' || argv[i][1] == '\0')
			continue;
		if (strcmp(argv[i], "--") == 0) {
			move_front(argv, first, i, i + 1);
			first++;
			break;
		}
		st = argv[i][1] == '-' ? parse_long(command, argc, argv, &i, &help, err)
				       : parse_short(command, argc, argv, &i, &help, err);
		if (st < 0)
			return st;
		if (help)
			break;
		move_front(argv, first, from, i + 1);
		first += i + 1 - from;
	}
	*ret_first = first;
	*ret_help = help;
	return KITH_OK;
}

/* ------------------------------------------------------------------ help */

/*
 * Writes text in lines of at most COLUMNS, each indented, wrapped between words. A LF in the text
 * ends a line; a line that begins with a space is an example and is not wrapped. column: where the
 * cursor is now.
 */
static void wrap(struct kith_out *out, const char *text, size_t indent, size_t column)
{
	static const char spaces[] = "                                ";

	while (*text != '\0') {
		bool verbatim = *text == ' ';

		if (*text == '\n') {
			(void)kith_out_text(out, "\n");
			column = 0;
			text++;
			continue;
		}
		while (*text != '\0' && *text != '\n') {
			size_t n = verbatim ? strcspn(text, "\n") : strcspn(text, " \n");

			if (column > indent && column + 1 + n > COLUMNS) {
				(void)kith_out_text(out, "\n");
				column = 0;
			}
			if (column < indent) {
				(void)kith_out_write(out, spaces, indent - column);
				column = indent;
			} else if (column > indent) {
				(void)kith_out_text(out, " ");
				column++;
			}
			(void)kith_out_write(out, text, n);
			column += n;
			text += n;
			while (*text == ' ')
				text++;
		}
	}
	(void)kith_out_text(out, "\n");
}

static void print_option(struct kith_out *out, const struct kith_opt *opt)
{
	char left[HELP_COLUMN * 3];
	size_t n = 0;
	const char *parts[4] = {"", "", "", ""};
	size_t i;
	char head[5] = {' ', ' ', '-', 'x', '\0'};

	if (opt->short_name != 0)
		head[3] = opt->short_name;
	parts[0] = opt->short_name != 0 ? head : "    ";
	if (opt->long_name != NULL) {
		parts[1] = opt->short_name != 0 ? ", --" : "  --";
		parts[2] = opt->long_name;
	}
	for (i = 0; i < 3; i++) {
		size_t len = strlen(parts[i]);

		if (len > sizeof left - 1 - n)
			len = sizeof left - 1 - n;
		memcpy(left + n, parts[i], len);
		n += len;
	}
	left[n] = '\0';
	(void)kith_out_text(out, left);
	if (opt->type != KITH_OPT_FLAG) {
		const char *metavar = opt->metavar != NULL ? opt->metavar : "VALUE";

		(void)kith_out_text(out, opt->long_name != NULL ? "=" : " ");
		(void)kith_out_text(out, metavar);
		n += 1 + strlen(metavar);
	}
	if (n + 2 > HELP_COLUMN) {
		(void)kith_out_text(out, "\n");
		n = 0;
	}
	wrap(out, opt->help, HELP_COLUMN, n);
}

bool kith_opt_help(const struct kith_command *command)
{
	static const struct kith_opt help = {KITH_OPT_FLAG, 'h',  "help",
					     NULL,          NULL, "print this and exit"};
	struct kith_out out;
	size_t i;

	kith_out_init(&out, STDOUT_FILENO);
	(void)kith_out_text(&out, "Usage: ");
	(void)kith_out_text(&out, command->name);
	if (command->usage != NULL && command->usage[0] != '\0') {
		(void)kith_out_text(&out, " ");
		(void)kith_out_text(&out, command->usage);
	}
	(void)kith_out_text(&out, "\n");
	wrap(&out, command->summary, 0, 0);
	(void)kith_out_text(&out, "\n");
	for (i = 0; i < command->n_opts; i++) {
		if (command->opts[i].type != KITH_OPT_HEADING) {
			print_option(&out, &command->opts[i]);
			continue;
		}
		if (i > 0)
			(void)kith_out_text(&out, "\n");
		wrap(&out, command->opts[i].help, 0, 0);
	}
	print_option(&out, &help);
	if (command->details != NULL) {
		(void)kith_out_text(&out, "\n");
		wrap(&out, command->details, 0, 0);
	}
	return kith_out_done(&out, "standard output", NULL) == KITH_OK;
}

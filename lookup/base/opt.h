/* SPDX-License-Identifier: Apache-2.0 */
/*
 * opt.h: one table describes a command's options; parsing, the usage line and --help all come
 * from it, so that help cannot drift.
 */
#ifndef KITH_BASE_OPT_H
#define KITH_BASE_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kith.h"

enum kith_opt_type {
	KITH_OPT_FLAG,   /* target: bool *, set to true */
	KITH_OPT_TEXT,   /* target: const char ** */
	KITH_OPT_LIST,   /* target: struct kith_opt_list *, repeatable */
	KITH_OPT_SIZE,   /* target: size_t *; K, M, G, T suffixes are powers of 1024 */
	KITH_OPT_NUMBER, /* target: uint64_t *; decimal digits */
	KITH_OPT_HEADING /* no option: a line in --help */
};

struct kith_opt {
	enum kith_opt_type type;
	char short_name;       /* 0: none */
	const char *long_name; /* NULL: none */
	void *target;
	const char *metavar; /* "FILE"; NULL for a flag */
	const char *help;    /* one or more lines; wrapped to 80 columns */
};

#define KITH_OPT_LIST_MAX 4096
struct kith_opt_list {
	const char *items[KITH_OPT_LIST_MAX];
	size_t n;
};

struct kith_command {
	const char *name;    /* "kith lookup" */
	const char *usage;   /* behind the name: "[OPTION]... [HASH]..." */
	const char *summary; /* one line */
	const char *details; /* paragraphs for --help after the options; may be NULL */
	const struct kith_opt *opts;
	size_t n_opts;
};

/*
 * Parses argv[1..]; options and operands may be mixed, "--" ends options, "-" is an operand.
 * argv is reordered so that argv[*ret_first .. argc-1] are the operands.
 * Every command understands --help and -h: *ret_help is then set and the rest is not checked.
 * KITH_OK, or KITH_E_ARG with one line: "unknown option '--foo', see 'kith lookup --help'".
 */
enum kith_status kith_opt_parse(const struct kith_command *command, int argc, char **argv,
				int *ret_first, bool *ret_help, struct kith_err *err);

/* Prints --help on stdout, at most 80 columns. Returns false when stdout failed. */
bool kith_opt_help(const struct kith_command *command);

/* "512M" and the like; false when malformed or too large. */
bool kith_parse_size(const char *text, size_t *ret);

#endif

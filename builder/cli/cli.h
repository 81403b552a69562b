/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli.h: what the commands of kith-build share. Only this folder prints: results of commands are
 * files, so standard output stays empty; messages, progress and the summary go to standard error.
 */
#ifndef KITH_BUILDER_CLI_H
#define KITH_BUILDER_CLI_H

#include "base/opt.h"
#include "core/build.h"

#define KITH_EXIT_OK    0
#define KITH_EXIT_USAGE 2 /* also: an input cannot be read, the set cannot be written */
#define KITH_EXIT_SET   3 /* an input is a set that is missing or damaged */

struct kith_build_cli {
	const struct kith_command *command;
	const char *name; /* behind "kith-build" */
	int (*run)(int argc, char **argv);
};
extern const struct kith_build_cli kith_build_cli_nsrl, kith_build_cli_merge;

/* Options that every command has. */
struct build_args {
	const char *output, *set_name, *scratch, *progress;
	size_t memory;
	uint64_t threads;
	bool keep_going, quiet;
};

/* Their rows in a command's table. */
#define BUILD_OPTIONS(args)                                                                   \
	{KITH_OPT_TEXT,  'o',   "output",                                                     \
	 &(args).output, "SET", "the set to write; an old one is replaced at the end"},       \
	    {KITH_OPT_SIZE,  0,      "memory",                                                \
	     &(args).memory, "SIZE", "memory to use, such as 512M (default: 1G)"},            \
	    {KITH_OPT_NUMBER, 0,   "threads",                                                 \
	     &(args).threads, "N", "threads to use (default: one for each core)"},            \
	    {KITH_OPT_TEXT,   0,     "scratch",                                               \
	     &(args).scratch, "DIR", "folder for temporary files (default: that of SET)"},    \
	    {KITH_OPT_FLAG,                                                                   \
	     'k',                                                                             \
	     "keep-going",                                                                    \
	     &(args).keep_going,                                                              \
	     NULL,                                                                            \
	     "keep what can be read of a damaged input; the loss is written to the ledger"},  \
	    {KITH_OPT_FLAG, 'q', "quiet", &(args).quiet, NULL, "no progress and no summary"}, \
	{                                                                                     \
		KITH_OPT_TEXT, 0, "progress", &(args).progress, "json",                       \
		    "progress as JSON lines on standard error"                                \
	}

/* Prints "kith-build: <text>" on standard error, control characters escaped. */
void build_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * Finds the source for an input. KITH_EXIT_OK, or how the program ends, with err filled.
 */
typedef int (*build_choose)(const char *input, const struct kith_source_ops **ret_ops,
			    struct kith_err *err);

/* A whole command: parses, chooses a source for each input, builds; prints errors and the summary.
 * Returns the exit status. */
int build_command(const struct kith_command *command, struct build_args *args, build_choose choose,
		  int argc, char **argv);

#endif

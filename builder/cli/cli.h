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
extern const struct kith_build_cli kith_build_cli_image, kith_build_cli_merge, kith_build_cli_nsrl;

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

/* What a command makes of its inputs. */
struct build_plan {
	const struct kith_source_ops **ops; /* owned; of each input of the build */
	char **inputs;                      /* owned, their paths too */
	size_t n;
	const void *source_options; /* or NULL */
};
/* False: out of memory. The path is copied. */
bool build_plan_add(struct build_plan *plan, const struct kith_source_ops *ops, const char *input);

/* A command, as build_command runs it. */
struct build_command {
	bool needs_rows; /* see struct kith_build_options */
	const struct kith_command *command;
	struct build_args *args;
	/* From the command line's inputs to the build's. KITH_EXIT_OK, or how the program ends,
	 * with err filled. */
	int (*plan)(char *const *inputs, size_t n, struct build_plan *plan, struct kith_err *err);
	/* After the set is published; may be NULL. Returns the exit status. */
	int (*published)(const struct kith_build_result *result);
	void (*done)(void); /* at the end, however it ends; may be NULL */
};

/* A whole command: parses, plans, builds; prints errors and the summary. Returns the exit status.
 */
int build_command(const struct build_command *command, int argc, char **argv);

/* Reads a whole set, as `kith verify` does, without trusting it. */
enum kith_status build_check_set(const char *path, struct kith_err *err);

/* For a plan that takes long: shows how far it is; true when the user wants to stop. */
bool build_progress(const struct kith_progress *at);
void build_message(const char *text, void *unused);
/* Whether the user wants to stop. */
bool build_stopped(void *unused);

#endif

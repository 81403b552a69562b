/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli.h: what the commands of kith share. Exit status everywhere: 0 all found or done, 1 done but
 * at least one hash is unknown, 2 usage or unreadable input, 3 a set is missing, damaged or wrong.
 * Where several apply the highest wins, so an error is never mistaken for a miss.
 */
#ifndef KITH_CLI_H
#define KITH_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "answer/sets.h"
#include "base/err.h"
#include "base/opt.h"
#include "base/out.h"
#include "kith.h"

#define KITH_EXIT_OK      0
#define KITH_EXIT_UNKNOWN 1
#define KITH_EXIT_USAGE   2
#define KITH_EXIT_SET     3

/* A command: one file, one row in commands.def. */
struct kith_cli {
	const char *name; /* the word behind "kith" */
	const struct kith_command *command;
	int (*run)(int argc,
		   char **argv); /* argv[0] is the command's word; returns the exit status */
};

/*
 * Parses the arguments. True: go on, the operands are argv[*ret_first ..]. False: *ret_exit is how
 * to end; --help or the fault was printed.
 */
bool kith_cli_parse(const struct kith_command *command, int argc, char **argv, int *ret_first,
		    int *ret_exit);

/* One line on stderr: "kith: ...". Names from the outside are made safe for a terminal. */
void kith_cli_say(const char *fmt, ...) KITH_PRINTF(1, 2);

/* Says what a set's fault is and returns the exit status for it. path may be NULL. */
int kith_cli_set_fault(const char *path, enum kith_status status, const struct kith_err *err);

/* Ends output; the exit status is `status`, or 2 with a sentence when writing failed. */
int kith_cli_end(struct kith_out *out, int status);

/* ------------------------------------------------------------------- sets */

#define KITH_CLI_SET_OPTION                                                                   \
	{                                                                                     \
		KITH_OPT_LIST, 'd', "set", &options.sets, "SET",                              \
		    "answer from this set, a file or a folder of *.kith files; may be given " \
		    "several times (default: KITH_PATH, then /var/lib/kith)"                  \
	}

/*
 * kith_sets_find (answer/sets.h). From then on a fault in the sets' maps ends the program with a
 * sentence and status 3. Returns KITH_EXIT_OK, or how to end; the fault was said. Close with
 * kith_sets_close() in each case.
 */
int kith_sets_open(struct kith_sets *sets, const struct kith_opt_list *given);

/*
 * guard.c: a fault while a set is opened, or later within its map, or an abort, names the set and
 * exits with 3. Call kith_guard_open before opening, kith_guard_opened after it; set is NULL where
 * opening failed.
 */
void kith_guard_open(const char *path);
void kith_guard_opened(kith_set *set);

/* From now on this file is removed when a signal or a damaged set ends the program; NULL: no more.
 * The text must stay. */
void kith_guard_temporary(const char *path);

/* --------------------------------------------------------------- the dump */

/* Takes a piece of the dump; false: stop. */
typedef bool (*kith_dump_sink)(void *user, const void *data, size_t n);

/* Prints the canonical text of a set (docs/FORMAT.md, section 9). KITH_E_CANCELLED: the sink
 * stopped. */
enum kith_status kith_dump_set(kith_set *set, kith_dump_sink sink, void *user,
			       struct kith_err *err);

/* digest.c: the id that the dump's text gives. */
enum kith_status kith_digest_of_dump(kith_set *set, uint8_t ret_id[32], struct kith_err *err);

#endif

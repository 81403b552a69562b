/* SPDX-License-Identifier: Apache-2.0 */
/* dump.c: kith dump. Prints a set as its canonical text. */
#define _POSIX_C_SOURCE 200809L
#include <unistd.h>

#include "cli/cli.h"

static struct options {
	struct kith_opt_list sets;
} options;

static const struct kith_opt opts[] = {KITH_CLI_SET_OPTION};

static const struct kith_command command = {
    .name = "kith dump",
    .usage = "[-d] SET",
    .summary = "print a set as text, line by line",
    .opts = opts,
    .n_opts = sizeof opts / sizeof *opts,
    .details =
	"The text is canonical: its SHA-256 is the set id. docs/FORMAT.md, section 9, tells its "
	"grammar.\n"
	"\n"
	"Exit status: 0 done, 2 usage, 3 the set is missing or damaged.",
};

static bool print(void *user, const void *data, size_t n)
{
	return kith_out_write(user, data, n);
}

static int run(int argc, char **argv)
{
	struct kith_err err = {.status = KITH_OK};
	struct kith_sets sets;
	struct kith_out out;
	enum kith_status st;
	int first, status, i;

	if (!kith_cli_parse(&command, argc, argv, &first, &status))
		return status;
	for (i = first; i < argc && options.sets.n < KITH_OPT_LIST_MAX; i++)
		options.sets.items[options.sets.n++] = argv[i];
	if (options.sets.n > 1) {
		kith_cli_say("dump prints one set, see 'kith dump --help'");
		return KITH_EXIT_USAGE;
	}
	kith_out_init(&out, STDOUT_FILENO);
	status = kith_sets_open(&sets, &options.sets);
	if (status == KITH_EXIT_OK && sets.n > 1) {
		kith_cli_say("there are %zu sets; name the one to dump", sets.n);
		status = KITH_EXIT_USAGE;
	}
	if (status == KITH_EXIT_OK) {
		st = kith_dump_set(sets.sets[0], print, &out, &err);
		if (st != KITH_OK && st != KITH_E_CANCELLED)
			status = kith_cli_set_fault(sets.paths[0], st, &err);
	}
	kith_sets_close(&sets);
	return kith_cli_end(&out, status);
}

const struct kith_cli kith_cli_dump = {"dump", &command, run};

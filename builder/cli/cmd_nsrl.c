/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_nsrl.c: kith-build nsrl, a set from NSRL releases. */
#include <stdlib.h>

#include "cli.h"
#include "sources/sources.h"

static struct build_args args;

static const struct kith_opt opts[] = {
    BUILD_OPTIONS(args),
    {KITH_OPT_TEXT, 0, "set-name", &args.set_name, "NAME",
     "name of the RDS set, such as modern (default: what the release says)"},
};

static const struct kith_command command = {
    .name = "kith-build nsrl",
    .usage = "-o SET [OPTION]... INPUT...",
    .summary = "make a set from NSRL releases",
    .details =
	"An INPUT is an RDS v3 database, full or minimal, as .db or as the published .zip; or an "
	"RDS v2 or v1 text release, as a folder, .zip or .iso. What it is, is told by its "
	"content. Several inputs make one set.\n\n"
	"Deltas (.sql) are not read: apply them to their database with sqlite3 first.\n\n"
	"SOURCE_DATE_EPOCH, when set, is written into the set as the time of the build.",
    .opts = opts,
    .n_opts = sizeof opts / sizeof opts[0],
};

static int run(int argc, char **argv)
{
	const struct kith_source_ops **ops = NULL;
	struct kith_err err = {0};
	size_t n, i;
	int first, status;

	if (!build_parse(&command, &args, argc, argv, &first, &status))
		return status;
	n = (size_t)(argc - first);
	ops = calloc(n, sizeof(const struct kith_source_ops *));
	status = KITH_EXIT_USAGE;
	for (i = 0; ops != NULL && i < n; i++) {
		if (kith_sources_probe(argv[first + (int)i], &ops[i], &err) < 0) {
			build_say("%s", err.msg);
			goto out;
		}
		if (ops[i] == &kith_source_kith_set) {
			build_say("'%s' is a set already: sets are joined by 'kith-build merge'",
				  argv[first + (int)i]);
			goto out;
		}
	}
	if (ops == NULL)
		build_say("out of memory");
	else
		status = build_run(&args, ops, argv + first, n);
out:
	free(ops);
	return status;
}

const struct kith_build_cli kith_build_cli_nsrl = {&command, "nsrl", run};

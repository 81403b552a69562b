/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_nsrl.c: kith-build nsrl, a set from NSRL releases. */
#include <stdlib.h>

#include "base/err.h"
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

static int choose(const char *input, const struct kith_source_ops **ret_ops, struct kith_err *err)
{
	if (kith_sources_probe(input, ret_ops, err) < 0)
		return KITH_EXIT_USAGE;
	if (*ret_ops == &kith_source_kith_set) {
		(void)kith_fail(err, KITH_E_UNSUPPORTED,
				"'%s' is a set already: sets are joined by 'kith-build merge'",
				input);
		return KITH_EXIT_USAGE;
	}
	return KITH_EXIT_OK;
}

static int run(int argc, char **argv)
{
	return build_command(&command, &args, choose, argc, argv);
}

const struct kith_build_cli kith_build_cli_nsrl = {&command, "nsrl", run};

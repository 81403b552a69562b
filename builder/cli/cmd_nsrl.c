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

static int plan(char *const *inputs, size_t n, struct build_plan *ret_plan, struct kith_err *err)
{
	size_t i;

	for (i = 0; i < n; i++) {
		const struct kith_source_ops *ops;

		if (kith_sources_probe(inputs[i], &ops, err) < 0)
			return KITH_EXIT_USAGE;
		if (ops == &kith_source_kith_set || ops == &kith_source_image) {
			(void)kith_fail(err, KITH_E_UNSUPPORTED,
					ops == &kith_source_image
					    ? "'%s' is not an NSRL release"
					    : "'%s' is a set already: sets are joined by "
					      "'kith-build merge'",
					inputs[i]);
			return KITH_EXIT_USAGE;
		}
		if (!build_plan_add(ret_plan, ops, inputs[i])) {
			(void)kith_fail_nomem(err);
			return KITH_EXIT_USAGE;
		}
	}
	return KITH_EXIT_OK;
}

static int run(int argc, char **argv)
{
	static const struct build_command whole = {
	    .command = &command, .args = &args, .plan = plan, .needs_rows = true};

	return build_command(&whole, argc, argv);
}

const struct kith_build_cli kith_build_cli_nsrl = {&command, "nsrl", run};

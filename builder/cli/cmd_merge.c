/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_merge.c: kith-build merge, one set from several. */
#include "base/err.h"
#include "cli.h"
#include "sources/sources.h"

static struct build_args args;

static const struct kith_opt opts[] = {BUILD_OPTIONS(args)};

static const struct kith_command command = {
    .name = "kith-build merge",
    .usage = "-o SET [OPTION]... SET...",
    .summary = "make one set from several",
    .details =
	"The sets are checked as a whole first. An NSRL release may be in one of them only. Files "
	"that one set knows by SHA-1 alone join those of another that knows their SHA-256.\n\n"
	"SOURCE_DATE_EPOCH, when set, is written into the set as the time of the build.",
    .opts = opts,
    .n_opts = sizeof opts / sizeof opts[0],
};

static int plan(char *const *inputs, size_t n, struct build_plan *ret_plan, struct kith_err *err)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (build_check_set(inputs[i], err) < 0)
			return KITH_EXIT_SET;
		if (!build_plan_add(ret_plan, &kith_source_kith_set, inputs[i])) {
			(void)kith_fail_nomem(err);
			return KITH_EXIT_USAGE;
		}
	}
	return KITH_EXIT_OK;
}

static int run(int argc, char **argv)
{
	static const struct build_command whole = {
	    .command = &command, .args = &args, .plan = plan};

	return build_command(&whole, argc, argv);
}

const struct kith_build_cli kith_build_cli_merge = {&command, "merge", run};

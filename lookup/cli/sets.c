/* SPDX-License-Identifier: Apache-2.0 */
#include "answer/sets.h"
#include "cli/cli.h"

int kith_sets_open(struct kith_sets *sets, const struct kith_opt_list *given)
{
	static const struct kith_sets_watch watch = {kith_guard_open, kith_guard_opened};
	struct kith_err err = {.status = KITH_OK};
	enum kith_status st = kith_sets_find(sets, given, &watch, &err);

	if (st == KITH_OK)
		return KITH_EXIT_OK;
	kith_cli_say("%s", err.msg);
	return st == KITH_E_NOMEM || st == KITH_E_LIMIT ? KITH_EXIT_USAGE : KITH_EXIT_SET;
}

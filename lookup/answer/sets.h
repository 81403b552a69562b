/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sets.h: finds and opens the sets that a program answers from: files, folders of *.kith files,
 * those of KITH_PATH, those in /var/lib/kith. Each file is opened once.
 */
#ifndef KITH_ANSWER_SETS_H
#define KITH_ANSWER_SETS_H

#include <stddef.h>

#include "base/opt.h"
#include "kith.h"

struct kith_sets {
	kith_set **sets;
	char **paths;
	size_t n;
};

/* Called before a file is opened and after it; set is NULL where that failed. Either may be NULL.
 */
struct kith_sets_watch {
	void (*opening)(const char *path);
	void (*opened)(kith_set *set);
};

/*
 * Opens those that `given` names, else those of KITH_PATH (files or folders, with colons between),
 * else those in /var/lib/kith. All or nothing: with some of them an answer could be a wrong
 * "unknown". KITH_OK; KITH_E_IO, KITH_E_CORRUPT, KITH_E_UNSUPPORTED: a set's fault;
 * KITH_NOT_FOUND with words: there is none, or none in a folder that was named; KITH_E_LIMIT,
 * KITH_E_NOMEM. *sets can be closed after each of them.
 */
enum kith_status kith_sets_find(struct kith_sets *sets, const struct kith_opt_list *given,
				const struct kith_sets_watch *watch, struct kith_err *err);
void kith_sets_close(struct kith_sets *sets);

#endif

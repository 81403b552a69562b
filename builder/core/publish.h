/* SPDX-License-Identifier: Apache-2.0 */
/* publish.h: how a set gets its public name. See publish.c for what holds at which moment. */
#ifndef KITH_CORE_PUBLISH_H
#define KITH_CORE_PUBLISH_H

#include "kith.h"

struct kith_publish;

/* output: the public path. Removes what crashed runs left for it and makes the temporary file. */
enum kith_status kith_publish_begin(const char *output, struct kith_publish **ret,
				    struct kith_err *err);
/* The temporary file: its path and a descriptor that is open for writing. */
const char *kith_publish_path(const struct kith_publish *publish);
int kith_publish_fd(const struct kith_publish *publish);
/* Syncs and renames. After KITH_OK the set has its public name. */
enum kith_status kith_publish_commit(struct kith_publish *publish, struct kith_err *err);
/* Removes the temporary file if it was not published. NULL is accepted. */
void kith_publish_free(struct kith_publish *publish);

/* The folder of a path: "." where it has none. The caller frees it; NULL: out of memory. */
char *kith_folder_of(const char *path);

/* For tests: ends the process at once when the environment's KITH_TEST_DIE_AT is that step.
 * Without KITH_TEST_HOOKS it does nothing. */
void kith_test_die_at(const char *step);

#endif

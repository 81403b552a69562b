/* SPDX-License-Identifier: Apache-2.0 */
/*
 * temp.h: temporary files with a name. While its maker lives the file is locked; a file that can
 * be locked was left by a crash and is removed.
 */
#ifndef KITH_CORE_TEMP_H
#define KITH_CORE_TEMP_H

#include "kith.h"

/* Makes `<folder>/<prefix>XXXXXX<suffix>`, opened for reading and writing, locked. *ret_path is
 * the caller's to free. */
enum kith_status kith_temp_make(const char *folder, const char *prefix, const char *suffix,
				int *ret_fd, char **ret_path, struct kith_err *err);

/* Removes what a crash left under that prefix. Best effort; never touches a file in use. */
void kith_temp_clean(const char *folder, const char *prefix);

#endif

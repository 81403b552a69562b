/* SPDX-License-Identifier: Apache-2.0 */
/* classify.h: what a name says about what it names. */
#ifndef KITH_CORE_CLASSIFY_H
#define KITH_CORE_CLASSIFY_H

#include <stdbool.h>

#include "kith.h"

/*
 * True for names that NSRL gives to parts of files: sections of ELF and Mach-O files, streams of
 * MSI packages. They are content that was hashed, but nobody will meet them as files.
 */
bool kith_name_is_fragment(const uint8_t *name, size_t n);

#endif

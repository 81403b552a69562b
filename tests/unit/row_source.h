/* SPDX-License-Identifier: Apache-2.0 */
/* row_source.h: a source whose rows a test writes down, or many that follow from a number. */
#ifndef KITH_TESTS_ROW_SOURCE_H
#define KITH_TESTS_ROW_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "core/source.h"

struct row {
	const char *sha256;     /* one character, repeated; NULL: none is known */
	const char *sha1, *md5; /* likewise; NULL: not claimed */
	int64_t size;           /* -1: not claimed */
	unsigned product;       /* 0 or 1 */
	const char *folder;     /* NULL: none */
	const char *name;
};

/* What the next source that is opened gives. */
struct row_script {
	const struct row *rows;
	size_t n;
	uint64_t n_random; /* instead of rows */
	unsigned depth;    /* folders below each other, of the first row */
	const char *id;
	enum kith_status fail; /* what read returns at its end */
};

extern struct row_script script;

extern const struct kith_source_ops row_source;

#endif

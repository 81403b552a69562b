/* SPDX-License-Identifier: Apache-2.0 */
/* sources.h: the table of sources (sources.def), and which of them an input belongs to. */
#ifndef KITH_SOURCES_SOURCES_H
#define KITH_SOURCES_SOURCES_H

#include "core/source.h"

#define KITH_SOURCE(id) extern const struct kith_source_ops kith_source_##id;
#include "sources.def"
#undef KITH_SOURCE

/* All sources, in the order in which they are asked. */
const struct kith_source_ops *const *kith_sources(size_t *ret_n);

/*
 * Looks at the first bytes of the input. The first source that is certain wins, else the first
 * that may be. KITH_E_IO when it cannot be read, KITH_E_UNSUPPORTED with a sentence when nobody
 * knows it.
 */
enum kith_status kith_sources_probe(const char *path, const struct kith_source_ops **ret_ops,
				    struct kith_err *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dump.h: the canonical text of a set, line by line. `kith dump` prints it and its SHA-256 is the
 * set id, so the builder makes the same lines while it writes. docs/FORMAT.md, section 9, has the
 * grammar. Every function appends one line (with its LF); false: out of memory.
 */
#ifndef KITH_BASE_DUMP_H
#define KITH_BASE_DUMP_H

#include "buf.h"
#include "kith.h"

/* Order of a dump: head, source, distributor, product, place, name, sha1only, file, ledger, meta.
 */
bool kith_dump_head(struct kith_buf *buf);
/* True when the meta row with that key is part of the dump (not id, anchor or build.*). */
bool kith_dump_has_meta(const char *key, size_t key_n);
bool kith_dump_meta(struct kith_buf *buf, const char *key, size_t key_n, const uint8_t *value,
		    size_t value_n);
bool kith_dump_source(struct kith_buf *buf, uint32_t rank, const struct kith_source *source);
bool kith_dump_distributor(struct kith_buf *buf, uint32_t rank,
			   const struct kith_distributor *distributor);
bool kith_dump_product(struct kith_buf *buf, uint32_t rank, const struct kith_product *product);
bool kith_dump_place(struct kith_buf *buf, uint32_t rank, const struct kith_place *place);
bool kith_dump_name(struct kith_buf *buf, uint32_t rank, struct kith_bytes name);
/* False also for a damaged record; buf->failed tells which. */
bool kith_dump_file(struct kith_buf *buf, const struct kith_file *file);
bool kith_dump_ledger(struct kith_buf *buf, const struct kith_ledger_entry *entry);

#endif

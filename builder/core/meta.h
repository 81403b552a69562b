/* SPDX-License-Identifier: Apache-2.0 */
/* meta.h: writes the tables ledger and meta, and with the last line of the text the set id. */
#ifndef KITH_CORE_META_H
#define KITH_CORE_META_H

#include "core/build.h"
#include "core/files.h"
#include "core/index.h"
#include "core/ledger.h"

/* First step of the set. Adds to the ledger what the core counted. */
enum kith_status kith_meta_ledger(struct kith_ledger *ledger, const struct kith_decl *decl,
				  const struct kith_ranks *ranks,
				  const struct kith_files_counts *counts, struct kith_lmdb *db,
				  struct kith_text *text, struct kith_build_result *result,
				  struct kith_err *err);

/* Second step of the set. source_date_epoch: -1 when it is not set. */
enum kith_status kith_meta_write(const struct kith_decl *decl, const struct kith_ranks *ranks,
				 const struct kith_files_counts *counts,
				 const struct kith_index_counts *index, int64_t source_date_epoch,
				 struct kith_lmdb *db, struct kith_text *text,
				 struct kith_build_result *result, struct kith_err *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collector.h: where a worker's rows go. A collector belongs to one thread. It numbers names and
 * places in dictionaries of its own and keeps rows; when its share of the memory is full it spills
 * all of it as a *chunk* and begins anew. So memory is bounded whatever comes, and nothing is
 * shared between threads but the list of chunks.
 */
#ifndef KITH_CORE_COLLECTOR_H
#define KITH_CORE_COLLECTOR_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/dict.h"
#include "core/ledger.h"
#include "core/rows.h"
#include "core/strings.h"

struct kith_chunk {
	struct kith_strings_run names, places;
	struct kith_run runs[2]; /* by enum kith_table */
	uint64_t n_rows[2];
};

/* What the collectors of a build share. */
struct kith_chunks {
	struct kith_scratch *scratch;
	const struct kith_decl *decl;
	size_t memory; /* for each collector */
	pthread_mutex_t lock;
	struct kith_chunk **items; /* guarded by lock */
	size_t n, cap;
	_Atomic uint64_t units; /* progress */
	_Atomic uint64_t rows;
	_Atomic int cancelled; /* set: collectors return KITH_E_CANCELLED */
};

enum kith_status kith_collector_new(struct kith_chunks *chunks,
				    struct kith_collector **ret_collector, struct kith_err *err);
/* Spills what is left. */
enum kith_status kith_collector_finish(struct kith_collector *collector, struct kith_err *err);
void kith_collector_free(struct kith_collector *collector);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* fact_emit.h: lets the parsers of facts/ report through an emitter. */
#ifndef KITH_CONTAINERS_FACT_EMIT_H
#define KITH_CONTAINERS_FACT_EMIT_H

#include "containers/container.h"
#include "facts/facts.h"

/* A sink for kith_facts_...(); what the emitter answers to the facts is in st and err. */
struct kith_fact_emit {
	struct kith_fact_sink sink;
	struct kith_emit *emit;
	enum kith_status st; /* the first that is negative, or KITH_OK */
	struct kith_err *err;
};

void kith_fact_emit_init(struct kith_fact_emit *facts, struct kith_emit *emit,
			 struct kith_err *err);

#endif

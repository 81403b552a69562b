/* SPDX-License-Identifier: Apache-2.0 */
/* fact_emit.c: see fact_emit.h. */
#include "containers/fact_emit.h"

static void on_fact(void *user, enum kith_fact fact, unsigned weight, const void *text, size_t n)
{
	struct kith_fact_emit *facts = user;

	if (facts->st >= 0)
		facts->st = kith_emit_fact(facts->emit, fact, weight, text, n, facts->err);
}

void kith_fact_emit_init(struct kith_fact_emit *facts, struct kith_emit *emit, struct kith_err *err)
{
	*facts = (struct kith_fact_emit){
	    .sink = {.user = facts, .fact = on_fact},
	    .emit = emit,
	    .err = err,
	};
}

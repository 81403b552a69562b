/* SPDX-License-Identifier: Apache-2.0 */
/* hashlookup.h: what the files of this dialect share. */
#ifndef KITH_SERVE_HASHLOOKUP_H
#define KITH_SERVE_HASHLOOKUP_H

#include "dialect.h"

/* {"message":...,"query":...}; query.data NULL: without. */
enum kith_status kith_hashlookup_message(struct kith_reply *reply, unsigned status,
					 const char *message, struct kith_bytes query);
/* Whether a set of the view can answer for digests of that kind. */
bool kith_hashlookup_has_index(const struct kith_view *view, enum kith_digest kind);

extern const struct kith_stream_ops kith_hashlookup_bulk; /* POST /bulk/<kind> */
extern const struct kith_stream_ops
    kith_hashlookup_children; /* GET /children/<sha1>/<n>/<cursor> */
extern const struct kith_stream_ops kith_hashlookup_parents;

#endif

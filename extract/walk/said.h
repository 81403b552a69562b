/* SPDX-License-Identifier: Apache-2.0 */
/*
 * said.h: what a worker reported before it died, so that the second walk of its container reports
 * the rest and nothing twice.
 *
 * What must hold: messages are known again by what they say, not by their place. The order differs
 * between the walks: a hard link of a file that is still being hashed comes right behind it, one of
 * a file whose digest is known comes where it stands. Where a container's bytes lie for a moment (a
 * copy's number, its extents) does not count. Equal messages count as often as they came.
 */
#ifndef KITH_EXTRACT_SAID_H
#define KITH_EXTRACT_SAID_H

#include "base/buf.h"
#include "workers/wire.h"

struct walk_said {
	struct kith_buf entries;
};

/* Of the first walk. False: no memory. */
bool walk_said_add(struct walk_said *said, const struct kith_wire *message);
/* Between the walks. */
void walk_said_sort(struct walk_said *said);
/* Of the second walk. True: it was said once more often than it was asked for until now. */
bool walk_said_take(struct walk_said *said, const struct kith_wire *message);
void walk_said_done(struct walk_said *said);

#endif

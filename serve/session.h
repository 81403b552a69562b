/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.h: which hashes were asked for under a name, and which of them are known. Off unless
 * asked for, because what an analyst asks is sensitive: whoever knows a session's name reads it.
 *
 * Shared by all threads. Memory is bounded: so many sessions, so many hashes in each; a session
 * goes when its time is over.
 */
#ifndef KITH_SERVE_SESSION_H
#define KITH_SERVE_SESSION_H

#include <stdbool.h>

#include "base/buf.h"
#include "kith.h"

#define KITH_SESSION_NAME 120u /* bytes of a name, at most */

struct kith_sessions;

struct kith_sessions *kith_sessions_new(uint64_t ttl_s); /* NULL: no memory */
void kith_sessions_free(struct kith_sessions *sessions);
uint64_t kith_sessions_ttl(const struct kith_sessions *sessions);

/* An old one of that name is gone. KITH_OK; KITH_E_LIMIT: there are too many; KITH_E_NOMEM. */
enum kith_status kith_session_create(struct kith_sessions *sessions, struct kith_bytes name);
/* Nothing where there is no such session. */
void kith_session_note(struct kith_sessions *sessions, struct kith_bytes name,
		       enum kith_digest kind, const uint8_t *digest, bool exists);
/* {"nx":[..],"exist":[..],"info":".."}; KITH_OK; KITH_NOT_FOUND; KITH_E_NOMEM. */
enum kith_status kith_session_get(struct kith_sessions *sessions, struct kith_bytes name,
				  struct kith_buf *out);

#endif

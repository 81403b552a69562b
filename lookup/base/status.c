/* SPDX-License-Identifier: Apache-2.0 */
/* status.c: the constant facts of kith.h. */
#include "kith.h"

const char *kith_version(void)
{
	return KITH_VERSION;
}

const char *kith_status_text(enum kith_status status)
{
	switch (status) {
	case KITH_OK: return "done";
	case KITH_NOT_FOUND: return "not in the set";
	case KITH_END: return "no more";
	case KITH_NO_REFERENCE: return "the set has no index of that kind";
	case KITH_E_ARG: return "bad argument";
	case KITH_E_NOMEM: return "out of memory";
	case KITH_E_IO: return "input or output failed";
	case KITH_E_CORRUPT: return "damaged";
	case KITH_E_UNSUPPORTED: return "not supported";
	case KITH_E_LIMIT: return "over a limit";
	case KITH_E_CANCELLED: return "cancelled";
	case KITH_E_BUSY: return "busy";
	}
	return "unknown status";
}

size_t kith_digest_size(enum kith_digest kind)
{
	switch (kind) {
	case KITH_SHA256: return KITH_SHA256_SIZE;
	case KITH_SHA1: return KITH_SHA1_SIZE;
	case KITH_MD5: return KITH_MD5_SIZE;
	}
	return 0;
}

const char *kith_evidence_text(enum kith_evidence evidence)
{
	switch (evidence) {
	case KITH_HASHED: return "hashed";
	case KITH_SIGNED: return "signed";
	case KITH_REFERENCE: return "reference";
	case KITH_LISTED: return "listed";
	}
	return "unknown";
}

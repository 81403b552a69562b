/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the xz reader, whose threads a hostile file drives. What must hold: reading ends, twice in
 * the same way, with the same bytes; what was used lies inside the file.
 */
#include <string.h>

#include "../holds.h"
#include "base/sha256.h"
#include "containers/xz.h"

#define MOST ((uint64_t)8 << 20) /* a few bytes may hold terabytes of zeros */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct bytes {
	const uint8_t *data;
	size_t n;
};

static enum kith_status read_bytes(void *user, uint64_t offset, void *buf, size_t n,
				   struct kith_err *err)
{
	const struct bytes *bytes = user;

	(void)err;
	HOLDS(offset <= bytes->n && n <= bytes->n - offset);
	memcpy(buf, bytes->data + offset, n);
	return KITH_OK;
}

static enum kith_status decode(const struct kith_blob *blob, uint8_t digest[KITH_SHA256_SIZE],
			       uint64_t *total, struct kith_err *err)
{
	static uint8_t buf[5000];
	struct kith_sha256 sha;
	struct kith_xz *xz;
	size_t got = 1;
	enum kith_status st;

	kith_sha256_init(&sha);
	*total = 0;
	HOLDS(kith_xz_open(blob, &xz, err) == KITH_OK);
	do {
		st = kith_xz_read(xz, buf, sizeof buf, &got, err);
		if (st < 0)
			break;
		HOLDS(got <= sizeof buf);
		kith_sha256_add(&sha, buf, got);
		*total += got;
	} while (got > 0 && *total < MOST);
	HOLDS(kith_xz_used(xz) <= blob->size);
	kith_xz_close(xz);
	kith_sha256_end(&sha, digest);
	return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct bytes bytes = {data, n};
	uint8_t digests[2][KITH_SHA256_SIZE];
	uint64_t totals[2];
	struct kith_err errs[2] = {0};
	struct kith_blob blob;
	enum kith_status st;

	kith_blob_decoded(&blob, n, read_bytes, &bytes);
	st = decode(&blob, digests[0], &totals[0], &errs[0]);
	HOLDS(st == decode(&blob, digests[1], &totals[1], &errs[1]));
	HOLDS(totals[0] == totals[1]);
	HOLDS(memcmp(digests[0], digests[1], KITH_SHA256_SIZE) == 0);
	HOLDS(strcmp(errs[0].msg, errs[1].msg) == 0);
	return 0;
}

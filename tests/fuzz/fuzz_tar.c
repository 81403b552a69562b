/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_tar.c: our own readers beside libarchive: extended headers, and the list of digests in a
 * package, whose text is the input and is packed here.
 */
#include <stdlib.h>

#include "containers/inflate.h"
#include "containers/tar.h"
#include "fuzz/quiet_emit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* A gzip with one stored block: RFC 1952; RFC 1951, 3.2.4. */
static void list_of_digests(const uint8_t *data, size_t n)
{
	struct kith_mtree *mtree = NULL;
	struct kith_buf packed = {0};
	uint32_t crc = kith_crc32(0, data, n);
	size_t i;
	const uint8_t head[] = {0x1f,
				0x8b,
				8,
				0,
				0,
				0,
				0,
				0,
				0,
				3,
				1,
				(uint8_t)n,
				(uint8_t)(n >> 8),
				(uint8_t)~n,
				(uint8_t)(~n >> 8)};
	const uint8_t tail[] = {(uint8_t)crc,
				(uint8_t)(crc >> 8),
				(uint8_t)(crc >> 16),
				(uint8_t)(crc >> 24),
				(uint8_t)n,
				(uint8_t)(n >> 8),
				0,
				0};

	if (n > 0xffff)
		return;
	if (!kith_buf_add(&packed, head, sizeof head) || !kith_buf_add(&packed, data, n) ||
	    !kith_buf_add(&packed, tail, sizeof tail))
		abort();
	if (kith_mtree_read(packed.data, packed.n, &mtree, NULL) < 0)
		abort();
	for (i = 0; i < n; i += 64)
		(void)kith_mtree_find(mtree, data + i, (n - i) / 2);
	kith_mtree_free(mtree);
	kith_buf_done(&packed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct kith_tar_pax pax;

	kith_tar_pax_read(data, n, &pax);
	if (pax.path != NULL && (pax.path < data || pax.path_n > (size_t)(data + n - pax.path)))
		abort();
	if (pax.link != NULL && (pax.link < data || pax.link_n > (size_t)(data + n - pax.link)))
		abort();
	list_of_digests(data, n);
	return 0;
}

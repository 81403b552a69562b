/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compressed.c: one compressed stream. When it is a tar or a cpio, its entries are this container's
 * own, read as they are decompressed; else it has one entry, with the container's name less what
 * the compressor added to it.
 *
 * What must hold: what follows the compressed stream is reported (another one, as an initramfs has
 * them; garbage), never passed over.
 */
#include <string.h>

#include "base/err.h"
#include "behind.h"
#include "cpio.h"
#include "detect/detect.h"
#include "tar.h"
#include "unpacked.h"

#define PIECE     ((size_t)64 << 10)
#define DRAIN_MAX (UINT64_C(4) << 30)

/* "x.gz" to "x"; "x.tgz" to "x.tar". */
static bool original_name(const struct kith_container_in *in, struct kith_buf *out)
{
	static const struct {
		const char *suffix, *instead;
	} rows[] = {
	    {".gz", ""},       {".xz", ""},       {".zst", ""},      {".bz2", ""},
	    {".lz4", ""},      {".lz", ""},       {".Z", ""},        {".lzma", ""},
	    {".z", ""},        {".zstd", ""},     {".tgz", ".tar"},  {".txz", ".tar"},
	    {".tbz2", ".tar"}, {".tzst", ".tar"}, {".svgz", ".svg"},
	};
	const uint8_t *name = in->name;
	size_t n = in->name_n, i;

	for (i = n; i > 0; i--) /* the last component */
		if (name[i - 1] == '/')
			break;
	name += i;
	n -= i;
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		size_t s = strlen(rows[i].suffix);

		if (n > s && memcmp(name + n - s, rows[i].suffix, s) == 0)
			return kith_buf_add(out, name, n - s) &&
			       kith_buf_add(out, rows[i].instead, strlen(rows[i].instead));
	}
	return kith_buf_add(out, name, n) && kith_buf_add(out, ".unpacked", 9);
}

static enum kith_status only_entry(const struct kith_container_in *in,
				   struct kith_unpacked *unpacked, struct kith_err *err)
{
	struct kith_buf name = {0};
	struct kith_entry entry = {.kind = KITH_ENTRY_FILE};
	enum kith_status st;

	if (original_name(in, &name)) {
		entry.name = name.data;
		entry.name_n = name.n;
		st = kith_emit_pull(in->emit, &entry, kith_unpacked_read, unpacked, err);
	} else {
		st = kith_fail_nomem(err);
	}
	kith_buf_done(&name);
	return st;
}

/*
 * Reads what the walk left of the stream: nothing, unless an entry was cut off at a limit. What
 * comes behind the stream is known only then. KITH_END: there is more of it than is worth that.
 */
static enum kith_status drain(struct kith_emit *emit, struct kith_unpacked *unpacked,
			      struct kith_err *err)
{
	uint8_t piece[PIECE];
	uint64_t left = DRAIN_MAX;
	size_t n;
	enum kith_status st;

	for (;;) {
		st = kith_unpacked_read(unpacked, piece, sizeof piece, &n, err);
		if (st < 0 || n == 0)
			return st;
		if (n > left)
			break;
		left -= n;
		st = kith_emit_alive(emit, err);
		if (st < 0)
			return st;
	}
	st = kith_emit_note(emit, KITH_LEDGER_SKIPPED, "the rest of a compressed stream", NULL, 0,
			    err);
	return st < 0 ? st : KITH_END;
}

static enum kith_status walk(const struct kith_container_in *in, struct kith_err *err)
{
	struct kith_unpacked *unpacked = NULL;
	struct kith_peek peek = {0};
	enum kith_status st = kith_unpacked_open(in->blob, in->format, &unpacked, err);

	if (st >= 0)
		st = kith_unpacked_peek(unpacked, &peek.head, &peek.head_n, err);
	if (st >= 0) {
		enum kith_format inner = kith_detect(&peek);

		if (inner == KITH_FORMAT_TAR)
			st = kith_tar_walk(in, kith_unpacked_read, unpacked, err);
		else if (inner == KITH_FORMAT_CPIO)
			st = kith_cpio_walk(in, kith_unpacked_read, unpacked, err);
		else
			st = only_entry(in, unpacked, err);
	}
	if (st >= 0) /* of an entry that was reported as damaged */
		st = kith_unpacked_fault(unpacked, err);
	if (st >= 0)
		st = drain(in->emit, unpacked, err);
	if (st == KITH_OK)
		st = kith_emit_behind(in, kith_unpacked_used(unpacked), "member 2",
				      "data behind the compressed stream", err);
	kith_unpacked_close(unpacked);
	return st < 0 ? st : KITH_OK;
}

const struct kith_container_ops kith_container_compressed = {
    .id = "compressed", .prepare = kith_la_prepare, .walk = walk};

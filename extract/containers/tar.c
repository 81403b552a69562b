/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tar.c: tar, and what is a tar with a meaning: Alpine and Arch packages, OCI and docker images.
 *
 * What must hold:
 *   - An entry is reported in place only where its data lie for sure: libarchive's position behind
 *     the headers, the data's first bytes compared with those at that place, and the next header
 *     where this entry ends. Holes are never in place.
 *   - Names are the archive's bytes: those in extended headers are read from there (tar_pax.c).
 *   - The archive is read to its last byte, so that a compressed stream's checksum is compared;
 *     what is behind its end (another archive, as `cat` makes it) is looked at too.
 */
#include "tar.h"

#include <string.h>

#include "base/err.h"

#define RECORD    UINT64_C(512)
#define COMPARED  ((size_t)512)     /* bytes of an entry in place */
#define MTREE_MAX ((size_t)8 << 20) /* packed; the largest of Arch has under 1 MiB */
#define PIECE     ((size_t)64 << 10)

struct walk {
	const struct kith_container_in *in;
	struct kith_la *la;
	bool in_place;
	struct kith_buf headers, kept;
	struct kith_mtree *mtree;
	uint64_t next_header; /* of what was reported in place; else 0 */
	bool saw_sign, saw_pkginfo, saw_arch;
	bool saw_oci, saw_blobs, saw_manifest;
};

/* The name without the '/' that "./" became. */
static struct kith_bytes bare(const struct kith_la_entry *found)
{
	size_t root = found->name_n > 0 && found->name[0] == '/' ? 1 : 0;

	return (struct kith_bytes){found->name + root, found->name_n - root};
}

static bool is(const struct kith_la_entry *found, const char *name)
{
	struct kith_bytes path = bare(found);

	return path.n == strlen(name) && memcmp(path.data, name, path.n) == 0;
}

static bool starts(const struct kith_la_entry *found, const char *text)
{
	struct kith_bytes path = bare(found);

	return path.n >= strlen(text) && memcmp(path.data, text, strlen(text)) == 0;
}

static void recognise(struct walk *walk, const struct kith_la_entry *found)
{
	walk->saw_sign |= starts(found, ".SIGN.");
	walk->saw_pkginfo |= is(found, ".PKGINFO");
	walk->saw_arch |= is(found, ".MTREE") || is(found, ".BUILDINFO");
	walk->saw_oci |= is(found, "oci-layout");
	walk->saw_manifest |= is(found, "manifest.json");
	walk->saw_blobs |= starts(found, "blobs/sha256/") || starts(found, "repositories");
}

static enum kith_status say_kind(const struct walk *walk, struct kith_err *err)
{
	struct kith_emit *emit = walk->in->emit;

	if (walk->saw_pkginfo && walk->saw_arch)
		return kith_emit_kind(emit, "arch package", err);
	if (walk->saw_pkginfo)
		return kith_emit_kind(emit, "apk", err);
	if (walk->saw_manifest && (walk->saw_blobs || walk->saw_oci))
		return kith_emit_kind(emit, "docker image", err);
	if (walk->saw_oci)
		return kith_emit_kind(emit, "oci image", err);
	return KITH_OK;
}

/* An empty file ".wh.NAME" in a layer: NAME of a lower layer is gone (OCI image specification,
 * "Whiteouts"). */
static bool is_whiteout(const struct kith_la_entry *found)
{
	size_t i = found->name_n;

	while (i > 0 && found->name[i - 1] != '/')
		i--;
	return found->size == 0 && found->name_n - i > 4 && memcmp(found->name + i, ".wh.", 4) == 0;
}

/* A digest that the archive says this entry has. */
static bool declared(const struct walk *walk, const struct kith_la_entry *found,
		     const struct kith_tar_pax *pax, struct kith_declared *ret)
{
	static const char blobs[] = "blobs/sha256/";
	struct kith_bytes path = bare(found);
	const uint8_t *sha256 = kith_mtree_find(walk->mtree, path.data, path.n);

	memset(ret, 0, sizeof *ret);
	if (pax->has_sha1 && found->is_file) {
		ret->has_sha1 = true;
		memcpy(ret->sha1, pax->sha1, sizeof ret->sha1);
	}
	if (sha256 != NULL) {
		ret->has_sha256 = true;
		memcpy(ret->sha256, sha256, sizeof ret->sha256);
	} else if (starts(found, blobs) && path.n == sizeof blobs - 1 + 2 * KITH_SHA256_SIZE) {
		ret->has_sha256 =
		    kith_tar_hex(path.data + sizeof blobs - 1, ret->sha256, KITH_SHA256_SIZE);
	}
	return ret->has_sha1 || ret->has_sha256;
}

/* Do the entry's bytes begin at that place? */
static enum kith_status lies_at(struct walk *walk, const struct kith_la_entry *found, bool *ret,
				struct kith_err *err)
{
	uint8_t there[COMPARED];
	const uint8_t *first;
	size_t n;
	enum kith_status st;

	*ret = false;
	if (!walk->in_place || found->sparse || !found->has_size || found->data % RECORD != 0 ||
	    found->data < found->header + RECORD)
		return KITH_OK;
	*ret = found->size == 0;
	if (found->size == 0)
		return KITH_OK;
	st = kith_la_first(walk->la, &first, &n, err);
	if (st != KITH_OK) /* a truncated entry: pushing it says so */
		return KITH_OK;
	if (n > found->size)
		n = (size_t)found->size;
	if (n > sizeof there)
		n = sizeof there;
	st = kith_blob_read_some(walk->in->blob, found->data, there, n, &n, err);
	if (st >= 0)
		*ret = n > 0 && memcmp(there, first, n) == 0;
	return st;
}

static enum kith_status report_file(struct walk *walk, const struct kith_la_entry *found,
				    const struct kith_tar_pax *pax, struct kith_err *err)
{
	struct kith_declared digests;
	struct kith_entry entry = {
	    .kind = KITH_ENTRY_FILE,
	    .name = found->name,
	    .name_n = found->name_n,
	    .has_size = found->has_size,
	    .size = found->size,
	    .sparse = found->sparse,
	    .may_be_linked = true,
	};
	struct kith_extent extent = {found->data, found->size};
	bool keep = is(found, ".MTREE") && walk->mtree == NULL, lies;
	enum kith_status st;

	if (declared(walk, found, pax, &digests))
		entry.declared = &digests;
	st = keep ? KITH_OK : lies_at(walk, found, &lies, err);
	if (st < 0)
		return st;
	if (!keep && lies) {
		walk->next_header = (found->data + found->size + RECORD - 1) / RECORD * RECORD;
		return kith_emit_in_place(walk->in->emit, &entry, &extent, 1, err);
	}
	st = kith_la_push(walk->la, walk->in->emit, &entry, keep ? &walk->kept : NULL, MTREE_MAX,
			  err);
	if (st >= 0 && keep && walk->kept.n > 0 &&
	    kith_mtree_read(walk->kept.data, walk->kept.n, &walk->mtree, err) < 0)
		st = kith_emit_note(walk->in->emit, KITH_LEDGER_FAILED, "list of digests",
				    found->name, found->name_n, err);
	return st;
}

static enum kith_status report(struct walk *walk, struct kith_la_entry *found, struct kith_err *err)
{
	struct kith_tar_pax pax = {0};
	struct kith_emit *emit = walk->in->emit;
	enum kith_status st;

	if (walk->next_header != 0 && found->header != walk->next_header)
		return kith_fail(
		    err, KITH_E_CORRUPT, "the header at offset %llu was expected at %llu",
		    (unsigned long long)found->header, (unsigned long long)walk->next_header);
	walk->next_header = 0;
	if (kith_la_headers(walk->la, found, &walk->headers))
		kith_tar_pax_read(walk->headers.data, walk->headers.n, &pax);
	if (pax.path != NULL) {
		found->name = pax.path;
		found->name_n = pax.path_n;
		kith_entry_path(&found->name, &found->name_n);
	}
	if (pax.link != NULL && found->target != NULL) {
		found->target = pax.link;
		found->target_n = pax.link_n;
		kith_entry_path(&found->target, &found->target_n);
	}
	found->sparse |= pax.sparse;
	recognise(walk, found);
	if (found->target != NULL && found->size == 0) {
		st = kith_emit_link(emit, found->name, found->name_n, found->target,
				    found->target_n, err);
	} else if (!found->is_file || is_whiteout(found)) {
		struct kith_entry entry = {
		    .kind = KITH_ENTRY_OTHER, .name = found->name, .name_n = found->name_n};

		st = kith_emit_begin(emit, &entry, err);
	} else {
		st = report_file(walk, found, &pax, err);
	}
	return st < 0 ? st : KITH_OK;
}

/* What follows the end: zeros fill the last block; anything else is somebody's. */
static enum kith_status rest(struct walk *walk, struct kith_err *err)
{
	static const char name[] = "member 2", reason[] = "data behind the end of the archive";
	struct kith_entry entry = {
	    .kind = KITH_ENTRY_INNER, .name = (const uint8_t *)name, .name_n = sizeof name - 1};
	struct kith_emit *emit = walk->in->emit;
	uint64_t at = kith_la_used(walk->la);
	bool begun = false, wanted = false;
	uint8_t piece[PIECE];
	size_t n = 1, i;
	enum kith_status st = KITH_OK;

	while (st >= 0 && (st = kith_la_rest(walk->la, piece, sizeof piece, &n, err)) >= 0 &&
	       n > 0) {
		for (i = 0; !begun && i < n && piece[i] == 0; i++)
			;
		if (!begun && i == n) {
			at += n;
			continue;
		}
		if (!begun) {
			begun = true;
			i = i / RECORD * RECORD;
			st = kith_emit_note(emit, KITH_LEDGER_MARKED, reason, name, sizeof name - 1,
					    err);
			if (st >= 0 && walk->in_place) {
				struct kith_extent extent = {at + i,
							     walk->in->blob->size - (at + i)};

				return kith_emit_in_place(emit, &entry, &extent, 1, err);
			}
			if (st >= 0)
				st = kith_emit_begin(emit, &entry, err);
			wanted = st == KITH_OK;
		} else {
			i = 0;
		}
		if (wanted) {
			st = kith_emit_data(emit, piece + i, n - i, err);
			wanted = st == KITH_OK;
		}
	}
	if (wanted && st >= 0)
		return kith_emit_end(emit, err);
	if (wanted) {
		enum kith_status emitted =
		    kith_emit_damaged(emit, "damaged", err != NULL ? err->msg : "", err);

		return emitted < 0 ? emitted : st;
	}
	return st < 0 ? st : KITH_OK;
}

enum kith_status kith_tar_walk(const struct kith_container_in *in, kith_read_fn read, void *user,
			       struct kith_err *err)
{
	struct walk walk = {.in = in, .in_place = read == NULL};
	struct kith_la_entry found;
	enum kith_status st;

	st = kith_la_open(KITH_LA_TAR, read == NULL ? in->blob : NULL, read, user, &walk.la, err);
	while (st >= 0 && (st = kith_la_next(walk.la, &found, err)) != KITH_END && st >= 0)
		st = st == KITH_NOT_FOUND ? kith_la_note_failed(in->emit, &found, err)
					  : report(&walk, &found, err);
	if (st == KITH_END)
		st = rest(&walk, err);
	/* also when it is damaged further on */
	if (walk.la != NULL) {
		enum kith_status said = say_kind(&walk, st < 0 ? NULL : err);

		if (st >= 0)
			st = said;
	}
	kith_mtree_free(walk.mtree);
	kith_buf_done(&walk.headers);
	kith_buf_done(&walk.kept);
	kith_la_close(walk.la);
	return st;
}

static enum kith_status walk_tar(const struct kith_container_in *in, struct kith_err *err)
{
	return kith_tar_walk(in, NULL, NULL, err);
}

const struct kith_container_ops kith_container_tar = {
    .id = "tar", .prepare = kith_la_prepare, .walk = walk_tar};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zip.c: zip, and what is a zip with a meaning. Always by its directory; stored entries in place,
 * after their CRC was compared. Names in MSIX and APPX packages are %-encoded: they are decoded
 * (ECMA-376 part 2, "Mapping part names to physical package item names").
 */
#include <string.h>

#include "base/err.h"
#include "base/hex.h"
#include "containers/container.h"
#include "zip_directory.h"
#include "zip_member.h"

#define STORED     0u
#define ENCRYPTED  1u /* of the flags */
#define HOST_UNIX  3u
#define HOST_MACOS 19u
#define PIECE      ((size_t)64 << 10)
#define TARGET_MAX 4096u /* of a symlink: PATH_MAX */

struct walk {
	const struct kith_container_in *in;
	struct kith_zip_directory directory;
	struct kith_zip_member *member;
	bool decode_names; /* MSIX */
	struct kith_buf name;
};

static bool is(const struct kith_zip_entry *entry, const char *name)
{
	return entry->name_n == strlen(name) && memcmp(entry->name, name, entry->name_n) == 0;
}

static enum kith_status recognise(struct walk *walk, struct kith_err *err)
{
	bool package = false, bundle = false, blocks = false;
	size_t i;

	for (i = 0; i < walk->directory.n; i++) {
		const struct kith_zip_entry *entry = &walk->directory.entries[i];

		package |= is(entry, "AppxManifest.xml");
		bundle |= is(entry, "AppxMetadata/AppxBundleManifest.xml");
		blocks |= is(entry, "AppxBlockMap.xml");
	}
	walk->decode_names = package || bundle || blocks;
	if (bundle)
		return kith_emit_kind(walk->in->emit, "appx bundle", err);
	if (package)
		return kith_emit_kind(walk->in->emit, "msix", err);
	return KITH_OK;
}

/* The entry's name as it is reported; valid until the next call. */
static enum kith_status set_name(struct walk *walk, const struct kith_zip_entry *found,
				 struct kith_entry *entry, struct kith_err *err)
{
	size_t i;

	entry->name = found->name;
	entry->name_n = found->name_n;
	if (walk->decode_names && memchr(found->name, '%', found->name_n) != NULL) {
		walk->name.n = 0;
		for (i = 0; i < found->name_n; i++) {
			uint8_t c = found->name[i], decoded;

			if (c == '%' && found->name_n - i > 2 &&
			    kith_hex_decode((const char *)found->name + i + 1, &decoded, 1)) {
				c = decoded;
				i += 2;
			}
			if (!kith_buf_add_byte(&walk->name, c))
				return kith_fail_nomem(err);
		}
		entry->name = walk->name.data;
		entry->name_n = walk->name.n;
	}
	kith_entry_path(&entry->name, &entry->name_n);
	return KITH_OK;
}

/* Folders, symlinks, devices. Only what has no content of its own: many programs that unpack zips
 * do not look at the type, and write a file of whatever content there is. */
static bool is_other(const struct kith_zip_entry *entry)
{
	const uint32_t type_bits = 0170000, regular = 0100000, symlink = 0120000;
	uint32_t type = entry->attributes >> 16 & type_bits;

	if (entry->name_n > 0 && entry->name[entry->name_n - 1] == '/' && entry->size == 0)
		return true;
	if ((entry->host != HOST_UNIX && entry->host != HOST_MACOS) || type == 0 || type == regular)
		return false;
	return entry->size <= (type == symlink ? TARGET_MAX : 0);
}

static enum kith_status damaged(struct walk *walk, const struct kith_entry *entry,
				const char *detail, struct kith_err *err)
{
	enum kith_status st = kith_emit_begin(walk->in->emit, entry, err);

	return st == KITH_OK ? kith_emit_damaged(walk->in->emit, "damaged", detail, err) : st;
}

/* A stored entry is read twice, for its CRC and for its digests: the first costs a tenth of the
 * second. */
static enum kith_status report_stored(struct walk *walk, const struct kith_zip_entry *found,
				      const struct kith_entry *entry, struct kith_err *err)
{
	struct kith_extent extent = {found->data, found->size};
	struct kith_err fault = {0};
	uint8_t piece[PIECE];
	size_t n = 1;
	enum kith_status st = KITH_OK;

	while (st >= 0 && n > 0) {
		st = kith_emit_alive(walk->in->emit, err);
		if (st < 0)
			return st;
		st = kith_zip_member_read(walk->member, piece, sizeof piece, &n, &fault);
	}
	if (st == KITH_E_CORRUPT)
		return damaged(walk, entry, fault.msg, err);
	if (st < 0) {
		if (err != NULL)
			*err = fault;
		return st;
	}
	return kith_emit_in_place(walk->in->emit, entry, &extent, 1, err);
}

static enum kith_status report_file(struct walk *walk, const struct kith_zip_entry *found,
				    struct kith_entry *entry, struct kith_err *err)
{
	uint64_t blob_size = walk->in->blob->size;
	struct kith_err fault = {0};
	enum kith_status st;

	if (found->data == 0)
		return damaged(walk, entry, "no local header where the directory says", err);
	if (found->data > blob_size || found->packed > blob_size - found->data)
		return damaged(walk, entry, "it reaches beyond the end of the zip", err);
	st = kith_zip_member_start(walk->member, found, &fault);
	if (st == KITH_E_UNSUPPORTED)
		return kith_emit_note(walk->in->emit, KITH_LEDGER_FAILED, fault.msg, entry->name,
				      entry->name_n, err);
	if (st == KITH_E_CORRUPT)
		return damaged(walk, entry, fault.msg, err);
	if (st < 0) {
		if (err != NULL)
			*err = fault;
		return st;
	}
	if (found->method == STORED)
		return report_stored(walk, found, entry, err);
	return kith_emit_pull(walk->in->emit, entry, kith_zip_member_read, walk->member, err);
}

static enum kith_status report(struct walk *walk, const struct kith_zip_entry *found,
			       struct kith_err *err)
{
	struct kith_emit *emit = walk->in->emit;
	struct kith_entry entry = {.kind = KITH_ENTRY_FILE, .has_size = true, .size = found->size};
	enum kith_status st = set_name(walk, found, &entry, err);

	if (st < 0)
		return st;
	if (found->overlaps)
		return kith_emit_note(emit, KITH_LEDGER_FAILED, "entry that overlaps another one",
				      entry.name, entry.name_n, err);
	if (found->data != 0 && found->other_name)
		st = kith_emit_note(emit, KITH_LEDGER_MARKED, "another name in the local header",
				    entry.name, entry.name_n, err);
	if (st < 0)
		return st;
	if (is_other(found)) {
		entry.kind = KITH_ENTRY_OTHER;
		entry.has_size = false;
		return kith_emit_begin(emit, &entry, err);
	}
	if ((found->flags & ENCRYPTED) != 0)
		return kith_emit_note(emit, KITH_LEDGER_FAILED, "encrypted", entry.name,
				      entry.name_n, err);
	return report_file(walk, found, &entry, err);
}

static enum kith_status walk(const struct kith_container_in *in, struct kith_err *err)
{
	struct walk walk = {.in = in};
	size_t i;
	enum kith_status st = kith_zip_directory_read(in->blob, &walk.directory, err);

	if (st >= 0)
		st = kith_zip_member_new(in->blob, &walk.member, err);
	if (st >= 0)
		st = recognise(&walk, err);
	for (i = 0; i < walk.directory.n && st >= 0; i++)
		st = report(&walk, &walk.directory.entries[i], err);
	if (st >= 0 && walk.directory.cut_off)
		st = kith_emit_note(in->emit, KITH_LEDGER_FAILED, "too many entries", NULL, 0, err);
	if (st >= 0 && walk.directory.damaged)
		st = kith_fail(err, KITH_E_CORRUPT,
			       "its directory has another number of entries than it says");
	kith_zip_member_free(walk.member);
	kith_zip_directory_done(&walk.directory);
	kith_buf_done(&walk.name);
	return st < 0 ? st : KITH_OK;
}

const struct kith_container_ops kith_container_zip = {
    .id = "zip", .prepare = kith_la_prepare, .walk = walk};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpio.c: cpio archives, and initramfs images, which are several in a row. Headers: POSIX.1-2017,
 * pax, "cpio Interchange Format" (070707); the kernel's Documentation/driver-api/early-userspace/
 * buffer-format.rst (070701, 070702); cpio(5) of FreeBSD (binary).
 *
 * What must hold:
 *   - An archive does not end at its trailer: zeros may follow, then the next archive, perhaps
 *     compressed (microcode before an initramfs). Another cpio is gone on with; whatever else it is
 *     is reported as a member.
 *   - Hard links: of the names of an inode only one, in newc the last, has the data. Names without
 *     data wait until it comes; so no name is ever taken for an empty file.
 *   - Each header moves on by its own length at least.
 */
#include "cpio.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/limits.h"
#include "cpio_links.h"

#define PIECE       ((size_t)64 << 10)
#define MAGIC_N     ((size_t)6)
#define NEWC_HEADER ((size_t)110)
#define ODC_HEADER  ((size_t)76)
#define BIN_HEADER  ((size_t)26)
#define TRAILER     "TRAILER!!!"

enum layout { NONE, NEWC, CRC, ODC, BIN_LE, BIN_BE };

struct header {
	uint64_t inode, device, mode, links, size, name_n; /* name_n: with its NUL */
	uint32_t sum;
};

struct walk {
	const struct kith_container_in *in;
	kith_read_fn read; /* NULL: in place */
	void *user;
	uint64_t at; /* of the next byte that was not taken */
	uint8_t *buf;
	size_t pos, n; /* what is in buf */
	struct kith_buf name;
	struct kith_cpio_links links;
	unsigned members;
};

/* --------------------------------------------------------------------------- bytes */

/* At least one byte in buf, or the end (false in *ret). */
static enum kith_status have(struct walk *walk, bool *ret, struct kith_err *err)
{
	enum kith_status st = KITH_OK;

	if (walk->pos == walk->n) {
		walk->pos = walk->n = 0;
		st = walk->read != NULL ? walk->read(walk->user, walk->buf, PIECE, &walk->n, err)
					: kith_blob_read_some(walk->in->blob, walk->at, walk->buf,
							      PIECE, &walk->n, err);
	}
	*ret = st >= 0 && walk->pos < walk->n;
	return st;
}

/* Up to n bytes; fewer at the end. */
static enum kith_status take_some(struct walk *walk, uint8_t *to, size_t n, size_t *ret_n,
				  struct kith_err *err)
{
	*ret_n = 0;
	while (*ret_n < n) {
		bool more;
		size_t now;
		enum kith_status st = have(walk, &more, err);

		if (st < 0 || !more)
			return st;
		now = walk->n - walk->pos < n - *ret_n ? walk->n - walk->pos : n - *ret_n;
		memcpy(to + *ret_n, walk->buf + walk->pos, now);
		walk->pos += now;
		walk->at += now;
		*ret_n += now;
	}
	return KITH_OK;
}

static enum kith_status ends(const struct walk *walk, const char *where, struct kith_err *err)
{
	return kith_fail(err, KITH_E_CORRUPT, "cpio: it ends at offset %llu, %s",
			 (unsigned long long)walk->at, where);
}

static enum kith_status take(struct walk *walk, uint8_t *to, size_t n, const char *where,
			     struct kith_err *err)
{
	size_t got;
	enum kith_status st = take_some(walk, to, n, &got, err);

	if (st >= 0 && got < n)
		return ends(walk, where, err);
	return st;
}

static enum kith_status skip(struct walk *walk, uint64_t n, struct kith_err *err)
{
	while (n > 0) {
		bool more;
		uint64_t now = walk->n - walk->pos;
		enum kith_status st;

		if (now == 0 && walk->read == NULL) { /* what lies in a file need not be read */
			if (walk->at >= walk->in->blob->size ||
			    n > walk->in->blob->size - walk->at) {
				walk->at = walk->in->blob->size;
				return ends(walk, "inside an entry", err);
			}
			walk->at += n;
			return KITH_OK;
		}
		if (now == 0) {
			st = kith_emit_alive(walk->in->emit, err);
			if (st >= 0)
				st = have(walk, &more, err);
			if (st < 0)
				return st;
			if (!more)
				return ends(walk, "inside an entry", err);
			continue;
		}
		if (now > n)
			now = n;
		walk->pos += (size_t)now;
		walk->at += now;
		n -= now;
	}
	return KITH_OK;
}

/* ------------------------------------------------------------------------- headers */

static enum layout layout_of(const uint8_t *magic, size_t n)
{
	if (n >= 6 && memcmp(magic, "070701", 6) == 0)
		return NEWC;
	if (n >= 6 && memcmp(magic, "070702", 6) == 0)
		return CRC;
	if (n >= 6 && memcmp(magic, "070707", 6) == 0)
		return ODC;
	if (n >= 2 && magic[0] == 0xc7 && magic[1] == 0x71)
		return BIN_LE;
	if (n >= 2 && magic[0] == 0x71 && magic[1] == 0xc7)
		return BIN_BE;
	return NONE;
}

static bool digits(const uint8_t *p, size_t n, unsigned base, uint64_t *ret)
{
	uint64_t v = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		unsigned d = p[i] >= '0' && p[i] <= '9'   ? (unsigned)(p[i] - '0')
			     : p[i] >= 'a' && p[i] <= 'f' ? (unsigned)(p[i] - 'a' + 10)
			     : p[i] >= 'A' && p[i] <= 'F' ? (unsigned)(p[i] - 'A' + 10)
							  : 16;

		if (d >= base)
			return false;
		v = v * base + d;
	}
	*ret = v;
	return true;
}

static bool parse_newc(const uint8_t *p, struct header *ret)
{
	uint64_t f[13];
	size_t i;

	for (i = 0; i < 13; i++)
		if (!digits(p + 6 + 8 * i, 8, 16, &f[i]))
			return false;
	/* inode mode uid gid nlink mtime size devmajor devminor rdevmajor rdevminor namesize sum */
	*ret = (struct header){.inode = f[0],
			       .mode = f[1],
			       .links = f[4],
			       .size = f[6],
			       .device = f[7] << 32 | f[8],
			       .name_n = f[11],
			       .sum = (uint32_t)f[12]};
	return true;
}

static bool parse_odc(const uint8_t *p, struct header *ret)
{
	/* magic dev ino mode uid gid nlink rdev: 6 each; mtime 11, namesize 6, filesize 11 */
	memset(ret, 0, sizeof *ret);
	return digits(p + 6, 6, 8, &ret->device) && digits(p + 12, 6, 8, &ret->inode) &&
	       digits(p + 18, 6, 8, &ret->mode) && digits(p + 36, 6, 8, &ret->links) &&
	       digits(p + 59, 6, 8, &ret->name_n) && digits(p + 65, 11, 8, &ret->size);
}

static void parse_bin(const uint8_t *p, bool big, struct header *ret)
{
	uint64_t f[13];
	size_t i;

	for (i = 0; i < 13; i++)
		f[i] = big ? (uint64_t)p[2 * i] << 8 | p[2 * i + 1]
			   : (uint64_t)p[2 * i + 1] << 8 | p[2 * i];
	/* magic dev ino mode uid gid nlink rdev mtime[2] namesize filesize[2], high half first */
	*ret = (struct header){.device = f[1],
			       .inode = f[2],
			       .mode = f[3],
			       .links = f[6],
			       .name_n = f[10],
			       .size = f[11] << 16 | f[12]};
}

/* Header and name; the magic is taken already. *ret_pad: bytes that follow the data. */
static enum kith_status read_header(struct walk *walk, enum layout layout, const uint8_t *magic,
				    struct header *ret, uint64_t *ret_pad, struct kith_err *err)
{
	uint8_t h[NEWC_HEADER];
	size_t n = layout == ODC                     ? ODC_HEADER
		   : layout == NEWC || layout == CRC ? NEWC_HEADER
						     : BIN_HEADER;
	uint64_t align = layout == ODC ? 1 : n == NEWC_HEADER ? 4 : 2, at = walk->at - MAGIC_N;
	bool ok = true;
	enum kith_status st;

	memcpy(h, magic, MAGIC_N);
	st = take(walk, h + MAGIC_N, n - MAGIC_N, "inside a header", err);
	if (st < 0)
		return st;
	if (layout == ODC)
		ok = parse_odc(h, ret);
	else if (n == NEWC_HEADER)
		ok = parse_newc(h, ret);
	else
		parse_bin(h, layout == BIN_BE, ret);
	if (!ok || ret->name_n == 0 || ret->name_n > KITH_LIMIT_ENTRY_NAME)
		return kith_fail(err, KITH_E_CORRUPT, "cpio: a bad header at offset %llu",
				 (unsigned long long)at);
	*ret_pad = (align - ret->size % align) % align;
	walk->name.n = 0;
	if (kith_buf_room(&walk->name, (size_t)ret->name_n) == NULL)
		return kith_fail_nomem(err);
	st = take(walk, walk->name.data, (size_t)ret->name_n, "inside a name", err);
	if (st < 0)
		return st;
	walk->name.n = (size_t)ret->name_n;
	while (walk->name.n > 0 && walk->name.data[walk->name.n - 1] == '\0')
		walk->name.n--;
	return skip(walk, (align - (n + ret->name_n) % align) % align, err);
}

/* ------------------------------------------------------------------------- entries */

/* Hands the data on, and checks the sum that 070702 has: all bytes added up. */
static enum kith_status push_data(struct walk *walk, const struct kith_entry *entry,
				  enum layout layout, uint32_t expected, struct kith_err *err)
{
	struct kith_emit *emit = walk->in->emit;
	enum kith_status st = kith_emit_begin(emit, entry, err), fault = KITH_OK;
	uint64_t left = entry->size;
	uint32_t sum = 0;

	if (st < 0)
		return st;
	if (st != KITH_OK)
		return skip(walk, left, err);
	while (left > 0) {
		bool more;
		size_t now, i;

		fault = have(walk, &more, err);
		if (fault >= 0 && !more)
			fault = ends(walk, "inside an entry", err);
		if (fault < 0)
			break;
		now = walk->n - walk->pos < left ? walk->n - walk->pos : (size_t)left;
		for (i = 0; layout == CRC && i < now; i++)
			sum += walk->buf[walk->pos + i];
		st = kith_emit_data(emit, walk->buf + walk->pos, now, err);
		if (st < 0)
			return st;
		if (st != KITH_OK) /* cut off */
			return skip(walk, left, err);
		walk->pos += now;
		walk->at += now;
		left -= now;
	}
	if (fault < 0) {
		st = kith_emit_damaged(emit, "damaged", err != NULL ? err->msg : "", err);
		return st < 0 ? st : fault;
	}
	if (layout == CRC && expected != 0 && sum != expected)
		return kith_emit_damaged(emit, "checksum mismatch", "cpio", err);
	return kith_emit_end(emit, err);
}

static enum kith_status report_data(struct walk *walk, enum layout layout,
				    const struct header *header, struct kith_err *err)
{
	struct kith_entry entry = {
	    .kind = KITH_ENTRY_FILE,
	    .name = walk->name.data,
	    .name_n = walk->name.n,
	    .has_size = true,
	    .size = header->size,
	    .may_be_linked = header->links > 1,
	};
	struct kith_extent extent = {walk->at, header->size};
	enum kith_status st;

	kith_entry_path(&entry.name, &entry.name_n);
	if (walk->read != NULL || layout == CRC)
		return push_data(walk, &entry, layout, header->sum, err);
	st = kith_emit_in_place(walk->in->emit, &entry, &extent, 1, err);
	return st < 0 ? st : skip(walk, header->size, err);
}

static enum kith_status link_name(void *user, const uint8_t *name, size_t n, const uint8_t *target,
				  size_t target_n, struct kith_err *err)
{
	struct walk *walk = user;
	struct kith_entry entry = {
	    .kind = KITH_ENTRY_FILE, .name = name, .name_n = n, .has_size = true};
	struct kith_extent none = {0, 0};
	enum kith_status st;

	if (target != NULL)
		st = kith_emit_link(walk->in->emit, name, n, target, target_n, err);
	else if (walk->read == NULL)
		st = kith_emit_in_place(walk->in->emit, &entry, &none, 1, err);
	else
		st = push_data(walk, &entry, NEWC, 0, err);
	return st < 0 ? st : KITH_OK;
}

static enum kith_status one_entry(struct walk *walk, enum layout layout,
				  const struct header *header, struct kith_err *err)
{
	const uint64_t type_bits = 0170000, regular = 0100000;
	const uint8_t *name = walk->name.data;
	size_t n = walk->name.n;
	enum kith_status st = KITH_OK;

	kith_entry_path(&name, &n);
	if ((header->mode & type_bits) != regular) {
		struct kith_entry entry = {.kind = KITH_ENTRY_OTHER, .name = name, .name_n = n};

		st = kith_emit_begin(walk->in->emit, &entry, err);
		return st < 0 ? st : skip(walk, header->size, err);
	}
	if (header->links > 1 && header->size == 0)
		return kith_cpio_links_wait(&walk->links, header->device, header->inode, name, n,
					    link_name, walk, err);
	st = report_data(walk, layout, header, err);
	if (st >= 0 && header->links > 1)
		st = kith_cpio_links_data(&walk->links, header->device, header->inode, name, n,
					  link_name, walk, err);
	return st;
}

/* One archive, up to its trailer; the magic of its first header is taken. */
static enum kith_status one_archive(struct walk *walk, enum layout layout, uint8_t *magic,
				    struct kith_err *err)
{
	enum kith_status st, ended;

	for (;;) {
		struct header header;
		uint64_t pad = 0;

		st = read_header(walk, layout, magic, &header, &pad, err);
		if (st < 0)
			break;
		if (walk->name.n == sizeof TRAILER - 1 &&
		    memcmp(walk->name.data, TRAILER, walk->name.n) == 0) {
			st = skip(walk, header.size, err);
			break;
		}
		st = one_entry(walk, layout, &header, err);
		if (st >= 0)
			st = skip(walk, pad, err);
		if (st >= 0)
			st = take(walk, magic, MAGIC_N, "without a trailer", err);
		if (st < 0)
			break;
		layout = layout_of(magic, MAGIC_N);
		if (layout == NONE) {
			st = kith_fail(err, KITH_E_CORRUPT, "cpio: no header at offset %llu",
				       (unsigned long long)(walk->at - MAGIC_N));
			break;
		}
	}
	/* Names that still wait are empty files, or their data are lost. */
	ended = kith_cpio_links_end(&walk->links, st >= 0, link_name, walk, walk->in->emit,
				    st < 0 ? NULL : err);
	return st < 0 ? st : ended;
}

/* What follows an archive and is not one. magic: its first bytes, taken. */
static enum kith_status other_member(struct walk *walk, const uint8_t *magic, size_t magic_n,
				     struct kith_err *err)
{
	char name[32];
	struct kith_entry entry = {.kind = KITH_ENTRY_INNER, .name = (const uint8_t *)name};
	struct kith_emit *emit = walk->in->emit;
	bool more = true;
	enum kith_status st;

	entry.name_n = (size_t)snprintf(name, sizeof name, "member %u", walk->members + 1);
	if (walk->read == NULL) {
		struct kith_extent extent = {walk->at - magic_n,
					     walk->in->blob->size - (walk->at - magic_n)};

		return kith_emit_in_place(emit, &entry, &extent, 1, err);
	}
	st = kith_emit_begin(emit, &entry, err);
	if (st == KITH_OK)
		st = kith_emit_data(emit, magic, magic_n, err);
	while (st == KITH_OK) {
		enum kith_status got = have(walk, &more, err);

		if (got < 0) {
			st = kith_emit_damaged(emit, "damaged", err != NULL ? err->msg : "", err);
			return st < 0 ? st : got;
		}
		if (!more)
			return kith_emit_end(emit, err);
		st = kith_emit_data(emit, walk->buf + walk->pos, walk->n - walk->pos, err);
		walk->at += walk->n - walk->pos;
		walk->pos = walk->n;
	}
	return st < 0 ? st : KITH_OK;
}

/* Zeros, then the first bytes of the next member; *ret_n is 0 at the end. */
static enum kith_status next_member(struct walk *walk, uint8_t *magic, size_t *ret_n,
				    struct kith_err *err)
{
	bool more = true;
	enum kith_status st;

	*ret_n = 0;
	while ((st = have(walk, &more, err)) >= 0 && more && walk->buf[walk->pos] == 0) {
		walk->pos++;
		walk->at++;
	}
	return st < 0 || !more ? st : take_some(walk, magic, MAGIC_N, ret_n, err);
}

enum kith_status kith_cpio_walk(const struct kith_container_in *in, kith_read_fn read, void *user,
				struct kith_err *err)
{
	struct walk walk = {.in = in, .read = read, .user = user};
	uint8_t magic[MAGIC_N];
	size_t n;
	enum kith_status st = KITH_OK;

	walk.buf = malloc(PIECE);
	if (walk.buf == NULL)
		return kith_fail_nomem(err);
	while ((st = next_member(&walk, magic, &n, err)) >= 0 && n > 0) {
		enum layout layout = layout_of(magic, n);

		if (layout == NONE || n < MAGIC_N) {
			st = walk.members == 0 ? kith_fail(err, KITH_E_CORRUPT, "not a cpio")
					       : other_member(&walk, magic, n, err);
			break;
		}
		st = one_archive(&walk, layout, magic, err);
		if (st < 0)
			break;
		walk.members++;
	}
	if (walk.members > 1 && st >= 0)
		st = kith_emit_kind(in->emit, "initramfs", err);
	kith_cpio_links_done(&walk.links);
	kith_buf_done(&walk.name);
	free(walk.buf);
	return st < 0 ? st : KITH_OK;
}

static enum kith_status walk_cpio(const struct kith_container_in *in, struct kith_err *err)
{
	return kith_cpio_walk(in, NULL, NULL, err);
}

const struct kith_container_ops kith_container_cpio = {.id = "cpio", .walk = walk_cpio};

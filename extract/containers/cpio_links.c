/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpio_links.c: rows in the order of the archive; a hash table has, for each inode, its last row,
 * and each row the one before it. A row of an inode whose data were seen holds that name and is the
 * only one that stays in the chain.
 */
#include "cpio_links.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define NAMES_MAX ((size_t)64 << 20) /* an initramfs has a few hundred names of this kind */
#define ROWS_MAX  ((size_t)1 << 20)
#define NONE      UINT32_MAX

struct kith_cpio_link {
	uint64_t device, inode;
	size_t name, n; /* in names */
	uint32_t before;
	bool data, waits;
};

static size_t slot_of(const struct kith_cpio_links *links, uint64_t device, uint64_t inode)
{
	uint64_t h = (device * UINT64_C(0x9e3779b97f4a7c15) ^ inode) * UINT64_C(0xbf58476d1ce4e5b9);
	size_t slot = (size_t)(h >> 32) & (links->n_slots - 1);

	for (;; slot = (slot + 1) & (links->n_slots - 1)) {
		uint32_t row = links->slots[slot];

		if (row == NONE ||
		    (links->rows[row].device == device && links->rows[row].inode == inode))
			return slot;
	}
}

static bool grow(struct kith_cpio_links *links)
{
	size_t cap = links->cap == 0 ? 64 : links->cap * 2, i;
	struct kith_cpio_link *rows = realloc(links->rows, cap * sizeof *rows);
	uint32_t *slots;

	if (rows == NULL)
		return false;
	links->rows = rows;
	links->cap = cap;
	slots = malloc(2 * cap * sizeof *slots);
	if (slots == NULL)
		return false;
	free(links->slots);
	links->slots = slots;
	links->n_slots = 2 * cap;
	memset(slots, 0xff, links->n_slots * sizeof *slots);
	for (i = 0; i < links->n; i++) /* the last of an inode wins */
		slots[slot_of(links, rows[i].device, rows[i].inode)] = (uint32_t)i;
	return true;
}

static enum kith_status add(struct kith_cpio_links *links, uint64_t device, uint64_t inode,
			    const uint8_t *name, size_t n, bool data, struct kith_err *err)
{
	struct kith_cpio_link row = {
	    .device = device, .inode = inode, .n = n, .data = data, .waits = !data};
	size_t slot;

	if (links->n >= ROWS_MAX || n > NAMES_MAX - links->names.n) {
		links->lost += data ? 0 : 1;
		links->lost_data = links->lost_data || data;
		return KITH_OK;
	}
	row.name = links->names.n;
	if ((links->n == links->cap && !grow(links)) || !kith_buf_add(&links->names, name, n))
		return kith_fail_nomem(err);
	slot = slot_of(links, device, inode);
	row.before = data ? NONE : links->slots[slot];
	links->slots[slot] = (uint32_t)links->n;
	links->rows[links->n++] = row;
	return KITH_OK;
}

static struct kith_cpio_link *find(struct kith_cpio_links *links, uint64_t device, uint64_t inode)
{
	uint32_t row = links->n == 0 ? NONE : links->slots[slot_of(links, device, inode)];

	return row == NONE ? NULL : &links->rows[row];
}

enum kith_status kith_cpio_links_wait(struct kith_cpio_links *links, uint64_t device,
				      uint64_t inode, const uint8_t *name, size_t n,
				      kith_cpio_link_fn fn, void *user, struct kith_err *err)
{
	const struct kith_cpio_link *row = find(links, device, inode);

	if (row != NULL && row->data)
		return fn(user, name, n, links->names.data + row->name, row->n, err);
	return add(links, device, inode, name, n, false, err);
}

enum kith_status kith_cpio_links_data(struct kith_cpio_links *links, uint64_t device,
				      uint64_t inode, const uint8_t *name, size_t n,
				      kith_cpio_link_fn fn, void *user, struct kith_err *err)
{
	struct kith_cpio_link *row = find(links, device, inode);
	enum kith_status st = KITH_OK;

	while (row != NULL && row->waits && st >= 0) {
		st = fn(user, links->names.data + row->name, row->n, name, n, err);
		row->waits = false;
		row = row->before == NONE ? NULL : &links->rows[row->before];
	}
	return st < 0 ? st : add(links, device, inode, name, n, true, err);
}

enum kith_status kith_cpio_links_end(struct kith_cpio_links *links, bool whole,
				     kith_cpio_link_fn fn, void *user, struct kith_emit *emit,
				     struct kith_err *err)
{
	enum kith_status st = KITH_OK;
	size_t i;

	for (i = 0; i < links->n && st >= 0; i++) {
		const uint8_t *name = links->names.data + links->rows[i].name;
		size_t n = links->rows[i].n;

		if (!links->rows[i].waits)
			continue;
		/* where the name with the data did not fit, none of them is known to be empty */
		st = whole && !links->lost_data
			 ? fn(user, name, n, NULL, 0, err)
			 : kith_emit_note(emit, KITH_LEDGER_FAILED, "hard link without data", name,
					  n, err);
	}
	for (; links->lost > 0 && st >= 0; links->lost--)
		st = kith_emit_note(emit, KITH_LEDGER_FAILED, "too many hard links", NULL, 0, err);
	links->n = links->names.n = 0;
	links->lost_data = false;
	if (links->n_slots > 0)
		memset(links->slots, 0xff, links->n_slots * sizeof *links->slots);
	return st < 0 ? st : KITH_OK;
}

void kith_cpio_links_done(struct kith_cpio_links *links)
{
	free(links->rows);
	free(links->slots);
	kith_buf_done(&links->names);
	memset(links, 0, sizeof *links);
}

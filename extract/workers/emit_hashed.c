/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emit_hashed.c: what happens when an entry's digests have come: it is compared with what its
 * container declares, reported, and kept for further names. What must hold: each entry is freed
 * once, here, whether its digests come or not.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/sha256.h"
#include "workers/emit_int.h"

void emit_entry_free(struct kith_emit *emit, struct emit_entry *entry)
{
	size_t i;

	(void)emit;
	if (entry == NULL)
		return;
	if (entry->claims != NULL) {
		for (i = 0; i < KITH_FACTS; i++)
			kith_buf_done(&entry->claims->texts[i]);
		free(entry->claims);
	}
	if (entry->fd >= 0)
		(void)close(entry->fd);
	kith_buf_done(&entry->also);
	free(entry->extents);
	free(entry->name);
	free(entry);
}

/* ------------------------------------------------------------------ the links */

static void link_key(const void *name, size_t n, uint8_t ret_key[16])
{
	uint8_t digest[KITH_SHA256_SIZE];
	struct kith_sha256 sha;

	kith_sha256_init(&sha);
	kith_sha256_add(&sha, name, n);
	kith_sha256_end(&sha, digest);
	memcpy(ret_key, digest, 16);
}

/* The slot that has the key, or the free one where it belongs; NULL: the table is empty. */
static struct emit_link *find_slot(const struct kith_emit *emit, const uint8_t key[16])
{
	size_t at = (size_t)kith_get_le64(key);

	if (emit->cap_links == 0)
		return NULL;
	for (;; at++) {
		struct emit_link *slot = &emit->links[at & (emit->cap_links - 1)];

		if (!slot->used || memcmp(slot->key, key, 16) == 0)
			return slot;
	}
}

static enum kith_status grow_links(struct kith_emit *emit, struct kith_err *err)
{
	struct emit_link *old = emit->links;
	size_t i, n = emit->cap_links;

	if ((emit->n_links + 1) * 4 <= n * 3)
		return KITH_OK;
	emit->cap_links = n == 0 ? 1024 : n * 2;
	emit->links = calloc(emit->cap_links, sizeof *emit->links);
	if (emit->links == NULL) {
		emit->links = old;
		emit->cap_links = n;
		return kith_fail_nomem(err);
	}
	for (i = 0; i < n; i++)
		if (old[i].used)
			*find_slot(emit, old[i].key) = old[i];
	free(old);
	return KITH_OK;
}

enum kith_status emit_link_await(struct kith_emit *emit, struct emit_entry *entry,
				 struct kith_err *err)
{
	enum kith_status st = grow_links(emit, err);
	struct emit_link *slot;
	uint8_t key[16];

	if (st < 0)
		return st;
	link_key(entry->name, entry->name_n, key);
	slot = find_slot(emit, key);
	if (slot == NULL)
		return kith_fail_nomem(err);
	if (!slot->used) {
		emit->n_links++;
		memcpy(slot->key, key, sizeof key);
		slot->used = true;
	} else if (slot->entry != NULL) {
		slot->entry->awaited = false; /* the later of two of one name counts */
	}
	slot->known = false;
	slot->entry = entry;
	entry->awaited = true;
	return KITH_OK;
}

/* What the table has of an entry becomes known, or not (digests is NULL). */
static void settle_link(struct kith_emit *emit, struct emit_entry *entry,
			const struct kith_digests *digests)
{
	struct emit_link *slot;
	uint8_t key[16];

	link_key(entry->name, entry->name_n, key);
	slot = find_slot(emit, key);
	if (slot == NULL || !slot->used || slot->entry != entry)
		return;
	slot->entry = NULL;
	slot->sparse = entry->sparse;
	slot->known = digests != NULL;
	if (digests != NULL)
		slot->digests = *digests;
}

static enum kith_status send_file(struct kith_emit *emit, const struct emit_entry *entry,
				  const void *name, size_t name_n, bool sparse,
				  const struct kith_digests *digests, struct kith_err *err)
{
	struct kith_wire m = {.type = KITH_WIRE_FILE,
			      .flags = sparse ? KITH_WIRE_F_SPARSE : 0u,
			      .name = {name, name_n},
			      .digests = *digests};
	size_t i;

	if (entry != NULL) {
		m.item = entry->item;
		m.flags |= entry->kind == KITH_ENTRY_STREAM ? KITH_WIRE_F_STREAM : 0u;
		for (i = 0; entry->claims != NULL && i < KITH_FACTS; i++)
			m.claims[i] = (struct kith_bytes){entry->claims->texts[i].data,
							  entry->claims->texts[i].n};
	}
	return emit_send(emit, &m, err);
}

enum kith_status kith_emit_link(struct kith_emit *emit, const uint8_t *name, size_t name_n,
				const uint8_t *target, size_t target_n, struct kith_err *err)
{
	struct emit_link *slot;
	uint8_t key[16];

	kith_entry_path(&name, &name_n);
	kith_entry_path(&target, &target_n);
	if (name_n > KITH_LIMIT_ENTRY_NAME)
		return kith_emit_note(emit, KITH_LEDGER_FAILED, "a name over the limit", name,
				      KITH_LIMIT_EXAMPLE, err);
	if (++emit->entries > emit->limits.entries)
		return kith_emit_note(emit, KITH_LEDGER_FAILED, "over the limit of entries", name,
				      name_n, err);
	link_key(target, target_n, key);
	slot = find_slot(emit, key);
	if (slot == NULL || !slot->used || (!slot->known && slot->entry == NULL))
		return kith_emit_note(emit, KITH_LEDGER_FAILED, "a link to no file of it", name,
				      name_n, err);
	if (slot->known)
		return send_file(emit, NULL, name, name_n, slot->sparse, &slot->digests, err);
	return kith_buf_add_text(&slot->entry->also, name, name_n) ? KITH_OK : kith_fail_nomem(err);
}

/* -------------------------------------------------------------------- reports */

static enum kith_status compare(struct kith_emit *emit, const struct emit_entry *entry,
				const struct kith_digests *digests, struct kith_err *err)
{
	const struct kith_declared *d = &entry->declared;
	const char *differs = NULL;

	if (d->has_sha256 && memcmp(d->sha256, digests->sha256, KITH_SHA256_SIZE) != 0)
		differs = "declared SHA-256 differs";
	else if (d->has_sha1 && memcmp(d->sha1, digests->sha1, KITH_SHA1_SIZE) != 0)
		differs = "declared SHA-1 differs";
	else if (d->has_md5 && memcmp(d->md5, digests->md5, KITH_MD5_SIZE) != 0)
		differs = "declared MD5 differs";
	if (differs == NULL)
		return KITH_OK;
	return emit_note_item(emit, entry->item, KITH_LEDGER_MARKED, differs, entry->name,
			      entry->name_n, err);
}

static enum kith_status send_child(struct kith_emit *emit, const struct emit_entry *entry,
				   const struct kith_digests *digests, struct kith_err *err)
{
	struct kith_wire m = {.type = KITH_WIRE_CHILD,
			      .flags = (entry->spool != 0 ? KITH_WIRE_F_SPOOLED : 0u) |
				       (digests == NULL ? KITH_WIRE_F_INNER : 0u),
			      .item = entry->item,
			      .code = (uint32_t)entry->format,
			      .number2 = entry->spool,
			      .name = {entry->name, entry->name_n},
			      .extents = entry->extents,
			      .n_extents = entry->n_extents};

	if (digests != NULL)
		m.digests = *digests;
	m.digests.size = entry->size;
	return emit_send(emit, &m, err);
}

static enum kith_status send_also(struct kith_emit *emit, const struct emit_entry *entry,
				  const struct kith_digests *digests, struct kith_err *err)
{
	const uint8_t *p = entry->also.data, *end = p + entry->also.n;
	enum kith_status st = KITH_OK;
	uint64_t n;

	while (p < end && st >= 0 && kith_get_varint(&p, end, &n)) {
		if (digests != NULL)
			st = send_file(emit, NULL, p, (size_t)n, entry->sparse, digests, err);
		else
			st = kith_emit_note(emit, KITH_LEDGER_FAILED, "a link to no file of it", p,
					    (size_t)n, err);
		p += n;
	}
	return st;
}

enum kith_status emit_hashed(void *hasher_user, void *stream_user, enum kith_status hashed,
			     const struct kith_digests *digests, struct kith_err *err)
{
	struct kith_emit *emit = hasher_user;
	struct emit_entry *entry = stream_user;
	struct kith_wire item = {.type = KITH_WIRE_ITEM, .item = entry->item};
	enum kith_status st = KITH_OK;
	bool is_file = entry->is_file;

	if (hashed < 0) {
		digests = NULL;
		st = emit_note_item(emit, entry->item, KITH_LEDGER_FAILED, "it could not be read",
				    entry->name, entry->name_n, err);
	} else {
		if (entry->has_declared)
			st = compare(emit, entry, digests, err);
		/* of a file the walk wants to know what it is before it is reported */
		if (st >= 0 && entry->format != KITH_FORMAT_NONE && is_file)
			st = send_child(emit, entry, digests, err);
		if (st >= 0)
			st = send_file(emit, entry, entry->name, is_file ? 0 : entry->name_n,
				       entry->sparse, digests, err);
		if (st >= 0 && entry->format != KITH_FORMAT_NONE && !is_file)
			st = send_child(emit, entry, digests, err);
	}
	if (entry->awaited)
		settle_link(emit, entry, digests);
	if (st >= 0)
		st = send_also(emit, entry, digests, err);
	emit_entry_free(emit, entry);
	if (st >= 0 && is_file)
		st = emit_send(emit, &item, err);
	return st;
}

enum kith_status emit_early(struct kith_emit *emit, const struct emit_entry *entry,
			    struct kith_err *err)
{
	enum kith_status st = send_child(emit, entry, NULL, err);

	return st < 0 ? st : kith_emit_flush(emit, err);
}

enum kith_status emit_unhashed(struct kith_emit *emit, struct emit_entry *entry,
			       struct kith_err *err)
{
	enum kith_status st;

	if (entry->format != KITH_FORMAT_NONE)
		st = send_child(emit, entry, NULL, err);
	else
		st = kith_emit_note(emit, KITH_LEDGER_COUNT, "inner data of no known format",
				    entry->name, entry->name_n, err);
	emit_entry_free(emit, entry);
	return st;
}

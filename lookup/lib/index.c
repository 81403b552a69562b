/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index.c: from a digest to its record. What must hold:
 *  - a hit was compared with the whole digest, the tag in a slot only chooses what is compared;
 *  - an offset is followed only when key and record begin inside the file;
 *  - a search ends after at most all lines, whatever the index holds;
 *  - nothing is allocated.
 */
#include "lib/index.h"

/* Digests that kith_lookup_many() has in flight: enough to keep a core's 10 to 16 line fill buffers
 * busy through each pass, few enough that what was fetched is still in the first-level cache. */
#define WINDOW 64u

#if defined(__GNUC__)
#define NEVER_INLINE __attribute__((noinline))
#else
#define NEVER_INLINE
#endif

/* Bytes of a common record before its occurrences: bits, SHA-1, MD5, size and count. */
#define RECORD_COMMON (1 + KITH_SHA1_SIZE + KITH_MD5_SIZE + 4 + 1)

/* True when the file claims this digest in an attribute: its own or an alternate's. */
static enum kith_status has_attribute(const struct kith_file *file, enum kith_digest kind,
				      const uint8_t *digest)
{
	const uint8_t *own = kind == KITH_SHA1 ? file->sha1 : file->md5;
	size_t n = kind == KITH_SHA1 ? KITH_SHA1_SIZE : KITH_MD5_SIZE;
	struct kith_file_iter iter;
	struct kith_alternate alternate;
	enum kith_status st;

	if (own != NULL && memcmp(own, digest, n) == 0)
		return KITH_OK;
	if ((file->flags & KITH_FILE_CONFLICT) == 0)
		return KITH_NOT_FOUND;
	st = kith_alternates(file, &iter);
	if (st < 0)
		return st;
	while ((st = kith_alternate_next(&iter, &alternate)) == KITH_OK) {
		own = kind == KITH_SHA1 ? alternate.sha1 : alternate.md5;
		if (own != NULL && memcmp(own, digest, n) == 0)
			return KITH_OK;
	}
	return st == KITH_END ? KITH_NOT_FOUND : st;
}

/* memcmp of 32 bytes is a call and may branch on the first difference; this does neither. */
static inline bool same_sha256(const uint8_t *a, const uint8_t *b)
{
	return ((kith_load_le64(a) ^ kith_load_le64(b)) |
		(kith_load_le64(a + 8) ^ kith_load_le64(b + 8)) |
		(kith_load_le64(a + 16) ^ kith_load_le64(b + 16)) |
		(kith_load_le64(a + 24) ^ kith_load_le64(b + 24))) == 0;
}

/* Follows a slot. KITH_NOT_FOUND: it is the slot of another digest with the same tag. */
KITH_ALWAYS_INLINE enum kith_status follow(const struct kith_reader *reader, uint64_t slot,
					   enum kith_digest kind, const uint8_t *digest,
					   struct kith_file *ret_file)
{
	const struct kith_db *db = &reader->set->db;
	bool sha1_only = (slot & KITH_SLOT_SHA1) != 0;
	size_t key_n = sha1_only ? KITH_SHA1_SIZE : KITH_SHA256_SIZE;
	uint64_t offset = (slot & KITH_SLOT_OFFSET) * 2;
	const uint8_t *record, *key, *end = db->end;
	struct kith_file file;
	enum kith_status st;

	if (offset < key_n || offset >= db->file_size)
		return KITH_E_CORRUPT;
	record = db->base + offset;
	key = record - key_n;
	if (kind == KITH_SHA256) {
		if (sha1_only)
			return KITH_E_CORRUPT;
		if (!same_sha256(key, digest))
			return KITH_NOT_FOUND;
	}
	if ((slot & KITH_SLOT_LARGE) != 0) {
		struct kith_bytes value;

		st = kith_db_get(db, reader->txn, sha1_only ? KITH_DB_SHA1_ONLY : KITH_DB_FILE, key,
				 key_n, &value);
		if (st != KITH_OK)
			return KITH_E_CORRUPT;
		record = value.data;
		end = value.data + value.n;
	}
	if (kind == KITH_SHA256)
		return kith_decode(record, end, key, sha1_only, ret_file);
	st = kith_decode(record, end, key, sha1_only, &file);
	if (st < 0)
		return st;
	st = has_attribute(&file, kind, digest);
	if (st == KITH_OK)
		*ret_file = file;
	return st;
}

/* Without the direct index, for SHA-256: the cursor, because it tells where the key lies. */
static enum kith_status lookup_by_key(const struct kith_reader *reader, const uint8_t *digest,
				      struct kith_file *ret_file)
{
	struct kith_bytes key = {digest, KITH_SHA256_SIZE}, value;
	enum kith_status st;

	st = kith_db_move(&reader->set->db, reader->files, KITH_DB_EXACT, &key, &value);
	if (st != KITH_OK)
		return st;
	if (key.n != KITH_SHA256_SIZE || memcmp(key.data, digest, KITH_SHA256_SIZE) != 0)
		return KITH_E_CORRUPT;
	return kith_record_decode(value.data, value.data + value.n, key.data, false, ret_file);
}

/* Whether the set can answer at all, and whether it does so through its index. */
static enum kith_status check_kind(const struct kith_reader *reader, enum kith_digest kind,
				   size_t n)
{
	if (n == 0 || kith_digest_size(kind) != n)
		return KITH_E_ARG;
	return reader->set->info.has_index[kind] ? KITH_OK : KITH_NO_REFERENCE;
}

KITH_ALWAYS_INLINE enum kith_status lookup_one(const struct kith_reader *reader,
					       enum kith_digest kind, const uint8_t *digest,
					       struct kith_file *ret_file)
{
	const struct kith_index *index = &reader->set->index[kind];
	uint64_t tag = kith_index_tag(digest), left;
	const uint8_t *line = kith_index_home(index, digest);

	for (left = index->n_lines; left > 0; left--) {
		bool full;
		unsigned match = kith_line_match(line, tag, &full);

		while (match != 0) {
			uint64_t slot = kith_slot_get(line, (unsigned)__builtin_ctz(match));
			enum kith_status st;

			if (slot == 0)
				return KITH_NOT_FOUND;
			st = follow(reader, slot, kind, digest, ret_file);
			if (st != KITH_NOT_FOUND)
				return st;
			match &= match - 1;
		}
		if (!full)
			return KITH_NOT_FOUND;
		line = kith_index_next_line(index, line);
	}
	return KITH_NOT_FOUND;
}

/* All that kith_lookup() does not do itself. Apart, so that its registers need not be saved there.
 */
static NEVER_INLINE enum kith_status lookup_rest(const struct kith_reader *reader,
						 enum kith_digest kind, const uint8_t *digest,
						 size_t n, struct kith_file *ret_file)
{
	enum kith_status st = check_kind(reader, kind, n);

	if (st != KITH_OK)
		return st;
	if (reader->set->index[kind].n_lines == 0)
		return lookup_by_key(reader, digest, ret_file);
	return lookup_one(reader, kind, digest, ret_file);
}

/*
 * While a lookup waits for memory a core begins the lookups that follow, as many as fit into the
 * some 450 instructions that it keeps in flight; so what a hit costs is how many instructions it
 * takes. Hence the common case is one short and straight piece of code: SHA-256, the first slot
 * with the tag is the one, an ordinary record. All else is left to lookup_rest(), which begins
 * anew.
 */
enum kith_status kith_lookup(kith_reader *reader, enum kith_digest kind, const void *bytes,
			     size_t n, struct kith_file *ret_file)
{
	const struct kith_set *set = reader->set;
	const struct kith_index *index = &set->index[KITH_SHA256];
	const uint8_t *line, *record;
	unsigned match;
	uint64_t slot, offset;
	bool full;

	if (kind != KITH_SHA256 || n != KITH_SHA256_SIZE || index->n_lines == 0)
		return lookup_rest(reader, kind, bytes, n, ret_file);
	line = kith_index_home(index, bytes);
	match = kith_line_match(line, kith_index_tag(bytes), &full);
	if (match == 0) {
		if (!full)
			return KITH_NOT_FOUND;
		return lookup_rest(reader, kind, bytes, n, ret_file);
	}
	slot = kith_slot_get(line, (unsigned)__builtin_ctz(match));
	offset = (slot & KITH_SLOT_OFFSET) * 2;
	if (offset < KITH_SHA256_SIZE || offset >= set->db.file_size)
		return lookup_rest(reader, kind, bytes, n, ret_file);
	record = set->db.base + offset;
	/* Where its size is can be told only from its first byte: do not wait for that. */
	KITH_PREFETCH(record + RECORD_COMMON);
	if ((slot & (KITH_SLOT_LARGE | KITH_SLOT_SHA1)) == 0 &&
	    same_sha256(record - KITH_SHA256_SIZE, bytes) &&
	    kith_decode_common(record, set->db.end, record - KITH_SHA256_SIZE, false, ret_file))
		return KITH_OK;
	return lookup_rest(reader, kind, bytes, n, ret_file);
}

/* True when a slot with this value comes before slot i of `line` in the search from `home`. */
static bool is_repeated(const struct kith_index *index, const uint8_t *home, const uint8_t *line,
			unsigned i, uint64_t slot)
{
	const uint8_t *at = home;
	unsigned k;

	for (;;) {
		for (k = 0; k < (at == line ? i : KITH_LINE_SLOTS); k++)
			if (kith_slot_get(at, k) == slot)
				return true;
		if (at == line)
			return false;
		at = kith_index_next_line(index, at);
	}
}

enum kith_status kith_lookup_all(kith_reader *reader, enum kith_digest kind, const void *bytes,
				 size_t n, struct kith_file *ret_files, size_t cap, size_t *ret_n)
{
	const struct kith_index *index;
	const uint8_t *home, *line;
	uint64_t tag, left;
	struct kith_file file;
	size_t found = 0;
	bool full = true;
	enum kith_status st = check_kind(reader, kind, n);

	if (st != KITH_OK)
		return st;
	index = &reader->set->index[kind];
	if (index->n_lines == 0) {
		st = lookup_by_key(reader, bytes, &file);
		if (st != KITH_OK)
			return st;
		if (cap > 0)
			ret_files[0] = file;
		*ret_n = 1;
		return KITH_OK;
	}
	tag = kith_index_tag(bytes);
	home = line = kith_index_home(index, bytes);
	for (left = index->n_lines; left > 0 && full; left--) {
		unsigned match = kith_line_match(line, tag, &full);

		for (; match != 0; match &= match - 1) {
			unsigned i = (unsigned)__builtin_ctz(match);
			uint64_t slot = kith_slot_get(line, i);

			if (slot == 0)
				break;
			st = follow(reader, slot, kind, bytes, &file);
			if (st < 0)
				return st;
			/* a file with alternates may have two digests with one tag here */
			if (st != KITH_OK || ((file.flags & KITH_FILE_CONFLICT) != 0 &&
					      is_repeated(index, home, line, i, slot)))
				continue;
			if (found < cap)
				ret_files[found] = file;
			found++;
		}
		line = kith_index_next_line(index, line);
	}
	if (found == 0)
		return KITH_NOT_FOUND;
	*ret_n = found;
	return KITH_OK;
}

/* ------------------------------------------------------------------ batch */

/* What the second pass found out about a digest. */
#define SLOT_MISS UINT64_C(0) /* it is not there; an empty slot says the same */
#define SLOT_WALK                                                                    \
	UINT64_MAX /* more than its home line must be read; no slot has all tag bits \
		      and all flags set, because offset 2^39 - 2 is beyond any set */

static uint64_t first_candidate(const struct kith_db *db, const uint8_t *line,
				const uint8_t *digest)
{
	bool full;
	unsigned match = kith_line_match(line, kith_index_tag(digest), &full);
	uint64_t slot, offset;

	if (match == 0)
		return full ? SLOT_WALK : SLOT_MISS;
	slot = kith_slot_get(line, (unsigned)__builtin_ctz(match));
	offset = (slot & KITH_SLOT_OFFSET) * 2;
	if (offset >= KITH_SHA256_SIZE && offset < db->file_size) {
		/* the key, and the record up to its occurrences: two cache lines, rarely three */
		KITH_PREFETCH(db->base + offset - KITH_SHA256_SIZE);
		KITH_PREFETCH(db->base + offset + 31);
		KITH_PREFETCH(db->base + offset + RECORD_COMMON);
	}
	return slot;
}

static void lookup_window(const struct kith_reader *reader, enum kith_digest kind,
			  const uint8_t *digests, size_t n, struct kith_file *ret_files,
			  enum kith_status *ret_status)
{
	const struct kith_index *index = &reader->set->index[kind];
	size_t size = kith_digest_size(kind), i;
	const uint8_t *lines[WINDOW];
	uint64_t slots[WINDOW];

	for (i = 0; i < n; i++) {
		lines[i] = kith_index_home(index, digests + i * size);
		KITH_PREFETCH(lines[i]);
	}
	for (i = 0; i < n; i++)
		slots[i] = first_candidate(&reader->set->db, lines[i], digests + i * size);
	for (i = 0; i < n; i++) {
		const uint8_t *digest = digests + i * size;
		enum kith_status st;

		if (slots[i] == SLOT_MISS) {
			ret_status[i] = KITH_NOT_FOUND;
			continue;
		}
		st = slots[i] == SLOT_WALK ? KITH_NOT_FOUND
					   : follow(reader, slots[i], kind, digest, &ret_files[i]);
		if (st == KITH_NOT_FOUND)
			st = lookup_one(reader, kind, digest, &ret_files[i]);
		ret_status[i] = st;
	}
}

enum kith_status kith_lookup_many(kith_reader *reader, enum kith_digest kind, const void *digests,
				  size_t count, struct kith_file *ret_files,
				  enum kith_status *ret_status)
{
	size_t size = kith_digest_size(kind), i;
	const uint8_t *bytes = digests;
	enum kith_status st = check_kind(reader, kind, size);

	if (st < 0)
		return st;
	if (st == KITH_NO_REFERENCE) {
		for (i = 0; i < count; i++)
			ret_status[i] = KITH_NO_REFERENCE;
		return KITH_OK;
	}
	if (reader->set->index[kind].n_lines == 0) {
		for (i = 0; i < count; i++)
			ret_status[i] = lookup_by_key(reader, bytes + i * size, &ret_files[i]);
	} else {
		for (i = 0; i < count; i += WINDOW)
			lookup_window(reader, kind, bytes + i * size,
				      count - i < WINDOW ? count - i : WINDOW, ret_files + i,
				      ret_status + i);
	}
	for (i = 0; i < count; i++)
		if (ret_status[i] < 0)
			return ret_status[i];
	return KITH_OK;
}

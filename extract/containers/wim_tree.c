/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wim_tree.c: the metadata of an image: security data, then directories, each a list of entries
 * that ends with a length of 0. An entry has the offset of its own directory.
 *
 * What must hold: every entry lies at a multiple of 8 and is read once, whatever the offsets say;
 * so the work is bounded by the size of the metadata, and a loop is found. Directories wait in a
 * list; nothing is recursive.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/limits.h"
#include "containers/wim.h"

#define ENTRY_BYTES  102u /* before its names */
#define STREAM_BYTES 38u  /* before its name */
#define DEPTH_MAX    4096u

#define ATTR_DIRECTORY 0x10u
#define ATTR_REPARSE   0x400u
#define ATTR_ENCRYPTED 0x4000u

/* Reparse tags, by [MS-FSCC] 2.1.2.1. */
#define TAG_SYMLINK 0xA000000Cu
#define TAG_MOUNT   0xA0000003u
#define TAG_DEDUP   0x80000013u
#define TAG_WOF     0x80000017u

static const uint8_t no_hash[KITH_SHA1_SIZE];

struct waiting {
	uint64_t offset;
	uint32_t node;
	uint32_t depth, path_n; /* of its path */
};

struct tree {
	struct wim *wim;
	const uint8_t *data;
	size_t n;
	uint8_t *seen; /* a bit for each multiple of 8 */
	struct waiting *waiting;
	size_t n_waiting, cap_waiting;
};

/* What the streams of an entry are. Hashes point into the metadata; NULL: there is none. */
struct streams {
	const uint8_t *main, *reparse, *wof;
	size_t named;
};

struct stream {
	const uint8_t *hash, *name;
	size_t name_n;
};

static bool is_zero(const uint8_t *hash)
{
	return memcmp(hash, no_hash, sizeof no_hash) == 0;
}

/* ---------------------------------------------------------------------- names */

/* Adds a name to the pool; UTF-16. */
static enum kith_status add_name(struct wim *wim, const uint8_t *utf16, size_t n, uint32_t *ret)
{
	size_t at = wim->names.n, bytes;

	if (at > UINT32_MAX - (1u << 18)) /* a name has at most 96 KiB */
		return kith_fail(wim->err, KITH_E_LIMIT, "over a limit: names");
	if (!kith_buf_add_byte(&wim->names, 0) || !kith_buf_add_byte(&wim->names, 0) ||
	    !kith_utf16_name(&wim->names, utf16, n))
		return kith_fail_nomem(wim->err);
	bytes = wim->names.n - at - 2;
	if (bytes > UINT16_MAX) { /* 65,535 units of at most 3 bytes: cut, and over every limit */
		bytes = UINT16_MAX;
		wim->names.n = at + 2 + bytes;
	}
	wim->names.data[at] = (uint8_t)bytes;
	wim->names.data[at + 1] = (uint8_t)(bytes >> 8);
	*ret = (uint32_t)at;
	return KITH_OK;
}

static enum kith_status add_node(struct wim *wim, uint32_t parent, uint32_t name, uint32_t *ret)
{
	void *array = wim->nodes;
	bool ok;

	if (wim->n_nodes >= KITH_LIMIT_ENTRIES)
		return kith_fail(wim->err, KITH_E_LIMIT, "over a limit: entries");
	ok = wim_grow(&array, &wim->cap_nodes, wim->n_nodes, sizeof *wim->nodes);
	wim->nodes = array;
	if (!ok)
		return kith_fail_nomem(wim->err);
	*ret = (uint32_t)wim->n_nodes;
	wim->nodes[wim->n_nodes++] = (struct wim_node){parent, name};
	return KITH_OK;
}

static size_t name_of(const struct wim *wim, uint32_t at, const uint8_t **ret)
{
	*ret = wim->names.data + at + 2;
	return kith_get_le16(wim->names.data + at);
}

enum kith_status wim_path(struct wim *wim, uint32_t node, uint32_t stream)
{
	const uint8_t *name;
	uint32_t i;
	size_t n = 0, part;
	uint8_t *at;

	for (i = node; i != WIM_NONE; i = wim->nodes[i].parent) {
		part = name_of(wim, wim->nodes[i].name, &name);
		n += part > 0 ? part + 1 : 0; /* a root may have no name */
	}
	wim->path.n = 0;
	if (n > 0)
		n--;
	if (kith_buf_room(&wim->path, n + 1) == NULL)
		return kith_fail_nomem(wim->err);
	at = wim->path.data + n;
	for (i = node; i != WIM_NONE; i = wim->nodes[i].parent) {
		part = name_of(wim, wim->nodes[i].name, &name);
		if (part == 0)
			continue;
		if (at != wim->path.data + n)
			*--at = '/';
		at -= part;
		memcpy(at, name, part);
	}
	wim->path.n = n;
	if (stream == WIM_NONE)
		return KITH_OK;
	part = name_of(wim, stream, &name);
	if (!kith_buf_add_byte(&wim->path, ':') || !kith_buf_add(&wim->path, name, part))
		return kith_fail_nomem(wim->err);
	return KITH_OK;
}

/* --------------------------------------------------------------------- contents */

static enum kith_status note(struct wim *wim, enum kith_ledger_class class_, const char *reason,
			     uint32_t node, uint32_t stream)
{
	enum kith_status st = wim_path(wim, node, stream);

	if (st < 0)
		return st;
	return kith_emit_note(wim->in->emit, class_, reason, wim->path.data, wim->path.n, wim->err);
}

/* An entry without content: an empty file or stream, or no file. */
static enum kith_status emit_bare(struct wim *wim, enum kith_entry_kind kind, uint32_t node,
				  uint32_t stream)
{
	struct kith_entry entry = {.kind = kind, .has_size = kind != KITH_ENTRY_OTHER};
	enum kith_status st = wim_path(wim, node, stream);

	if (st < 0)
		return st;
	entry.name = wim->path.data;
	entry.name_n = wim->path.n;
	st = kith_emit_begin(wim->in->emit, &entry, wim->err);
	if (st == KITH_OK && kind != KITH_ENTRY_OTHER)
		st = kith_emit_end(wim->in->emit, wim->err);
	return st < 0 ? st : KITH_OK;
}

static enum kith_status add_record(struct wim *wim, const uint8_t *hash, uint32_t node,
				   uint32_t stream)
{
	uint32_t at = wim_table_find(wim, hash), number;
	struct wim_blob *blob;
	void *array = wim->records;
	bool ok;

	if (is_zero(hash))
		return emit_bare(wim, stream == WIM_NONE ? KITH_ENTRY_FILE : KITH_ENTRY_STREAM,
				 node, stream);
	if (at == WIM_NONE) {
		struct kith_declared declared = {.has_sha1 = true};
		enum kith_status st;

		st = note(wim, KITH_LEDGER_FAILED,
			  wim->incomplete ? "its content is in a missing part"
					  : "its content is missing",
			  node, stream);
		if (st < 0)
			return st;
		memcpy(declared.sha1, hash, sizeof declared.sha1);
		return kith_emit_declared(wim->in->emit, wim->path.data, wim->path.n, &declared,
					  false, 0, false, wim->err);
	}
	ok = wim_grow(&array, &wim->cap_records, wim->n_records, sizeof *wim->records);
	wim->records = array;
	if (!ok)
		return kith_fail_nomem(wim->err);
	if (wim->n_records >= KITH_LIMIT_ENTRIES)
		return kith_fail(wim->err, KITH_E_LIMIT, "over a limit: streams");
	number = (uint32_t)wim->n_records++;
	wim->records[number] = (struct wim_record){node, WIM_NONE, stream};
	blob = &wim->blobs[at];
	blob->used = true;
	if (blob->first == WIM_NONE)
		blob->first = number;
	else
		wim->records[blob->last].next = number;
	blob->last = number;
	return KITH_OK;
}

/* A file that Windows compressed: how, its reparse data say; how large it is, the stream of zeros
 * that stands in for it. */
static enum kith_status add_wof(struct wim *wim, const struct streams *s, uint32_t node)
{
	uint32_t content, reparse, zeros;
	void *array = wim->wofs;
	bool ok;

	content = wim_table_find(wim, s->wof);
	reparse = wim_table_find(wim, s->reparse);
	zeros = s->main == NULL ? WIM_NONE : wim_table_find(wim, s->main);
	if (content == WIM_NONE || reparse == WIM_NONE || zeros == WIM_NONE)
		return note(wim, KITH_LEDGER_FAILED,
			    "compressed by the file system, and not all of it is there", node,
			    WIM_NONE);
	ok = wim_grow(&array, &wim->cap_wofs, wim->n_wofs, sizeof *wim->wofs);
	wim->wofs = array;
	if (!ok)
		return kith_fail_nomem(wim->err);
	wim->blobs[content].used = true;
	wim->blobs[reparse].wof = WIM_WOF_WANTED;
	wim->blobs[zeros].used = true;
	wim->wofs[wim->n_wofs] = (struct wim_wof){.node = node,
						  .next = wim->blobs[content].wofs,
						  .reparse = reparse,
						  .bytes = wim->blobs[zeros].bytes};
	wim->blobs[content].wofs = (uint32_t)wim->n_wofs++;
	return KITH_OK;
}

/* ----------------------------------------------------------------------- entries */

/* False: what begins there was read already, as this or as another entry: a loop, or one directory
 * in two places. So each byte is read as one entry at most, and time is bounded by the metadata. */
static bool is_first_visit(struct tree *tree, uint64_t at)
{
	uint8_t bit = (uint8_t)(1u << (at >> 3 & 7));

	if ((at & 7) != 0 || at >= tree->n || (tree->seen[at >> 6] & bit) != 0)
		return false;
	tree->seen[at >> 6] |= bit;
	return true;
}

/* The stream entries behind an entry. Their end is *ret_end. False: beyond the metadata. */
static bool next_stream(const struct tree *tree, uint64_t *at, struct stream *ret)
{
	uint64_t length;
	const uint8_t *p;

	if (*at > tree->n || tree->n - *at < STREAM_BYTES)
		return false;
	p = tree->data + *at;
	length = kith_get_le64(p);
	ret->hash = p + 16;
	ret->name_n = kith_get_le16(p + 36);
	ret->name = p + STREAM_BYTES;
	if (length > tree->n - *at || length < STREAM_BYTES + ret->name_n)
		return false;
	*at += (length + 7) & ~UINT64_C(7);
	return true;
}

static bool is_wof_stream(const struct stream *stream)
{
	static const char name[] = "WofCompressedData";
	size_t i;

	if (stream->name_n != 2 * (sizeof name - 1))
		return false;
	for (i = 0; i < sizeof name - 1; i++)
		if (stream->name[2 * i] != (uint8_t)name[i] || stream->name[2 * i + 1] != 0)
			return false;
	return true;
}

/*
 * Without other streams the content's hash is in the entry. With others it is there or, as
 * Microsoft's tools write it, in a stream entry without a name and zero in the entry. Of a reparse
 * point the first hash without a name is that of its reparse data.
 */
static bool sort_streams(struct tree *tree, const uint8_t *entry, uint64_t streams,
			 uint64_t *ret_end, struct streams *ret)
{
	bool reparse = (kith_get_le32(entry + 8) & ATTR_REPARSE) != 0;
	const uint8_t *hash = entry + 64;
	struct stream stream;
	unsigned left = kith_get_le16(entry + 96);

	memset(ret, 0, sizeof *ret);
	for (;;) {
		if (hash != NULL && !is_zero(hash)) {
			if (reparse && ret->reparse == NULL)
				ret->reparse = hash;
			else if (ret->main == NULL)
				ret->main = hash;
		}
		if (left-- == 0)
			break;
		if (!is_first_visit(tree, streams) || !next_stream(tree, &streams, &stream))
			return false;
		hash = stream.name_n == 0 ? stream.hash : NULL;
		if (stream.name_n == 0)
			continue;
		if (is_wof_stream(&stream))
			ret->wof = stream.hash;
		ret->named++;
	}
	*ret_end = streams;
	return true;
}

static enum kith_status add_named(struct tree *tree, const uint8_t *entry, uint64_t at,
				  bool skip_wof, uint32_t node)
{
	unsigned left = kith_get_le16(entry + 96);
	struct stream stream;
	enum kith_status st = KITH_OK;

	while (left-- > 0 && st >= 0 && next_stream(tree, &at, &stream)) {
		uint32_t name;

		if (stream.name_n == 0 || (skip_wof && is_wof_stream(&stream)))
			continue;
		st = add_name(tree->wim, stream.name, stream.name_n, &name);
		if (st >= 0)
			st = add_record(tree->wim, stream.hash, node, name);
	}
	return st;
}

static enum kith_status add_reparse(struct wim *wim, const struct streams *s, uint32_t tag,
				    uint32_t node)
{
	if (tag == TAG_WOF && s->wof != NULL && s->reparse != NULL)
		return add_wof(wim, s, node);
	if (tag == TAG_WOF)
		return note(wim, KITH_LEDGER_SKIPPED, "its content is in another image", node,
			    WIM_NONE);
	if (tag == TAG_DEDUP)
		return note(wim, KITH_LEDGER_SKIPPED, "deduplicated: its content is elsewhere",
			    node, WIM_NONE);
	if (tag == TAG_SYMLINK || tag == TAG_MOUNT || s->main == NULL)
		return emit_bare(wim, KITH_ENTRY_OTHER, node, WIM_NONE);
	return add_record(wim, s->main, node, WIM_NONE);
}

/* All that an entry holds. at: of its streams; *ret_end: behind them. */
static enum kith_status add_contents(struct tree *tree, const uint8_t *entry, uint64_t at,
				     uint32_t node, uint64_t *ret_end)
{
	struct wim *wim = tree->wim;
	uint32_t attributes = kith_get_le32(entry + 8), tag = kith_get_le32(entry + 88);
	struct streams s;
	enum kith_status st = KITH_OK;

	if (!sort_streams(tree, entry, at, ret_end, &s)) {
		*ret_end = tree->n; /* what follows in its directory is lost, too */
		return note(wim, KITH_LEDGER_FAILED, "damaged entries of a directory", node,
			    WIM_NONE);
	}
	if (s.reparse != NULL) { /* which is no content */
		uint32_t blob = wim_table_find(wim, s.reparse);

		if (blob != WIM_NONE)
			wim->blobs[blob].used = true;
	}
	if (attributes & ATTR_ENCRYPTED) {
		uint32_t blob = s.main == NULL ? WIM_NONE : wim_table_find(wim, s.main);

		if (blob != WIM_NONE)
			wim->blobs[blob].used = true;
		return attributes & ATTR_DIRECTORY
			   ? KITH_OK
			   : note(wim, KITH_LEDGER_FAILED, "encrypted", node, WIM_NONE);
	}
	if (attributes & ATTR_REPARSE) {
		if ((attributes & ATTR_DIRECTORY) == 0 || tag == TAG_SYMLINK || tag == TAG_MOUNT)
			st = add_reparse(wim, &s, tag, node);
	} else if ((attributes & ATTR_DIRECTORY) == 0) {
		st = add_record(wim, s.main == NULL ? no_hash : s.main, node, WIM_NONE);
	}
	if (st >= 0 && s.named > 0)
		st =
		    add_named(tree, entry, at, (attributes & ATTR_REPARSE) && tag == TAG_WOF, node);
	return st;
}

static enum kith_status push(struct tree *tree, uint64_t offset, uint32_t node, uint32_t depth,
			     size_t path_n)
{
	void *array = tree->waiting;
	bool ok;

	if (depth > DEPTH_MAX || path_n > KITH_LIMIT_ENTRY_NAME)
		return note(tree->wim, KITH_LEDGER_FAILED, "over a limit: depth of folders", node,
			    WIM_NONE);
	ok = wim_grow(&array, &tree->cap_waiting, tree->n_waiting, sizeof *tree->waiting);
	tree->waiting = array;
	if (!ok)
		return kith_fail_nomem(tree->wim->err);
	tree->waiting[tree->n_waiting++] = (struct waiting){offset, node, depth, (uint32_t)path_n};
	return KITH_OK;
}

/* One entry of a directory. KITH_END: there are no more. KITH_NOT_FOUND: damaged. *at moves behind
 * it. */
static enum kith_status read_entry(struct tree *tree, const struct waiting *dir, uint64_t *at)
{
	struct wim *wim = tree->wim;
	const uint8_t *p;
	uint64_t length, streams, below;
	size_t name_n;
	uint32_t node, name;
	enum kith_status st;

	if ((*at & 7) != 0 || *at > tree->n || tree->n - *at < 8)
		return KITH_NOT_FOUND;
	p = tree->data + *at;
	length = kith_get_le64(p);
	if (length == 0)
		return KITH_END;
	if (length < ENTRY_BYTES || length > tree->n - *at)
		return KITH_NOT_FOUND;
	if (!is_first_visit(tree, *at))
		return KITH_NOT_FOUND;
	name_n = kith_get_le16(p + 100);
	if (name_n > length - ENTRY_BYTES)
		return KITH_NOT_FOUND;
	streams = *at + ((length + 7) & ~UINT64_C(7));
	below = kith_get_le64(p + 16);
	st = add_name(wim, p + ENTRY_BYTES, name_n, &name);
	if (st >= 0)
		st = add_node(wim, dir->node, name, &node);
	if (st < 0)
		return st;
	if ((kith_get_le32(p + 8) & ATTR_DIRECTORY) && below != 0)
		st = push(tree, below, node, dir->depth + 1,
			  dir->path_n + 1 + kith_get_le16(wim->names.data + name));
	if (st >= 0 && name_n < 2)
		st = note(wim, KITH_LEDGER_FAILED, "an entry without a name in a folder", dir->node,
			  WIM_NONE);
	if (st >= 0)
		st = add_contents(tree, p, streams, node, at);
	return st < 0 ? st : KITH_OK;
}

static enum kith_status read_directory(struct tree *tree, const struct waiting *dir)
{
	uint64_t at = dir->offset;
	enum kith_status st;

	do {
		st = read_entry(tree, dir, &at);
	} while (st == KITH_OK);
	if (st == KITH_NOT_FOUND)
		st = note(tree->wim, KITH_LEDGER_FAILED, "damaged entries of a directory",
			  dir->node, WIM_NONE);
	return st;
}

/* The name of an image's root: its number, when there are several. */
static enum kith_status add_root(struct wim *wim, unsigned image, uint32_t *ret)
{
	uint8_t utf16[2 * 10];
	uint32_t name;
	size_t n = sizeof utf16;
	enum kith_status st;

	for (; wim->n_images > 1 && image > 0; image /= 10) {
		utf16[--n] = 0;
		utf16[--n] = (uint8_t)('0' + image % 10);
	}
	st = add_name(wim, utf16 + n, sizeof utf16 - n, &name);
	return st < 0 ? st : add_node(wim, WIM_NONE, name, ret);
}

enum kith_status wim_tree_read(struct wim *wim, unsigned image, const uint8_t *data, size_t n)
{
	struct tree tree = {.wim = wim, .data = data, .n = n};
	uint64_t root, below;
	uint32_t node, security;
	enum kith_status st;

	st = add_root(wim, image, &node);
	if (st < 0)
		return st;
	security = n < 8 ? 0 : kith_get_le32(data);
	root = security < 8 ? 8 : ((uint64_t)security + 7) & ~UINT64_C(7);
	if (root > n || n - root < ENTRY_BYTES || kith_get_le64(data + root) < ENTRY_BYTES)
		return note(wim, KITH_LEDGER_FAILED, "an image has no root", node, WIM_NONE);
	tree.seen = calloc(n / 64 + 1, 1);
	if (tree.seen == NULL)
		return kith_fail_nomem(wim->err);
	(void)is_first_visit(&tree, root);
	below = kith_get_le64(data + root + 16);
	if (below != 0)
		st = push(&tree, below, node, 0, 10);
	if (st >= 0) { /* a root may have named streams */
		uint64_t end;

		st = add_contents(&tree, data + root,
				  root + ((kith_get_le64(data + root) + 7) & ~UINT64_C(7)), node,
				  &end);
	}
	while (st >= 0 && tree.n_waiting > 0) {
		struct waiting dir = tree.waiting[--tree.n_waiting];

		st = read_directory(&tree, &dir);
	}
	free(tree.seen);
	free(tree.waiting);
	return st < 0 ? st : KITH_OK;
}

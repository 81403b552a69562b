/* SPDX-License-Identifier: Apache-2.0 */
/*
 * squashfs.c: squashfs 4.0 images, snaps among them. libsquashfs reads tables, directories, inodes
 * and single blocks; which blocks make a file, and that a file is as long as it says, is decided
 * here. (The format: doc/format.adoc of squashfs-tools-ng; Documentation/filesystems/squashfs.rst
 * of Linux.) Where all blocks of a file are stored as they are, it is read in place.
 *
 * What must hold: a directory is entered once, by the place of its inode; an inode's second name is
 * a link to the first.
 */
#include <stdlib.h>
#include <string.h>

#include <sqfs/block.h>
#include <sqfs/compressor.h>
#include <sqfs/dir.h>
#include <sqfs/error.h>
#include <sqfs/frag_table.h>
#include <sqfs/inode.h>
#include <sqfs/io.h>
#include <sqfs/meta_reader.h>
#include <sqfs/super.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/limits.h"
#include "containers/behind.h"
#include "containers/squashfs.h"

#define DEPTH_MAX     4096u
#define CACHED_BLOCKS 16u                /* of fragments; a block is 1 MiB at most */
#define SNAP_YAML_MAX ((size_t)64 << 10) /* real ones have some kilobytes */
#define NO_FRAGMENT   0xffffffffu

struct file {             /* the library's view of the blob */
	sqfs_file_t base; /* first */
	const struct kith_blob *blob;
};

struct frame {
	sqfs_readdir_state_t state;
	size_t path_n; /* with the slash behind it */
};

struct cached {
	bool valid;
	uint32_t index;
	uint64_t used; /* the clock when it was used last */
	uint8_t *data; /* owned; a block */
	size_t n;
};

struct squashfs {
	struct kith_emit *emit;
	struct file file;
	sqfs_super_t super;
	sqfs_compressor_t *compressor;
	sqfs_frag_table_t *fragments;
	sqfs_meta_reader_t *dirs, *inodes;
	struct cached cache[CACHED_BLOCKS];
	uint64_t clock;
	uint8_t *in, *out; /* owned; a block each */
	struct kith_buf path, extents, yaml;
	bool keep_yaml; /* the file that is being read is meta/snap.yaml */
	struct kith_inode_names names;
	struct frame *frames; /* owned; DEPTH_MAX */
	unsigned depth;
};

/* ------------------------------------------------------------- the library */

static int read_at(sqfs_file_t *base, sqfs_u64 offset, void *buf, size_t n)
{
	enum kith_status st =
	    kith_blob_read(((struct file *)(void *)base)->blob, offset, buf, n, NULL);

	return st >= 0 ? 0 : st == KITH_E_IO ? SQFS_ERROR_IO : SQFS_ERROR_OUT_OF_BOUNDS;
}

static sqfs_u64 get_size(const sqfs_file_t *base)
{
	return ((const struct file *)(const void *)base)->blob->size;
}

static int write_at(sqfs_file_t *base, sqfs_u64 offset, const void *buf, size_t n)
{
	(void)base;
	(void)offset;
	(void)buf;
	(void)n;
	return SQFS_ERROR_UNSUPPORTED;
}

static int truncate_to(sqfs_file_t *base, sqfs_u64 n)
{
	(void)base;
	(void)n;
	return SQFS_ERROR_UNSUPPORTED;
}

static const char *error_text(int code)
{
	switch (code) {
	case SQFS_ERROR_IO: return "it cannot be read";
	case SQFS_ERROR_COMPRESSOR: return "a block cannot be decompressed";
	case SQFS_ERROR_UNSUPPORTED: return "it has a feature that is not known";
	case SQFS_ERROR_OUT_OF_BOUNDS: return "it leads out of the image";
	default: return "it is damaged";
	}
}

static enum kith_status fail(struct kith_err *err, const char *what, int code)
{
	if (code == SQFS_ERROR_ALLOC)
		return kith_fail_nomem(err);
	return kith_fail(err, KITH_E_CORRUPT, "%s: %s", what, error_text(code));
}

static enum kith_status note(struct squashfs *s, const char *reason, struct kith_err *err)
{
	return kith_emit_note(s->emit, KITH_LEDGER_FAILED, reason, s->path.data, s->path.n, err);
}

/* -------------------------------------------------------------------- data */

/* The block of n bytes on disk that ought to have `plain` bytes, or up to that many when ret_n is
 * given, into out. A fault's words are in why. */
static enum kith_status read_block(struct squashfs *s, uint64_t offset, uint32_t size, size_t plain,
				   uint8_t *out, size_t *ret_n, struct kith_err *why)
{
	uint32_t n = SQFS_ON_DISK_BLOCK_SIZE(size);
	bool packed = SQFS_IS_BLOCK_COMPRESSED(size);
	enum kith_status st;
	sqfs_s32 got;

	if (n > s->super.block_size)
		return kith_fail(why, KITH_E_CORRUPT, "a block of %u bytes", n);
	st = kith_blob_read(s->file.blob, offset, packed ? s->in : out, n, why);
	if (st < 0)
		return st;
	got = (sqfs_s32)n;
	if (packed)
		got = s->compressor->do_block(s->compressor, s->in, n, out, s->super.block_size);
	if (got == SQFS_ERROR_ALLOC)
		return kith_fail_nomem(why);
	if (got <= 0 || (ret_n == NULL ? (size_t)got != plain : (size_t)got > plain))
		return kith_fail(why, KITH_E_CORRUPT, "the block at offset %llu is damaged",
				 (unsigned long long)offset);
	if (ret_n != NULL)
		*ret_n = (size_t)got;
	return KITH_OK;
}

/* The fragment block with that index; the one that was not used for longest makes room. */
static enum kith_status get_fragments(struct squashfs *s, uint32_t index, struct cached **ret,
				      struct kith_err *why)
{
	struct cached *slot = &s->cache[0];
	sqfs_fragment_t at;
	enum kith_status st;
	size_t i;

	s->clock++;
	for (i = 0; i < CACHED_BLOCKS; i++) {
		struct cached *c = &s->cache[i];

		if (c->valid && c->index == index) {
			c->used = s->clock;
			*ret = c;
			return KITH_OK;
		}
		if (c->used < slot->used)
			slot = c;
	}
	if (s->fragments == NULL || sqfs_frag_table_lookup(s->fragments, index, &at) != 0)
		return kith_fail(why, KITH_E_CORRUPT, "there is no fragment %u", index);
	if (slot->data == NULL)
		slot->data = malloc(s->super.block_size);
	if (slot->data == NULL)
		return kith_fail_nomem(why);
	slot->valid = false;
	st =
	    read_block(s, at.start_offset, at.size, s->super.block_size, slot->data, &slot->n, why);
	if (st < 0)
		return st;
	slot->valid = true;
	slot->index = index;
	slot->used = s->clock;
	*ret = slot;
	return KITH_OK;
}

struct data { /* of a file */
	const sqfs_inode_generic_t *inode;
	uint64_t size, start;
	uint32_t fragment, fragment_offset;
	size_t blocks;
	size_t tail; /* bytes in the fragment */
	bool sparse;
};

/* What the inode says; false: it contradicts itself. */
static bool get_data(const struct squashfs *s, const sqfs_inode_generic_t *inode, struct data *ret)
{
	sqfs_u64 size, start;
	sqfs_u32 index, offset;
	uint64_t in_blocks;
	size_t i;

	if (sqfs_inode_get_file_size(inode, &size) != 0 ||
	    sqfs_inode_get_file_block_start(inode, &start) != 0 ||
	    sqfs_inode_get_frag_location(inode, &index, &offset) != 0)
		return false;
	*ret = (struct data){.inode = inode,
			     .size = size,
			     .start = start,
			     .fragment = index,
			     .fragment_offset = offset,
			     .blocks = sqfs_inode_get_file_block_count(inode)};
	in_blocks = size;
	if (index != NO_FRAGMENT) {
		ret->tail = (size_t)(size % s->super.block_size);
		in_blocks -= ret->tail;
	}
	for (i = 0; i < ret->blocks; i++)
		ret->sparse |= SQFS_IS_SPARSE_BLOCK(inode->extra[i]);
	return ret->blocks ==
	       in_blocks / s->super.block_size + (in_blocks % s->super.block_size != 0 ? 1 : 0);
}

/* Where a file lies whose blocks are all stored as they are. *ret: false when they are not. */
static enum kith_status map_file(struct squashfs *s, const struct data *d, bool *ret,
				 struct kith_err *err)
{
	struct kith_extent extent = {d->start, 0};
	sqfs_fragment_t at;
	size_t i;

	*ret = false;
	s->extents.n = 0;
	for (i = 0; i < d->blocks; i++) {
		uint64_t left = d->size - d->tail - i * (uint64_t)s->super.block_size;

		if (left > s->super.block_size)
			left = s->super.block_size;
		if (SQFS_IS_BLOCK_COMPRESSED(d->inode->extra[i]) ||
		    SQFS_ON_DISK_BLOCK_SIZE(d->inode->extra[i]) != left)
			return KITH_OK;
		extent.bytes += left;
	}
	if (extent.bytes > 0 && !kith_buf_add(&s->extents, &extent, sizeof extent))
		return kith_fail_nomem(err);
	if (d->tail > 0) {
		if (s->fragments == NULL ||
		    sqfs_frag_table_lookup(s->fragments, d->fragment, &at) != 0 ||
		    SQFS_IS_BLOCK_COMPRESSED(at.size) ||
		    (uint64_t)d->fragment_offset + d->tail > SQFS_ON_DISK_BLOCK_SIZE(at.size) ||
		    __builtin_add_overflow(at.start_offset, d->fragment_offset, &extent.offset))
			return KITH_OK;
		extent.bytes = d->tail;
		if (!kith_buf_add(&s->extents, &extent, sizeof extent))
			return kith_fail_nomem(err);
	}
	*ret = true;
	return KITH_OK;
}

/* KITH_END: the emitter wants no more of it. Faults of the image are in why, and KITH_E_CORRUPT. */
static enum kith_status push_data(struct squashfs *s, const uint8_t *p, size_t n,
				  struct kith_err *err)
{
	if (s->keep_yaml && !kith_buf_add(&s->yaml, p, n))
		return kith_fail_nomem(err);
	return kith_emit_data(s->emit, p, n, err);
}

static enum kith_status push_file(struct squashfs *s, const struct kith_entry *entry,
				  const struct data *d, struct kith_err *err)
{
	uint64_t offset = d->start, left = d->size - d->tail;
	struct kith_err why = {0};
	struct cached *c = NULL;
	enum kith_status st = kith_emit_begin(s->emit, entry, err);
	size_t i;

	if (st != KITH_OK)
		return st < 0 ? st : KITH_OK;
	for (i = 0; i < d->blocks; i++) {
		uint32_t size = d->inode->extra[i];
		size_t n = left < s->super.block_size ? (size_t)left : s->super.block_size;

		left -= n;
		if (SQFS_IS_SPARSE_BLOCK(size)) {
			st = kith_emit_zeros(s->emit, n, err);
		} else {
			if (read_block(s, offset, size, n, s->out, NULL, &why) < 0)
				goto damaged;
			st = push_data(s, s->out, n, err);
			offset += SQFS_ON_DISK_BLOCK_SIZE(size);
		}
		if (st != KITH_OK)
			return st < 0 ? st : KITH_OK;
	}
	if (d->tail > 0) {
		if (get_fragments(s, d->fragment, &c, &why) < 0 || c == NULL)
			goto damaged;
		if (d->fragment_offset > c->n || d->tail > c->n - d->fragment_offset) {
			(void)kith_fail(&why, KITH_E_CORRUPT, "its end is outside of its fragment");
			goto damaged;
		}
		st = push_data(s, c->data + d->fragment_offset, d->tail, err);
		if (st != KITH_OK)
			return st < 0 ? st : KITH_OK;
	}
	return kith_emit_end(s->emit, err);
damaged:
	if (why.status == KITH_E_NOMEM)
		return kith_fail_nomem(err);
	return kith_emit_damaged(s->emit, "damaged", why.msg, err);
}

static enum kith_status emit_file(struct squashfs *s, const sqfs_inode_generic_t *inode,
				  bool may_be_linked, struct kith_err *err)
{
	static const char snap_yaml[] = "meta/snap.yaml";
	struct kith_entry entry = {.kind = KITH_ENTRY_FILE,
				   .name = s->path.data,
				   .name_n = s->path.n,
				   .has_size = true,
				   .may_be_linked = may_be_linked};
	struct data d;
	bool in_place;
	enum kith_status st;

	if (!get_data(s, inode, &d))
		return note(s, "damaged inode", err);
	entry.size = d.size;
	entry.sparse = d.sparse;
	s->yaml.n = 0;
	s->keep_yaml = d.size <= SNAP_YAML_MAX && s->path.n == sizeof snap_yaml - 1 &&
		       memcmp(s->path.data, snap_yaml, s->path.n) == 0;
	st = map_file(s, &d, &in_place, err);
	if (st < 0)
		return st;
	if (in_place && !s->keep_yaml)
		return kith_emit_in_place(s->emit, &entry,
					  (const struct kith_extent *)(const void *)s->extents.data,
					  s->extents.n / sizeof(struct kith_extent), err);
	st = push_file(s, &entry, &d, err);
	if (st >= 0 && s->keep_yaml && s->yaml.n == d.size && d.size > 0)
		st = kith_snap_facts(s->emit, s->yaml.data, s->yaml.n, err);
	return st;
}

/* -------------------------------------------------------------------- tree */

/* Goes into the directory; its path is s->path. */
static enum kith_status enter(struct squashfs *s, const sqfs_inode_generic_t *inode,
			      struct kith_err *err)
{
	struct frame *frame = &s->frames[s->depth];

	if (s->depth == DEPTH_MAX)
		return note(s, "over a limit: folders in folders", err);
	if (sqfs_readdir_state_init(&frame->state, &s->super, inode) != 0)
		return note(s, "damaged directory", err);
	if (s->depth > 0 && !kith_buf_add_byte(&s->path, '/'))
		return kith_fail_nomem(err);
	frame->path_n = s->path.n;
	s->depth++;
	return KITH_OK;
}

static uint32_t link_count(const sqfs_inode_generic_t *inode)
{
	return inode->base.type == SQFS_INODE_EXT_FILE ? inode->data.file_ext.nlink : 1;
}

/* The entry whose path is s->path and whose inode lies at `place`. */
static enum kith_status take_inode(struct squashfs *s, const sqfs_inode_generic_t *inode,
				   uint64_t place, struct kith_err *err)
{
	bool is_dir = inode->base.type == SQFS_INODE_DIR || inode->base.type == SQFS_INODE_EXT_DIR;
	bool is_file =
	    inode->base.type == SQFS_INODE_FILE || inode->base.type == SQFS_INODE_EXT_FILE;
	bool linked = is_file && link_count(inode) > 1;
	struct kith_entry other = {
	    .kind = KITH_ENTRY_OTHER, .name = s->path.data, .name_n = s->path.n};
	struct kith_bytes first;
	enum kith_status st;

	if (is_dir || linked) {
		st = kith_inode_names_add(&s->names, place, s->path.data, is_dir ? 0 : s->path.n,
					  &first, err);
		if (st < 0)
			return st;
		if (st == KITH_END)
			return is_dir ? note(s, "directory loop", err)
				      : kith_emit_link(s->emit, s->path.data, s->path.n, first.data,
						       first.n, err);
	}
	if (is_file)
		return emit_file(s, inode, linked, err);
	st = kith_emit_begin(s->emit, &other, err);
	return st < 0 || !is_dir ? st : enter(s, inode, err);
}

static enum kith_status take_entry(struct squashfs *s, const sqfs_dir_entry_t *entry,
				   uint64_t place, struct kith_err *err)
{
	sqfs_inode_generic_t *inode = NULL;
	enum kith_status st;
	int code;

	if (!kith_buf_add(&s->path, entry->name, (size_t)entry->size + 1))
		return kith_fail_nomem(err);
	if (s->path.n >= KITH_LIMIT_ENTRY_NAME)
		return note(s, "over a limit: path length", err);
	code =
	    sqfs_meta_reader_read_inode(s->inodes, &s->super, place >> 16, place & 0xffffu, &inode);
	if (code != 0) /* SQFS_ERROR_ALLOC, too: its list of blocks is absurd */
		return note(s, "damaged inode", err);
	st = take_inode(s, inode, place, err);
	sqfs_free(inode);
	return st;
}

static enum kith_status walk_tree(struct squashfs *s, struct kith_err *err)
{
	uint64_t root_place = s->super.root_inode_ref;
	sqfs_inode_generic_t *root = NULL;
	struct kith_bytes first;
	enum kith_status st;
	int code = sqfs_meta_reader_read_inode(s->inodes, &s->super, root_place >> 16,
					       root_place & 0xffffu, &root);

	if (code != 0)
		return fail(err, "the root directory's inode", code);
	st = kith_inode_names_add(&s->names, root_place, NULL, 0, &first, err);
	if (st >= 0)
		st = enter(s, root, err);
	sqfs_free(root);
	while (st >= 0 && s->depth > 0) {
		struct frame *frame = &s->frames[s->depth - 1];
		sqfs_dir_entry_t *entry = NULL;
		sqfs_u64 place;
		sqfs_u32 number;

		s->path.n = frame->path_n;
		code = sqfs_meta_reader_readdir(s->dirs, &frame->state, &entry, &number, &place);
		if (code == 0) {
			st = take_entry(s, entry, place, err);
			sqfs_free(entry);
			continue;
		}
		if (code < 0)
			st = code == SQFS_ERROR_ALLOC ? kith_fail_nomem(err)
						      : note(s, "damaged directory", err);
		s->depth--;
	}
	return st;
}

/* ------------------------------------------------------------------- image */

static enum kith_status read_super(struct squashfs *s, struct kith_err *err)
{
	uint8_t head[32];
	int code;
	enum kith_status st = kith_blob_read(s->file.blob, 0, head, sizeof head, err);

	if (st < 0)
		return st;
	code = sqfs_super_read(&s->super, &s->file.base);
	/* The version stands at the same place in all of them. */
	if (code == SFQS_ERROR_SUPER_VERSION || code == SFQS_ERROR_SUPER_MAGIC)
		return kith_fail(
		    err, KITH_E_UNSUPPORTED, "squashfs %u.%u: only version 4.0 can be read",
		    (unsigned)(head[28] | head[29] << 8), (unsigned)(head[30] | head[31] << 8));
	if (code != 0)
		return fail(err, "the superblock", code);
	if (s->super.bytes_used > s->file.blob->size)
		return kith_emit_note(s->emit, KITH_LEDGER_FAILED, "damaged: the image is cut off",
				      NULL, 0, err);
	return KITH_OK;
}

static enum kith_status make_compressor(struct squashfs *s, struct kith_err *err)
{
	sqfs_compressor_config_t config;
	const char *name = sqfs_compressor_name_from_id((SQFS_COMPRESSOR)s->super.compression_id);
	int code = sqfs_compressor_config_init(&config, (SQFS_COMPRESSOR)s->super.compression_id,
					       s->super.block_size, SQFS_COMP_FLAG_UNCOMPRESS);

	if (code == 0)
		code = sqfs_compressor_create(&config, &s->compressor);
	if (code == SQFS_ERROR_UNSUPPORTED)
		return kith_fail(err, KITH_E_UNSUPPORTED,
				 "it is compressed with %s, which libsquashfs was built without",
				 name == NULL ? "an unknown method" : name);
	return code == 0 ? KITH_OK : fail(err, "its compression", code);
}

/* Where the table of directories ends: where the next one begins. */
static uint64_t dirs_end(const sqfs_super_t *super)
{
	uint64_t end = super->id_table_start;

	if (super->fragment_table_start < end)
		end = super->fragment_table_start;
	if (super->export_table_start < end)
		end = super->export_table_start;
	return end;
}

static enum kith_status open_image(struct squashfs *s, struct kith_err *err)
{
	enum kith_status st = read_super(s, err);
	int code = 0;

	if (st >= 0)
		st = make_compressor(s, err);
	if (st < 0)
		return st;
	s->in = malloc(s->super.block_size);
	s->out = malloc(s->super.block_size);
	s->frames = calloc(DEPTH_MAX, sizeof *s->frames);
	s->inodes =
	    sqfs_meta_reader_create(&s->file.base, s->compressor, s->super.inode_table_start,
				    s->super.directory_table_start);
	s->dirs = sqfs_meta_reader_create(&s->file.base, s->compressor,
					  s->super.directory_table_start, dirs_end(&s->super));
	s->fragments = sqfs_frag_table_create(0);
	if (s->in == NULL || s->out == NULL || s->frames == NULL || s->inodes == NULL ||
	    s->dirs == NULL || s->fragments == NULL)
		return kith_fail_nomem(err);
	/* The library asks for memory for as many as the superblock claims. A block of the table
	 * has 512 entries, and there is a pointer of 8 bytes to each. */
	if (s->super.fragment_entry_count / 64 > s->file.blob->size)
		code = SQFS_ERROR_CORRUPTED;
	else if (s->super.fragment_entry_count > 0 &&
		 (s->super.flags & SQFS_FLAG_NO_FRAGMENTS) == 0)
		code = sqfs_frag_table_read(s->fragments, &s->file.base, &s->super, s->compressor);
	if (code != 0) {
		/* Files without a fragment can be read. */
		sqfs_destroy(s->fragments);
		s->fragments = NULL;
		return kith_emit_note(s->emit, KITH_LEDGER_FAILED, "damaged fragment table", NULL,
				      0, err);
	}
	return KITH_OK;
}

static enum kith_status walk(const struct kith_container_in *in, struct kith_err *err)
{
	struct squashfs *s = calloc(1, sizeof *s);
	enum kith_status st;
	size_t i;

	if (s == NULL)
		return kith_fail_nomem(err);
	s->emit = in->emit;
	s->file.blob = in->blob;
	s->file.base.read_at = read_at;
	s->file.base.write_at = write_at;
	s->file.base.get_size = get_size;
	s->file.base.truncate = truncate_to;
	st = open_image(s, err);
	if (st >= 0)
		st = walk_tree(s, err);
	if (st >= 0 && s->super.bytes_used < in->blob->size)
		st = kith_emit_behind(in, s->super.bytes_used, "behind the image",
				      "data behind the file system", err);
	sqfs_destroy(s->fragments);
	sqfs_destroy(s->dirs);
	sqfs_destroy(s->inodes);
	sqfs_destroy(s->compressor);
	for (i = 0; i < CACHED_BLOCKS; i++)
		free(s->cache[i].data);
	free(s->in);
	free(s->out);
	free(s->frames);
	kith_buf_done(&s->path);
	kith_buf_done(&s->extents);
	kith_buf_done(&s->yaml);
	kith_inode_names_done(&s->names);
	free(s);
	return st < 0 ? st : KITH_OK;
}

const struct kith_container_ops kith_container_squashfs = {.id = "squashfs", .walk = walk};

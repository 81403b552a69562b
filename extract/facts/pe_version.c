/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pe_version.c: the version resource of a Windows program: company, product, product version. By
 * Microsoft's "PE Format" (".rsrc") and "VS_VERSIONINFO structure".
 *
 * What bounds it: three levels of folders, of each at most ENTRIES_MAX entries, one resource of at
 * most RESOURCE_MAX bytes, over which the nested blocks are read once each from front to back.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/utf.h"
#include "facts/inspect.h"
#include "facts/pe.h"

#define ENTRIES_MAX  4096u
#define RESOURCE_MAX ((size_t)64 << 10)
#define RT_VERSION   16u
#define US_ENGLISH   0x409u
#define FIXED_BYTES  52u

struct program {
	const struct kith_blob *blob;
	struct kith_pe pe;
	uint64_t at, bytes; /* of the resources, in the file */
};

bool wants_pe_version(struct kith_bytes path, struct kith_bytes head)
{
	(void)path;
	return head.n >= 64 && head.data[0] == 'M' && head.data[1] == 'Z' &&
	       kith_get_le32(head.data + 60) < UINT32_MAX - 4;
}

static enum kith_status read_blob(void *user, uint64_t offset, void *buf, size_t n,
				  struct kith_err *err)
{
	return kith_blob_read(user, offset, buf, n, err);
}

/* n bytes at an offset of the resources. */
static bool get(const struct program *p, uint64_t offset, void *buf, size_t n)
{
	return offset <= p->bytes && n <= p->bytes - offset &&
	       kith_blob_read(p->blob, p->at + offset, buf, n, NULL) >= 0;
}

/*
 * An entry of the folder at *offset: the one with the id `wanted`, or, where that is not there and
 * any will do, the first. Moves *offset to what it leads to.
 */
static bool descend(const struct program *p, uint32_t *offset, uint32_t wanted, bool any,
		    bool *ret_is_folder)
{
	uint8_t header[16], entries[64 * 8];
	uint32_t found_at = 0;
	unsigned n, i, done;
	bool found = false, exact = false;

	if (!get(p, *offset, header, sizeof header))
		return false;
	n = (unsigned)kith_get_le16(header + 12) + kith_get_le16(header + 14);
	if (n > ENTRIES_MAX)
		n = ENTRIES_MAX;
	for (done = 0; done < n && !exact; done += 64) {
		unsigned now = n - done < 64 ? n - done : 64;

		if (!get(p, (uint64_t)*offset + 16 + 8 * (uint64_t)done, entries, 8 * (size_t)now))
			return false;
		for (i = 0; i < now && !exact; i++) {
			uint32_t to = kith_get_le32(entries + 8 * (size_t)i + 4);

			exact = kith_get_le32(entries + 8 * (size_t)i) == wanted;
			if (!exact && (!any || found))
				continue;
			found = true;
			*ret_is_folder = (to & 0x80000000u) != 0;
			found_at = to & 0x7fffffffu;
		}
	}
	if (found)
		*offset = found_at;
	return found;
}

/* The bytes of the version resource; NULL: there are none. Freed by the caller. */
static uint8_t *read_resource(struct program *p, size_t *ret_n)
{
	uint32_t offset = 0;
	bool is_folder;
	uint8_t entry[16], *bytes;
	uint64_t at, left;
	size_t n;

	/* type, name, language */
	if (!descend(p, &offset, RT_VERSION, false, &is_folder) || !is_folder ||
	    !descend(p, &offset, 1, true, &is_folder))
		return NULL;
	if (is_folder && (!descend(p, &offset, US_ENGLISH, true, &is_folder) || is_folder))
		return NULL;
	if (!get(p, offset, entry, sizeof entry) ||
	    !kith_pe_find(&p->pe, kith_get_le32(entry), &at, &left))
		return NULL;
	n = kith_get_le32(entry + 4);
	if (n > left)
		n = (size_t)left;
	if (n < 6 || n > RESOURCE_MAX)
		return NULL;
	bytes = malloc(n);
	if (bytes != NULL && kith_blob_read(p->blob, at, bytes, n, NULL) < 0) {
		free(bytes);
		return NULL;
	}
	*ret_n = n;
	return bytes;
}

/* A block of the resource: a name, a value, blocks in it. All in `data`. */
struct block {
	const uint8_t *data;
	size_t n;
	size_t key, key_n; /* UTF-16, bytes without the NUL */
	size_t value, value_n;
	size_t inner; /* where the blocks in it begin */
};

static size_t align4(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

/*
 * The block at *at of the n bytes of `data`, which begins at a multiple of 4 of the resource, as
 * all blocks do. Moves *at behind it.
 */
static bool next_block(const uint8_t *data, size_t n, size_t *at, struct block *ret)
{
	size_t length, value_n, i;

	if (n < 6 || *at > n - 6)
		return false;
	length = kith_get_le16(data + *at);
	value_n = kith_get_le16(data + *at + 2);
	if (length < 6)
		return false;
	if (length > n - *at)
		length = n - *at;
	ret->data = data + *at;
	ret->n = length;
	ret->key = 6;
	for (i = 6; i + 1 < length && (ret->data[i] != 0 || ret->data[i + 1] != 0); i += 2)
		;
	ret->key_n = i - 6;
	ret->value = align4(i + 2);
	if (kith_get_le16(data + *at + 4) == 1) /* text: its length is in characters, some writers'
					      in bytes */
		value_n *= 2;
	if (ret->value > length)
		ret->value = length;
	if (value_n > length - ret->value)
		value_n = length - ret->value;
	ret->value_n = value_n;
	ret->inner = align4(ret->value + value_n);
	if (ret->inner > length)
		ret->inner = length;
	*at = align4(*at + length);
	return true;
}

static bool key_is(const struct block *block, const char *key)
{
	size_t i, n = strlen(key);

	if (block->key_n != 2 * n)
		return false;
	for (i = 0; i < n; i++)
		if (block->data[block->key + 2 * i] != (uint8_t)key[i] ||
		    block->data[block->key + 2 * i + 1] != 0)
			return false;
	return true;
}

/* Up to the NUL. */
static bool to_utf8(const uint8_t *p, size_t n, struct kith_buf *to)
{
	size_t i;

	to->n = 0;
	for (i = 0; i + 1 < n && kith_get_le16(p + i) != 0; i += 2)
		;
	return kith_utf16_add(to, p, i);
}

struct claims {
	struct kith_buf company, product, version;
};

/* A table of strings for one language. */
static void read_strings(const struct block *table, struct claims *claims)
{
	size_t at = 0;
	struct block string;
	static const char *const keys[] = {"CompanyName", "ProductName", "ProductVersion"};
	struct kith_buf *const to[] = {&claims->company, &claims->product, &claims->version};
	size_t i;

	while (next_block(table->data + table->inner, table->n - table->inner, &at, &string))
		for (i = 0; i < 3; i++)
			if (key_is(&string, keys[i]) && to[i]->n == 0)
				(void)to_utf8(string.data + string.value, string.n - string.value,
					      to[i]);
}

/* VS_FIXEDFILEINFO: the product's version is two numbers at 16, of two parts each. */
static void read_fixed(const struct block *root, struct claims *claims)
{
	const uint8_t *f = root->data + root->value;
	char text[32];
	int n;

	if (root->value_n < FIXED_BYTES || kith_get_le32(f) != 0xfeef04bdu ||
	    kith_get_le64(f + 16) == 0)
		return;
	n = snprintf(text, sizeof text, "%u.%u.%u.%u", kith_get_le16(f + 18), kith_get_le16(f + 16),
		     kith_get_le16(f + 22), kith_get_le16(f + 20));
	(void)kith_buf_add(&claims->version, text, (size_t)n);
}

static void read_claims(const uint8_t *data, size_t n, struct claims *claims)
{
	struct block root, info, table;
	size_t at = 0, in_root = 0, in_info = 0;

	if (!next_block(data, n, &at, &root) || !key_is(&root, "VS_VERSION_INFO"))
		return;
	while (next_block(root.data + root.inner, root.n - root.inner, &in_root, &info)) {
		if (!key_is(&info, "StringFileInfo"))
			continue;
		in_info = 0;
		/* the first table that has something; others are translations */
		while (next_block(info.data + info.inner, info.n - info.inner, &in_info, &table))
			read_strings(&table, claims);
	}
	if (text_trim((struct kith_bytes){claims->version.data, claims->version.n}).n == 0) {
		claims->version.n = 0;
		read_fixed(&root, claims);
	}
}

static struct kith_bytes bytes_in(const struct kith_buf *buf)
{
	return (struct kith_bytes){buf->data, buf->n};
}

enum kith_status inspect_pe_version(const struct kith_inspector *inspector,
				    const struct kith_blob *blob, const struct kith_fact_sink *sink,
				    struct kith_err *err)
{
	struct kith_blob copy = *blob; /* read through a pointer that is not const */
	struct claims claims = {0};
	struct program *p = calloc(1, sizeof *p);
	uint8_t *resource = NULL;
	size_t n = 0;

	(void)inspector;
	if (p == NULL)
		return kith_fail_nomem(err);
	p->blob = blob;
	if (kith_pe_read(&p->pe, blob->size, read_blob, &copy, NULL) < 0 ||
	    p->pe.directories[KITH_PE_RESOURCES].bytes == 0 ||
	    !kith_pe_find(&p->pe, p->pe.directories[KITH_PE_RESOURCES].address, &p->at, &p->bytes))
		goto out;
	resource = read_resource(p, &n);
	if (resource == NULL)
		goto out;
	read_claims(resource, n, &claims);
	tell(sink, KITH_FACT_DISTRIBUTOR, WEIGHT_CLAIM, bytes_in(&claims.company));
	tell(sink, KITH_FACT_PRODUCT, WEIGHT_CLAIM, bytes_in(&claims.product));
	tell(sink, KITH_FACT_VERSION, WEIGHT_CLAIM, bytes_in(&claims.version));
out:
	free(resource);
	kith_buf_done(&claims.company);
	kith_buf_done(&claims.product);
	kith_buf_done(&claims.version);
	free(p);
	return KITH_OK;
}

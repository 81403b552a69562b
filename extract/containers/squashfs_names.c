/* SPDX-License-Identifier: Apache-2.0 */
/* squashfs_names.c: inodes and their first names; snap.yaml. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "containers/squashfs.h"

void kith_inode_names_done(struct kith_inode_names *table)
{
	free(table->slots);
	kith_buf_done(&table->names);
	*table = (struct kith_inode_names){0};
}

static size_t find(const struct kith_inode_name *slots, size_t cap, uint64_t inode)
{
	uint64_t h = inode * UINT64_C(0x9e3779b97f4a7c15);
	size_t at;

	for (at = (size_t)(h ^ h >> 32) & (cap - 1); slots[at].inode != 0;
	     at = (at + 1) & (cap - 1))
		if (slots[at].inode == inode + 1)
			break;
	return at;
}

static enum kith_status grow(struct kith_inode_names *table, struct kith_err *err)
{
	size_t cap = table->cap == 0 ? 256 : table->cap * 2, i, bytes;
	struct kith_inode_name *slots = NULL;

	if (kith_mul_size(cap, sizeof *slots, &bytes))
		slots = calloc(1, bytes);
	if (slots == NULL)
		return kith_fail_nomem(err);
	for (i = 0; i < table->cap; i++)
		if (table->slots[i].inode != 0)
			slots[find(slots, cap, table->slots[i].inode - 1)] = table->slots[i];
	free(table->slots);
	table->slots = slots;
	table->cap = cap;
	return KITH_OK;
}

enum kith_status kith_inode_names_add(struct kith_inode_names *table, uint64_t inode,
				      const uint8_t *name, size_t n, struct kith_bytes *ret_name,
				      struct kith_err *err)
{
	struct kith_inode_name *slot;
	enum kith_status st;

	if (table->n + 1 > table->cap / 2) {
		st = grow(table, err);
		if (st < 0)
			return st;
	}
	slot = &table->slots[find(table->slots, table->cap, inode)];
	if (slot->inode != 0) {
		*ret_name = (struct kith_bytes){table->names.data + slot->at, slot->n};
		return KITH_END;
	}
	*slot = (struct kith_inode_name){0, table->names.n, (uint32_t)n};
	if (!kith_buf_add(&table->names, name, n))
		return kith_fail_nomem(err);
	slot->inode = inode + 1;
	table->n++;
	return KITH_OK;
}

/* The value of "key: value" at the beginning of a line, without quotes and what follows a scalar;
 * n is 0 when there is none. snap.yaml is YAML, its name and version are plain scalars on the top
 * level (Snap format: the snap.yaml file). */
static struct kith_bytes yaml_value(const uint8_t *yaml, size_t n, const char *key)
{
	size_t key_n = strlen(key), at = 0;

	while (at < n) {
		const uint8_t *line = yaml + at, *lf = memchr(line, '\n', n - at);
		size_t line_n = lf == NULL ? n - at : (size_t)(lf - line);

		at += line_n + 1;
		if (line_n <= key_n || memcmp(line, key, key_n) != 0 || line[key_n] != ':')
			continue;
		line += key_n + 1;
		line_n -= key_n + 1;
		while (line_n > 0 && (*line == ' ' || *line == '\t')) {
			line++;
			line_n--;
		}
		while (line_n > 0 && (line[line_n - 1] == ' ' || line[line_n - 1] == '\r'))
			line_n--;
		if (line_n >= 2 && (*line == '\'' || *line == '"') && line[line_n - 1] == *line)
			return (struct kith_bytes){line + 1, line_n - 2};
		return (struct kith_bytes){line, line_n};
	}
	return (struct kith_bytes){0};
}

enum kith_status kith_snap_facts(struct kith_emit *emit, const uint8_t *yaml, size_t n,
				 struct kith_err *err)
{
	static const struct {
		const char *key;
		enum kith_fact fact;
	} facts[] = {{"name", KITH_FACT_PRODUCT}, {"version", KITH_FACT_VERSION}};
	enum kith_status st = kith_emit_kind(emit, "snap", err);
	size_t i;

	for (i = 0; i < sizeof facts / sizeof *facts && st >= 0; i++) {
		struct kith_bytes value = yaml_value(yaml, n, facts[i].key);

		if (value.n > 0)
			st = kith_emit_fact(emit, facts[i].fact, 60, value.data, value.n, err);
	}
	return st;
}

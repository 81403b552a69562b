/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nsrl_v3_chain.c: a row of a full set that was extracted names its container by the container's
 * metadata_id, which names its own, and so on. Chains are looked up on demand and kept in a cache
 * of bounded size, because rows of one container are many and near each other.
 *
 * What a chain resolves to does not depend on what the cache holds: broken means that there are
 * more than DEPTH_MAX containers above, or no end at all.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/limits.h"
#include "nsrl_v3.h"

/* The source, the product, the folder and the file's own row are levels too. */
#define DEPTH_MAX (KITH_LIMIT_DEPTH - 4)
/* Bytes of one chain's key: beyond that it counts as too deep. */
#define KEY_MAX ((size_t)64 << 10)

struct entry {
	size_t start, n; /* of its key in `keys` */
	uint8_t depth;   /* containers in the key */
	bool missing, broken;
};

struct v3_chain {
	struct kith_sql_stmt *select;
	size_t memory;
	struct idmap map;        /* metadata_id -> number of its entry */
	struct kith_buf entries; /* struct entry */
	struct kith_buf keys;
	struct kith_buf name, link; /* of the container at hand */
};

/* One container on the way up. */
struct step {
	int64_t id;
	size_t name_start, name_n; /* in `name` */
};

enum kith_status v3_chain_new(struct kith_sql *sql, const char *select, size_t memory,
			      struct v3_chain **ret_chain, struct kith_err *err)
{
	struct v3_chain *chain = calloc(1, sizeof *chain);
	enum kith_status st;

	if (chain == NULL)
		return kith_fail_nomem(err);
	chain->memory = memory;
	st = kith_sql_prepare(sql, select, &chain->select, err);
	if (st < 0) {
		free(chain);
		return st;
	}
	*ret_chain = chain;
	return KITH_OK;
}

void v3_chain_free(struct v3_chain *chain)
{
	if (chain == NULL)
		return;
	kith_sql_finish(chain->select);
	idmap_done(&chain->map);
	kith_buf_done(&chain->entries);
	kith_buf_done(&chain->keys);
	kith_buf_done(&chain->name);
	kith_buf_done(&chain->link);
	free(chain);
}

static const struct entry *entry_at(const struct v3_chain *chain, uint32_t i)
{
	return (const struct entry *)(const void *)chain->entries.data + i;
}

/* Forgets everything when the cache has its size. */
static void make_room(struct v3_chain *chain)
{
	size_t used = chain->keys.n + chain->entries.n + chain->map.n * IDMAP_ENTRY_BYTES;

	if (used < chain->memory)
		return;
	idmap_clear(&chain->map);
	chain->entries.n = 0;
	chain->keys.n = 0;
}

/* Appends "path/file.ext" of a container to `name`. */
static bool add_name(struct kith_buf *name, const struct kith_sql_value *values)
{
	struct kith_bytes path = v3_text(&values[0]), file = v3_text(&values[1]);
	struct kith_bytes extension = v3_text(&values[2]);

	kith_buf_add(name, path.data, path.n);
	if (path.n > 0 && path.data[path.n - 1] != '/' && path.data[path.n - 1] != '\\')
		kith_buf_add_byte(name, '/');
	kith_buf_add(name, file.data, file.n);
	if (extension.n > 0) {
		kith_buf_add_byte(name, '.');
		kith_buf_add(name, extension.data, extension.n);
	}
	return !name->failed;
}

/* Puts one container's entry into the cache; its key is the one of `above` and its own name. */
static bool add_entry(struct v3_chain *chain, int64_t id, const struct entry *above,
		      const uint8_t *name, size_t name_n)
{
	struct entry entry = *above;
	uint32_t number = (uint32_t)(chain->entries.n / sizeof entry);

	if (!entry.broken && name != NULL) {
		entry.start = chain->keys.n;
		chain->link.n = 0;
		if (!kith_place_key_add(&chain->link, KITH_PLACE_ARCHIVE, name, name_n) ||
		    kith_buf_room(&chain->keys, above->n + chain->link.n) == NULL)
			return false;
		/* after the room: `above` lies in the same buffer */
		kith_buf_add(&chain->keys, chain->keys.data + above->start, above->n);
		kith_buf_add(&chain->keys, chain->link.data, chain->link.n);
		entry.n = above->n + chain->link.n;
		entry.depth++;
		if (entry.depth > DEPTH_MAX || entry.n > KEY_MAX)
			entry = (struct entry){.broken = true};
	}
	return kith_buf_add(&chain->entries, &entry, sizeof entry) &&
	       idmap_add(&chain->map, id, number, NULL);
}

/* Looks one container up; KITH_NOT_FOUND when it has no row. */
static enum kith_status look_up(struct v3_chain *chain, int64_t id, struct step *ret_step,
				int64_t *ret_up, struct kith_err *err)
{
	struct kith_sql_value values[4];
	enum kith_status st;

	kith_sql_reset(chain->select);
	st = kith_sql_bind_number(chain->select, 1, id, err);
	if (st >= 0)
		st = kith_sql_step(chain->select, values, 4, err);
	if (st == KITH_END)
		return KITH_NOT_FOUND;
	if (st < 0)
		return st;
	ret_step->id = id;
	ret_step->name_start = chain->name.n;
	if (!add_name(&chain->name, values))
		return kith_fail_nomem(err);
	ret_step->name_n = chain->name.n - ret_step->name_start;
	if (ret_step->name_n > KITH_LIMIT_NAME)
		ret_step->name_n = KITH_LIMIT_NAME;
	*ret_up = values[3].type == KITH_SQL_INTEGER ? values[3].number : 0;
	return KITH_OK;
}

enum kith_status v3_chain_find(struct v3_chain *chain, int64_t extractee, struct v3_below *ret,
			       struct kith_err *err)
{
	struct step steps[DEPTH_MAX + 1] = {{0}};
	struct entry top = {0};
	const struct entry *entry;
	int64_t id = extractee;
	uint32_t number;
	size_t n = 0;
	enum kith_status st;

	make_room(chain);
	chain->name.n = 0;
	/* up, until a container that is known, or the end */
	while (id > 0) {
		if (idmap_find(&chain->map, id, &number)) {
			top = *entry_at(chain, number);
			break;
		}
		if (n > DEPTH_MAX) {
			/* says nothing about those that were met on the way */
			top.broken = true;
			n = 0;
			break;
		}
		st = look_up(chain, id, &steps[n], &id, err);
		if (st < 0)
			return st;
		if (st == KITH_NOT_FOUND) {
			top.missing = true;
			break;
		}
		n++;
	}
	if (n == 0 && (top.missing || top.broken) && !idmap_find(&chain->map, extractee, &number) &&
	    !add_entry(chain, extractee, &top, NULL, 0))
		return kith_fail_nomem(err);
	/* and down again, adding one entry for each */
	while (n > 0) {
		n--;
		if (!add_entry(chain, steps[n].id, &top, chain->name.data + steps[n].name_start,
			       steps[n].name_n))
			return kith_fail_nomem(err);
		if (idmap_find(&chain->map, steps[n].id, &number))
			top = *entry_at(chain, number);
	}
	entry = &top;
	if (idmap_find(&chain->map, extractee, &number))
		entry = entry_at(chain, number);
	*ret = (struct v3_below){
	    .key = chain->keys.data == NULL ? NULL : chain->keys.data + entry->start,
	    .n = entry->n,
	    .missing = entry->missing,
	    .broken = entry->broken,
	};
	return KITH_OK;
}

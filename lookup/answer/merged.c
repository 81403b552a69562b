/* SPDX-License-Identifier: Apache-2.0 */
#include "answer/merged.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

struct kith_merged {
	size_t n, key_n;
	int first;             /* byte of the keys; -1: any */
	struct kith_buf group; /* struct kith_record: of one key */
	struct {
		kith_cursor *cursor;
		struct kith_file file; /* the next one; of no use when ended */
		bool ended;
	} heads[];
};

static const uint8_t *key_of(const struct kith_file *file)
{
	return file->sha256 != NULL ? file->sha256 : file->sha1;
}

static enum kith_status advance(struct kith_merged *m, size_t i)
{
	enum kith_status st = kith_cursor_next(m->heads[i].cursor, &m->heads[i].file);

	m->heads[i].ended = st == KITH_END || (st == KITH_OK && m->first >= 0 &&
					       key_of(&m->heads[i].file)[0] != m->first);
	return st < 0 ? st : KITH_OK;
}

static size_t key_size(enum kith_table table)
{
	return table == KITH_TABLE_FILE ? KITH_SHA256_SIZE : KITH_SHA1_SIZE;
}

static enum kith_status open_at(struct kith_asker *asker, enum kith_table table,
				const uint8_t *from, size_t n, int first, struct kith_merged **ret,
				struct kith_err *err)
{
	size_t n_sets = kith_asker_sets(asker), i;
	struct kith_merged *m = calloc(1, sizeof *m + n_sets * sizeof *m->heads);
	enum kith_status st = KITH_OK;

	*ret = m;
	if (m == NULL)
		return kith_fail_nomem(err);
	m->n = n_sets;
	m->key_n = key_size(table);
	m->first = first;
	for (i = 0; i < n_sets && st == KITH_OK; i++) {
		st = kith_cursor_open(kith_asker_reader(asker, i), table, from, n,
				      &m->heads[i].cursor, err);
		if (st == KITH_OK)
			st = advance(m, i);
	}
	if (st == KITH_OK)
		return KITH_OK;
	kith_merged_close(m);
	*ret = NULL;
	return st;
}

enum kith_status kith_merged_open(struct kith_asker *asker, enum kith_table table,
				  const uint8_t *first, struct kith_merged **ret,
				  struct kith_err *err)
{
	return open_at(asker, table, first, first != NULL, first == NULL ? -1 : *first, ret, err);
}

enum kith_status kith_merged_from(struct kith_asker *asker, enum kith_table table,
				  const uint8_t *key, struct kith_merged **ret,
				  struct kith_err *err)
{
	return open_at(asker, table, key, key == NULL ? 0 : key_size(table), -1, ret, err);
}

enum kith_status kith_merged_next(struct kith_merged *m, const struct kith_record **ret,
				  size_t *ret_n)
{
	const uint8_t *least = NULL;
	uint8_t key[KITH_SHA256_SIZE];
	enum kith_status st;
	size_t i;

	for (i = 0; i < m->n; i++) {
		if (m->heads[i].ended)
			continue;
		if (least == NULL || memcmp(key_of(&m->heads[i].file), least, m->key_n) < 0)
			least = key_of(&m->heads[i].file);
	}
	if (least == NULL)
		return KITH_END;
	memcpy(key, least, m->key_n);
	m->group.n = 0;
	for (i = 0; i < m->n; i++) {
		struct kith_record record;

		if (m->heads[i].ended || memcmp(key_of(&m->heads[i].file), key, m->key_n) != 0)
			continue;
		memset(&record, 0, sizeof record);
		record.set = i;
		record.file = m->heads[i].file;
		if (!kith_buf_add(&m->group, &record, sizeof record))
			return KITH_E_NOMEM;
		st = advance(m, i);
		if (st != KITH_OK)
			return st;
	}
	*ret = (const void *)m->group.data;
	*ret_n = m->group.n / sizeof **ret;
	return KITH_OK;
}

void kith_merged_close(struct kith_merged *m)
{
	size_t i;

	if (m == NULL)
		return;
	for (i = 0; i < m->n; i++)
		kith_cursor_close(m->heads[i].cursor);
	kith_buf_done(&m->group);
	free(m);
}

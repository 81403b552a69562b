/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_journal.c: a head (magic, key, name), then records: a byte that tells the kind, a varint
 * length, the record's fields. Numbers are varints, texts have their length before them.
 */
#define _POSIX_C_SOURCE 200809L
#include "image_journal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/io.h"
#include "base/limits.h"

/* The digit is the journal's version. */
static const uint8_t magic[8] = {'K', 'I', 'T', 'H', 'W', 'L', 'K', '2'};

#define FLUSH_SIZE  ((size_t)1 << 20)
#define RECORD_MAX  ((size_t)1 << 20) /* names and facts are bounded far below */
#define NODES_MAX   ((uint64_t)KITH_NO_NODE)
#define HEAD_SIZE   (sizeof magic + JOURNAL_KEY_SIZE)
#define CLAIM_FACTS 3 /* product, version, distributor */

/* ------------------------------------------------------------------ writing */

void journal_start(struct journal_out *out, int fd, const uint8_t *key, const char *name)
{
	memset(out, 0, sizeof *out);
	out->fd = fd;
	(void)kith_buf_add(&out->buf, magic, sizeof magic);
	(void)kith_buf_add(&out->buf, key, JOURNAL_KEY_SIZE);
	(void)kith_buf_add_text(&out->buf, name, strlen(name));
}

void journal_done(struct journal_out *out)
{
	kith_buf_done(&out->buf);
}

static enum kith_status flush(struct journal_out *out, struct kith_err *err)
{
	enum kith_status st;

	if (out->buf.failed)
		return kith_fail_nomem(err);
	st = kith_io_write(out->fd, out->buf.data, out->buf.n, err);
	out->buf.n = 0;
	return st;
}

/* A record's length is put in afterwards, as four bytes. */
static size_t begin(struct journal_out *out, enum journal_kind kind)
{
	(void)kith_buf_add_byte(&out->buf, (uint8_t)kind);
	(void)kith_buf_add(&out->buf, "\0\0\0", 4);
	return out->buf.n;
}

static enum kith_status finish(struct journal_out *out, size_t start, struct kith_err *err)
{
	if (out->buf.failed)
		return kith_fail_nomem(err);
	if (out->buf.n - start > RECORD_MAX)
		return kith_fail(err, KITH_E_LIMIT, "a name of more than %zu bytes", RECORD_MAX);
	kith_put_le32(out->buf.data + start - 4, (uint32_t)(out->buf.n - start));
	return out->buf.n >= FLUSH_SIZE ? flush(out, err) : KITH_OK;
}

static void add_digests(struct kith_buf *buf, const struct kith_digests *digests)
{
	(void)kith_buf_add(buf, digests->sha256, sizeof digests->sha256);
	(void)kith_buf_add(buf, digests->sha1, sizeof digests->sha1);
	(void)kith_buf_add(buf, digests->md5, sizeof digests->md5);
	(void)kith_buf_add_varint(buf, digests->size);
}

/* KITH_NO_NODE as 0. */
static void add_node(struct kith_buf *buf, uint32_t node)
{
	(void)kith_buf_add_varint(buf, node == KITH_NO_NODE ? 0 : (uint64_t)node + 1);
}

enum kith_status journal_node(struct journal_out *out, const struct kith_walk_node *node,
			      struct kith_err *err)
{
	size_t start = begin(out, JOURNAL_NODE);

	add_node(&out->buf, node->node);
	add_node(&out->buf, node->parent);
	add_node(&out->buf, node->same_as);
	(void)kith_buf_add_varint(&out->buf, (uint64_t)node->kind);
	(void)kith_buf_add_text(&out->buf, node->format, strlen(node->format));
	(void)kith_buf_add_text(&out->buf, node->name, node->name_n);
	(void)kith_buf_add_text(&out->buf, node->sha256,
				node->sha256 == NULL ? 0 : KITH_SHA256_SIZE);
	return finish(out, start, err);
}

enum kith_status journal_file(struct journal_out *out, const struct kith_walk_file *file,
			      struct kith_err *err)
{
	size_t start = begin(out, JOURNAL_FILE), i;
	struct kith_buf *buf = &out->buf;
	unsigned claims = 0, bits;

	for (i = 0; i < CLAIM_FACTS; i++)
		claims |= (file->claims[i].n > 0 ? 1u : 0u) << i;
	bits = (file->digests != NULL ? 1u : 0u) | (file->declared != NULL ? 2u : 0u) |
	       (file->has_size ? 4u : 0u) | (file->declared_signed ? 8u : 0u) |
	       (file->sparse ? 16u : 0u) | claims << 5;
	add_node(buf, file->node);
	(void)kith_buf_add_varint(buf, (uint64_t)file->kind);
	(void)kith_buf_add_varint(buf, bits);
	(void)kith_buf_add_text(buf, file->name, file->name_n);
	if (file->digests != NULL)
		add_digests(buf, file->digests);
	if (file->declared != NULL) {
		const struct kith_declared *d = file->declared;

		(void)kith_buf_add_byte(buf,
					(uint8_t)((d->has_sha256 ? 1 : 0) | (d->has_sha1 ? 2 : 0) |
						  (d->has_md5 ? 4 : 0)));
		(void)kith_buf_add(buf, d->sha256, sizeof d->sha256);
		(void)kith_buf_add(buf, d->sha1, sizeof d->sha1);
		(void)kith_buf_add(buf, d->md5, sizeof d->md5);
	}
	(void)kith_buf_add_varint(buf, file->size);
	for (i = 0; i < CLAIM_FACTS; i++)
		if (file->claims[i].n > 0)
			(void)kith_buf_add_text(buf, file->claims[i].data, file->claims[i].n);
	return finish(out, start, err);
}

enum kith_status journal_fact(struct journal_out *out, uint32_t node, enum kith_fact fact,
			      unsigned weight, struct kith_bytes text, struct kith_err *err)
{
	size_t start = begin(out, JOURNAL_FACT);

	add_node(&out->buf, node);
	(void)kith_buf_add_varint(&out->buf, (uint64_t)fact);
	(void)kith_buf_add_varint(&out->buf, weight);
	(void)kith_buf_add_text(&out->buf, text.data, text.n);
	return finish(out, start, err);
}

enum kith_status journal_note(struct journal_out *out, uint32_t node, enum kith_ledger_class class_,
			      const char *reason, uint64_t count, struct kith_bytes example,
			      struct kith_err *err)
{
	size_t start = begin(out, JOURNAL_NOTE);

	add_node(&out->buf, node);
	(void)kith_buf_add_varint(&out->buf, (uint64_t)class_);
	(void)kith_buf_add_varint(&out->buf, count);
	(void)kith_buf_add_text(&out->buf, reason, strlen(reason));
	(void)kith_buf_add_text(&out->buf, example.data, example.n);
	return finish(out, start, err);
}

enum kith_status journal_end(struct journal_out *out, const struct kith_digests *digests,
			     struct kith_err *err)
{
	size_t start = begin(out, JOURNAL_END);
	enum kith_status st;

	(void)kith_buf_add_byte(&out->buf, digests != NULL);
	if (digests != NULL)
		add_digests(&out->buf, digests);
	st = finish(out, start, err);
	return st < 0 ? st : flush(out, err);
}

/* ------------------------------------------------------------------ reading */

bool journal_probe(const uint8_t *head, size_t n)
{
	return n >= sizeof magic && memcmp(head, magic, sizeof magic) == 0;
}

static enum kith_status fail_damaged(struct kith_err *err)
{
	return kith_fail(err, KITH_E_CORRUPT, "damaged record of a walk");
}

/* At least n bytes at in->data + in->pos; KITH_E_CORRUPT when there are fewer. */
static enum kith_status need(struct journal_in *in, size_t n, struct kith_err *err)
{
	size_t more;

	if (in->n - in->pos >= n)
		return KITH_OK;
	if (n > in->cap) {
		uint8_t *bigger = realloc(in->data, 2 * n);

		if (bigger == NULL)
			return kith_fail_nomem(err);
		in->data = bigger;
		in->cap = 2 * n;
	}
	if (in->n > in->pos)
		memmove(in->data, in->data + in->pos, in->n - in->pos);
	in->n -= in->pos;
	in->pos = 0;
	more = in->cap - in->n;
	if (more > in->size - in->read)
		more = (size_t)(in->size - in->read);
	if (more > 0) {
		enum kith_status st = kith_io_pread(in->fd, in->data + in->n, more, in->read, err);

		if (st < 0)
			return st;
		in->n += more;
		in->read += more;
	}
	return in->n >= n ? KITH_OK : fail_damaged(err);
}

void journal_close(struct journal_in *in)
{
	if (in->fd >= 0)
		(void)close(in->fd);
	free(in->data);
	free(in->name);
	memset(in, 0, sizeof *in);
	in->fd = -1;
}

enum kith_status journal_open(struct journal_in *in, const char *path, struct kith_err *err)
{
	const uint8_t *p;
	uint64_t name_n = 0;
	size_t head;
	enum kith_status st;

	memset(in, 0, sizeof *in);
	in->fd = -1;
	st = kith_io_open(path, &in->fd, err);
	if (st >= 0)
		st = kith_io_size(in->fd, &in->size, err);
	if (st < 0)
		goto fail;
	in->cap = FLUSH_SIZE;
	in->data = malloc(in->cap);
	if (in->data == NULL) {
		st = kith_fail_nomem(err);
		goto fail;
	}
	/* The head, and as much of the name as there can be. */
	head = HEAD_SIZE + KITH_VARINT_MAX + KITH_LIMIT_NAME;
	if (head > in->size)
		head = (size_t)in->size;
	st = need(in, head, err);
	if (st < 0)
		goto fail;
	if (head < HEAD_SIZE || !journal_probe(in->data, head)) {
		st = kith_fail(err, KITH_E_UNSUPPORTED, "'%s' is not the record of a walk", path);
		goto fail;
	}
	memcpy(in->key, in->data + sizeof magic, JOURNAL_KEY_SIZE);
	p = in->data + HEAD_SIZE;
	if (!kith_get_varint(&p, in->data + head, &name_n) ||
	    name_n > (size_t)(in->data + head - p)) {
		st = fail_damaged(err);
		goto fail;
	}
	in->name = strndup((const char *)p, (size_t)name_n);
	if (in->name == NULL) {
		st = kith_fail_nomem(err);
		goto fail;
	}
	in->pos = (size_t)(p - in->data) + (size_t)name_n;
	return KITH_OK;
fail:
	journal_close(in);
	return st;
}

/* The fields of one record; `bad` collects all that is wrong with them. */
struct fields {
	const uint8_t *p, *end;
	bool bad;
};

static uint64_t get_number(struct fields *f, uint64_t max)
{
	uint64_t v = 0;

	if (f->bad || !kith_get_varint(&f->p, f->end, &v) || v > max) {
		f->bad = true;
		return 0;
	}
	return v;
}

static uint32_t get_node(struct fields *f)
{
	uint64_t v = get_number(f, NODES_MAX);

	return v == 0 ? KITH_NO_NODE : (uint32_t)(v - 1);
}

static void get_raw(struct fields *f, void *to, size_t n)
{
	if (f->bad || (size_t)(f->end - f->p) < n) {
		f->bad = true;
		return;
	}
	memcpy(to, f->p, n);
	f->p += n;
}

static struct kith_bytes get_text(struct fields *f)
{
	size_t n = (size_t)get_number(f, RECORD_MAX);
	struct kith_bytes text = {f->p, n};

	if (f->bad || (size_t)(f->end - f->p) < n) {
		f->bad = true;
		return (struct kith_bytes){(const uint8_t *)"", 0};
	}
	f->p += n;
	return text;
}

static void get_digests(struct fields *f, struct kith_digests *digests)
{
	get_raw(f, digests->sha256, sizeof digests->sha256);
	get_raw(f, digests->sha1, sizeof digests->sha1);
	get_raw(f, digests->md5, sizeof digests->md5);
	digests->size = get_number(f, UINT64_MAX);
}

static void get_file(struct fields *f, struct journal_record *record)
{
	struct kith_walk_file *file = &record->file;
	struct kith_bytes name;
	unsigned bits;
	size_t i;

	file->node = get_node(f);
	file->kind = (enum kith_entry_kind)get_number(f, KITH_ENTRY_OTHER);
	bits = (unsigned)get_number(f, 0xff);
	name = get_text(f);
	file->name = name.data;
	file->name_n = name.n;
	file->has_size = (bits & 4) != 0;
	file->declared_signed = (bits & 8) != 0;
	file->sparse = (bits & 16) != 0;
	if ((bits & 1) != 0) {
		get_digests(f, &record->digests);
		file->digests = &record->digests;
	}
	if ((bits & 2) != 0) {
		struct kith_declared *d = &record->declared;
		uint8_t has = 0;

		get_raw(f, &has, 1);
		d->has_sha256 = (has & 1) != 0;
		d->has_sha1 = (has & 2) != 0;
		d->has_md5 = (has & 4) != 0;
		get_raw(f, d->sha256, sizeof d->sha256);
		get_raw(f, d->sha1, sizeof d->sha1);
		get_raw(f, d->md5, sizeof d->md5);
		file->declared = d;
	}
	file->size = get_number(f, UINT64_MAX);
	for (i = 0; i < CLAIM_FACTS; i++)
		if ((bits >> 5 & 1u << i) != 0)
			file->claims[i] = get_text(f);
}

static void get_record(struct fields *f, struct journal_record *record)
{
	struct kith_bytes text;

	switch (record->kind) {
	case JOURNAL_NODE:
		record->node.node = get_node(f);
		record->node.parent = get_node(f);
		record->node.same_as = get_node(f);
		record->node.kind = (enum kith_place_kind)get_number(f, KITH_PLACE_FOLDER);
		text = get_text(f);
		record->node.format = text.n == 6 && memcmp(text.data, "folder", 6) == 0 ? "folder"
				      : text.n == 0                                      ? ""
						    : "container";
		text = get_text(f);
		record->node.name = text.data;
		record->node.name_n = text.n;
		text = get_text(f);
		record->node.sha256 = text.n == KITH_SHA256_SIZE ? text.data : NULL;
		break;
	case JOURNAL_FILE: get_file(f, record); break;
	case JOURNAL_FACT:
		record->fact.node = get_node(f);
		record->fact.fact = (enum kith_fact)get_number(f, KITH_FACTS - 1);
		record->fact.weight = (unsigned)get_number(f, 1000);
		record->fact.text = get_text(f);
		break;
	case JOURNAL_NOTE:
		record->note.node = get_node(f);
		record->note.class_ = (enum kith_ledger_class)get_number(f, KITH_LEDGER_FAILED);
		record->note.count = get_number(f, UINT64_MAX);
		record->note.reason = get_text(f);
		record->note.example = get_text(f);
		break;
	case JOURNAL_END: {
		uint8_t has = 0;

		get_raw(f, &has, 1);
		record->has_digests = has == 1;
		if (record->has_digests)
			get_digests(f, &record->digests);
		break;
	}
	default: f->bad = true; break;
	}
}

enum kith_status journal_read(struct journal_in *in, struct journal_record *record,
			      struct kith_err *err)
{
	struct fields fields;
	uint32_t n;
	enum kith_status st;

	if (in->pos == in->n && in->read == in->size)
		return KITH_END;
	st = need(in, 5, err);
	if (st < 0)
		return st;
	n = kith_get_le32(in->data + in->pos + 1);
	if (n > RECORD_MAX)
		return fail_damaged(err);
	st = need(in, 5 + (size_t)n, err);
	if (st < 0)
		return st;
	memset(record, 0, sizeof *record);
	record->kind = (enum journal_kind)in->data[in->pos];
	fields = (struct fields){in->data + in->pos + 5, in->data + in->pos + 5 + n, false};
	get_record(&fields, record);
	if (fields.bad || fields.p != fields.end)
		return fail_damaged(err);
	in->pos += 5 + (size_t)n;
	return KITH_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire.c: what must hold: each type of message has a fixed list of fields, in the order of the bits
 * below; what is encoded decodes to the same; a decoded length never reaches beyond the packet.
 */
#include "workers/wire.h"

#include <string.h>

#include "base/bytes.h"
#include "base/limits.h"

#define MAGIC   'k'
#define VERSION 1

enum {
	ITEM = 1,
	FLAGS = 2,
	CODE = 4,
	NUMBER = 8,
	NUMBER2 = 16,
	TEXT = 32,
	NAME = 64,
	DIGESTS = 128,
	DECLARED = 256,
	CLAIMS = 512,
	EXTENTS = 1024,
	LIMITS = 2048
};

static const struct {
	unsigned fields;
	uint32_t code_max;
	size_t text_max;
	bool text_free; /* any bytes, not only printable ASCII */
} rules[KITH_WIRE_TYPES] = {
    [KITH_WIRE_FILE] = {ITEM | FLAGS | NAME | DIGESTS | CLAIMS, 0, 0, false},
    /* KITH_FORMATS itself is the format of the tests */
    [KITH_WIRE_CHILD] = {ITEM | FLAGS | CODE | NUMBER2 | NAME | DIGESTS | EXTENTS, KITH_FORMATS, 0,
			 false},
    [KITH_WIRE_NOTE] = {ITEM | CODE | NUMBER | TEXT | NAME, KITH_LEDGER_FAILED, KITH_WIRE_REASON,
			false},
    [KITH_WIRE_FACT] = {ITEM | CODE | NUMBER | NAME, KITH_FACTS - 1, 0, false},
    [KITH_WIRE_KIND] = {TEXT, 0, 32, false},
    [KITH_WIRE_DECLARED] = {ITEM | FLAGS | NUMBER | NAME | DECLARED, 0, 0, false},
    [KITH_WIRE_EXPECT] = {TEXT | NAME | DECLARED, 0, KITH_WIRE_TEXT, true},
    [KITH_WIRE_ITEM] = {ITEM, 0, 0, false},
    [KITH_WIRE_PROGRESS] = {NUMBER, 0, 0, false},
    [KITH_WIRE_END] = {CODE | TEXT, 64, KITH_WIRE_TEXT, true},
    [KITH_WIRE_SPOOL] = {NUMBER | NUMBER2 | NAME, 0, 0, false},
    [KITH_WIRE_DROP] = {NUMBER2, 0, 0, false},
    [KITH_WIRE_SIBLING] = {TEXT, 0, KITH_WIRE_TEXT, true},
    [KITH_WIRE_JOB] = {FLAGS | CODE | NAME | EXTENTS | LIMITS, KITH_FORMATS, 0, false},
    [KITH_WIRE_OPEN] = {ITEM | NUMBER | NAME, 0, 0, false},
    [KITH_WIRE_ANSWER] = {FLAGS | NUMBER | EXTENTS, 0, 0, false},
    [KITH_WIRE_LACKS] = {TEXT | NAME, 0, KITH_WIRE_REASON, false},
    [KITH_WIRE_READY] = {0, 0, 0, false},
    [KITH_WIRE_SPAWN] = {ITEM, 0, 0, false},
    [KITH_WIRE_KILL] = {ITEM, 0, 0, false},
    [KITH_WIRE_GONE] = {ITEM | NUMBER | NUMBER2, 0, 0, false},
};

/* The limits as a row of numbers, for both directions. */
#define N_LIMITS 8
static void limits_to(const struct kith_wire_limits *limits, uint64_t *ret)
{
	ret[0] = limits->entries;
	ret[1] = limits->file_bytes;
	ret[2] = limits->zero_bytes;
	ret[3] = limits->ratio;
	ret[4] = limits->cpu_seconds;
	ret[5] = limits->memory;
	ret[6] = limits->spool_member;
	ret[7] = limits->threads;
}

static void limits_from(const uint64_t *numbers, struct kith_wire_limits *ret)
{
	ret->entries = numbers[0];
	ret->file_bytes = numbers[1];
	ret->zero_bytes = numbers[2];
	ret->ratio = numbers[3];
	ret->cpu_seconds = numbers[4];
	ret->memory = numbers[5];
	ret->spool_member = numbers[6];
	ret->threads = numbers[7];
}

bool kith_wire_start(struct kith_buf *out)
{
	static const uint8_t head[2] = {MAGIC, VERSION};

	out->n = 0;
	return kith_buf_add(out, head, sizeof head);
}

static void put_digests(struct kith_buf *out, const struct kith_digests *digests)
{
	(void)kith_buf_add(out, digests->sha256, KITH_SHA256_SIZE);
	(void)kith_buf_add(out, digests->sha1, KITH_SHA1_SIZE);
	(void)kith_buf_add(out, digests->md5, KITH_MD5_SIZE);
	(void)kith_buf_add_varint(out, digests->size);
}

static void put_declared(struct kith_buf *out, const struct kith_declared *declared)
{
	(void)kith_buf_add_byte(out, (uint8_t)((declared->has_sha256 ? 1 : 0) |
					       (declared->has_sha1 ? 2 : 0) |
					       (declared->has_md5 ? 4 : 0)));
	if (declared->has_sha256)
		(void)kith_buf_add(out, declared->sha256, KITH_SHA256_SIZE);
	if (declared->has_sha1)
		(void)kith_buf_add(out, declared->sha1, KITH_SHA1_SIZE);
	if (declared->has_md5)
		(void)kith_buf_add(out, declared->md5, KITH_MD5_SIZE);
}

static void put_claims(struct kith_buf *out, const struct kith_bytes *claims)
{
	unsigned mask = 0;
	size_t i;

	for (i = 0; i < KITH_FACTS; i++)
		mask |= claims[i].n > 0 ? 1u << i : 0;
	(void)kith_buf_add_byte(out, (uint8_t)mask);
	for (i = 0; i < KITH_FACTS; i++)
		if (claims[i].n > 0)
			(void)kith_buf_add_text(out, claims[i].data, claims[i].n);
}

static void put_numbers(struct kith_buf *out, const struct kith_wire *m, unsigned fields)
{
	uint64_t numbers[N_LIMITS];
	size_t i;

	if ((fields & EXTENTS) != 0) {
		(void)kith_buf_add_varint(out, m->n_extents);
		for (i = 0; i < m->n_extents; i++) {
			(void)kith_buf_add_varint(out, m->extents[i].offset);
			(void)kith_buf_add_varint(out, m->extents[i].bytes);
		}
	}
	if ((fields & LIMITS) != 0) {
		limits_to(&m->limits, numbers);
		for (i = 0; i < N_LIMITS; i++)
			(void)kith_buf_add_varint(out, numbers[i]);
	}
}

bool kith_wire_put(struct kith_buf *out, const struct kith_wire *m)
{
	unsigned fields = rules[m->type].fields;

	(void)kith_buf_add_byte(out, (uint8_t)m->type);
	if ((fields & ITEM) != 0)
		(void)kith_buf_add_varint(out, m->item);
	if ((fields & FLAGS) != 0)
		(void)kith_buf_add_byte(out, (uint8_t)m->flags);
	if ((fields & CODE) != 0)
		(void)kith_buf_add_varint(out, m->code);
	if ((fields & NUMBER) != 0)
		(void)kith_buf_add_varint(out, m->number);
	if ((fields & NUMBER2) != 0)
		(void)kith_buf_add_varint(out, m->number2);
	if ((fields & TEXT) != 0)
		(void)kith_buf_add_text(out, m->text.data, m->text.n);
	if ((fields & NAME) != 0)
		(void)kith_buf_add_text(out, m->name.data, m->name.n);
	if ((fields & DIGESTS) != 0)
		put_digests(out, &m->digests);
	if ((fields & DECLARED) != 0)
		put_declared(out, &m->declared);
	if ((fields & CLAIMS) != 0)
		put_claims(out, m->claims);
	put_numbers(out, m, fields);
	return !out->failed;
}

/* ------------------------------------------------------------------- decoding */

struct in {
	const uint8_t *p, *end;
};

static bool get_number(struct in *in, uint64_t max, uint64_t *ret)
{
	return kith_get_varint(&in->p, in->end, ret) && *ret <= max;
}

static bool get_raw(struct in *in, void *to, size_t n)
{
	if ((size_t)(in->end - in->p) < n)
		return false;
	memcpy(to, in->p, n);
	in->p += n;
	return true;
}

static bool get_bytes(struct in *in, size_t max, struct kith_bytes *ret)
{
	uint64_t n;

	if (!get_number(in, max, &n) || n > (uint64_t)(in->end - in->p))
		return false;
	*ret = (struct kith_bytes){in->p, (size_t)n};
	in->p += n;
	return true;
}

static bool printable(struct kith_bytes text)
{
	size_t i;

	for (i = 0; i < text.n; i++)
		if (text.data[i] < 0x20 || text.data[i] > 0x7e)
			return false;
	return true;
}

static bool get_declared(struct in *in, struct kith_declared *ret)
{
	uint8_t mask;

	if (!get_raw(in, &mask, 1) || mask > 7)
		return false;
	ret->has_sha256 = (mask & 1) != 0;
	ret->has_sha1 = (mask & 2) != 0;
	ret->has_md5 = (mask & 4) != 0;
	return (!ret->has_sha256 || get_raw(in, ret->sha256, KITH_SHA256_SIZE)) &&
	       (!ret->has_sha1 || get_raw(in, ret->sha1, KITH_SHA1_SIZE)) &&
	       (!ret->has_md5 || get_raw(in, ret->md5, KITH_MD5_SIZE));
}

static bool get_claims(struct in *in, struct kith_bytes *ret)
{
	uint8_t mask;
	size_t i;

	if (!get_raw(in, &mask, 1) || mask >> KITH_FACTS != 0)
		return false;
	for (i = 0; i < KITH_FACTS; i++)
		if ((mask >> i & 1) != 0 &&
		    (!get_bytes(in, KITH_WIRE_TEXT, &ret[i]) || ret[i].n == 0))
			return false;
	return true;
}

static bool get_extents(struct in *in, struct kith_wire *m)
{
	uint64_t n, number;
	size_t i;

	if (!get_number(in, KITH_WIRE_EXTENTS, &n))
		return false;
	m->n_extents = (size_t)n;
	m->extents_at = in->p;
	for (i = 0; i < 2 * m->n_extents; i++)
		if (!get_number(in, UINT64_MAX, &number))
			return false;
	return true;
}

static bool get_limits(struct in *in, struct kith_wire *m)
{
	uint64_t numbers[N_LIMITS];
	size_t i;

	for (i = 0; i < N_LIMITS; i++)
		if (!get_number(in, UINT64_MAX, &numbers[i]))
			return false;
	limits_from(numbers, &m->limits);
	return true;
}

bool kith_wire_open(const uint8_t **pos, const uint8_t *end)
{
	if (end - *pos < 3 || (*pos)[0] != MAGIC || (*pos)[1] != VERSION)
		return false;
	*pos += 2;
	return true;
}

static bool get_head(struct in *in, struct kith_wire *m, unsigned fields)
{
	uint64_t number = 0;
	uint8_t byte;

	if ((fields & ITEM) != 0 && !get_number(in, UINT32_MAX, &number))
		return false;
	m->item = (uint32_t)number;
	if ((fields & FLAGS) != 0) {
		if (!get_raw(in, &byte, 1) || byte > 127)
			return false;
		m->flags = byte;
	}
	number = 0;
	if ((fields & CODE) != 0 && !get_number(in, rules[m->type].code_max, &number))
		return false;
	m->code = (uint32_t)number;
	return ((fields & NUMBER) == 0 || get_number(in, UINT64_MAX, &m->number)) &&
	       ((fields & NUMBER2) == 0 || get_number(in, UINT64_MAX, &m->number2));
}

bool kith_wire_get(const uint8_t **pos, const uint8_t *end, struct kith_wire *m)
{
	struct in in = {*pos, end};
	unsigned fields;
	uint8_t type;

	memset(m, 0, sizeof *m);
	if (!get_raw(&in, &type, 1) || type == 0 || type >= KITH_WIRE_TYPES)
		return false;
	m->type = (enum kith_wire_type)type;
	fields = rules[type].fields;
	if (!get_head(&in, m, fields) ||
	    ((fields & TEXT) != 0 && (!get_bytes(&in, rules[type].text_max, &m->text) ||
				      (!rules[type].text_free && !printable(m->text)))) ||
	    ((fields & NAME) != 0 && !get_bytes(&in, KITH_LIMIT_ENTRY_NAME, &m->name)) ||
	    ((fields & DIGESTS) != 0 && (!get_raw(&in, m->digests.sha256, KITH_SHA256_SIZE) ||
					 !get_raw(&in, m->digests.sha1, KITH_SHA1_SIZE) ||
					 !get_raw(&in, m->digests.md5, KITH_MD5_SIZE) ||
					 !get_number(&in, UINT64_MAX, &m->digests.size))) ||
	    ((fields & DECLARED) != 0 && !get_declared(&in, &m->declared)) ||
	    ((fields & CLAIMS) != 0 && !get_claims(&in, m->claims)) ||
	    ((fields & EXTENTS) != 0 && !get_extents(&in, m)) ||
	    ((fields & LIMITS) != 0 && !get_limits(&in, m)))
		return false;
	/* the class of a note has no 0 */
	if (type == KITH_WIRE_NOTE && (m->code == 0 || m->text.n == 0))
		return false;
	*pos = in.p;
	return true;
}

void kith_wire_extents(const struct kith_wire *m, struct kith_extent *ret)
{
	const uint8_t *p = m->extents_at;
	size_t i;

	/* get_extents() has seen each of them; 20 bytes is more than a pair has */
	for (i = 0; i < m->n_extents; i++)
		if (!kith_get_varint(&p, p + KITH_VARINT_MAX, &ret[i].offset) ||
		    !kith_get_varint(&p, p + KITH_VARINT_MAX, &ret[i].bytes))
			ret[i] = (struct kith_extent){0, 0};
}

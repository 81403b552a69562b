/* SPDX-License-Identifier: Apache-2.0 */
#include "dns.h"

#include <string.h>

#include "base/err.h"

#define HEAD 12u
enum { TYPE_SOA = 6, TYPE_TXT = 16, TYPE_OPT = 41, TYPE_ANY = 255 };
enum { CLASS_IN = 1, CLASS_ANY = 255 };
#define QR     0x8000u
#define OPCODE 0x7800u
#define AA     0x0400u
#define TC     0x0200u
#define RD     0x0100u
#define TTL    60u  /* seconds: sets may be changed at any time */
#define PLAIN  512u /* bytes of a reply to one who says nothing about it */

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void set16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static bool put16(struct kith_buf *out, size_t v)
{
	return kith_buf_add_byte(out, (uint8_t)(v >> 8)) && kith_buf_add_byte(out, (uint8_t)v);
}

static bool put32(struct kith_buf *out, uint32_t v)
{
	return put16(out, v >> 16) && put16(out, v & 0xffffu);
}

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

/* ------------------------------------------------------------------ zone */

enum kith_status kith_dns_zone_parse(const char *text, struct kith_dns_zone *ret,
				     struct kith_err *err)
{
	const char *at = text;

	ret->n = 0;
	while (*at != '\0') {
		size_t n = strcspn(at, "."), i;

		/* So much is left for a hash and its second label. */
		if (n == 0 || n > 63 || ret->n + n + 2 > KITH_DNS_NAME - 66)
			return kith_fail(err, KITH_E_ARG, "'%s' is not the name of a zone", text);
		ret->name[ret->n++] = (uint8_t)n;
		for (i = 0; i < n; i++) {
			uint8_t c = lower((uint8_t)at[i]);

			if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
			      c == '_'))
				return kith_fail(err, KITH_E_ARG, "'%s' is not the name of a zone",
						 text);
			ret->name[ret->n++] = c;
		}
		at += n;
		if (*at == '.')
			at++;
	}
	if (ret->n == 0)
		return kith_fail(err, KITH_E_ARG, "the name of a zone is missing");
	ret->name[ret->n++] = 0;
	return KITH_OK;
}

/* ----------------------------------------------------------------- parsing */

/* The bytes of a name at `at`, with the last label's zero; 0: malformed, or it has pointers. */
static size_t name_length(const uint8_t *message, size_t n, size_t at)
{
	size_t from = at;

	while (at < n && message[at] != 0) {
		if (message[at] > 63)
			return 0;
		at += 1u + message[at];
	}
	return at < n && at + 1 - from <= KITH_DNS_NAME ? at + 1 - from : 0;
}

static bool is_hex(uint8_t c)
{
	c = lower(c);
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* The labels before the zone: one or two, of 32, 40 or 64 digits together. */
static void take_hash(struct kith_dns_question *question, size_t before)
{
	size_t at = 0, n = 0;
	unsigned labels = 0;

	while (at < before) {
		size_t end = at + 1 + question->text[at];

		if (++labels > 2)
			return;
		for (at++; at < end; at++) {
			if (!is_hex(question->text[at]) || n == sizeof question->hash)
				return;
			question->hash[n++] = question->text[at];
		}
	}
	question->may_go_on = labels == 1;
	if (n == (size_t)2 * KITH_MD5_SIZE || n == (size_t)2 * KITH_SHA1_SIZE ||
	    n == (size_t)2 * KITH_SHA256_SIZE)
		question->hash_n = n;
}

/* Where the labels of the zone begin in the name; SIZE_MAX: it is not of the zone. */
static size_t zone_begins(const struct kith_dns_question *question,
			  const struct kith_dns_zone *zone)
{
	size_t at = 0, i;

	if (question->name_n < zone->n)
		return SIZE_MAX;
	while (question->name_n - at > zone->n)
		at += 1u + question->text[at];
	for (i = 0; i < zone->n && question->name_n - at == zone->n; i++) {
		if (lower(question->text[at + i]) != zone->name[i])
			return SIZE_MAX;
	}
	return i == zone->n ? at : SIZE_MAX;
}

/* What is behind the question: only EDNS is looked at. False: malformed. */
static bool take_additional(const uint8_t *message, size_t n, size_t at, unsigned count,
			    struct kith_dns_question *ret)
{
	for (; count > 0; count--) {
		size_t name_n = name_length(message, n, at), length;

		if (name_n == 0 || n - at - name_n < 10)
			return false;
		at += name_n;
		length = get16(message + at + 8);
		if (n - at - 10 < length)
			return false;
		if (get16(message + at) == TYPE_OPT) {
			if (ret->has_edns || name_n != 1)
				return false;
			ret->has_edns = true;
			ret->reply_max = get16(message + at + 2);
			if (message[at + 5] != 0)
				ret->rcode = KITH_DNS_BADVERS;
		}
		at += 10 + length;
	}
	return true;
}

bool kith_dns_parse(const uint8_t *message, size_t n, const struct kith_dns_zone *zone,
		    struct kith_dns_question *ret)
{
	size_t before;
	unsigned type, class;

	memset(ret, 0, sizeof *ret);
	ret->reply_max = PLAIN;
	if (n < HEAD || (get16(message + 2) & QR) != 0)
		return false;
	ret->id = get16(message);
	ret->flags = get16(message + 2);
	ret->rcode = KITH_DNS_FORMERR;
	if ((ret->flags & OPCODE) != 0) {
		ret->rcode = KITH_DNS_NOTIMP;
		return true;
	}
	ret->name_n = name_length(message, n, HEAD);
	if (get16(message + 4) != 1 || get16(message + 6) != 0 || get16(message + 8) != 0 ||
	    ret->name_n == 0 || n - HEAD - ret->name_n < 4)
		return true;
	ret->n = ret->name_n + 4;
	memcpy(ret->text, message + HEAD, ret->n);
	type = get16(ret->text + ret->name_n);
	class = get16(ret->text + ret->name_n + 2);
	ret->rcode = KITH_DNS_OK;
	if (!take_additional(message, n, HEAD + ret->n, get16(message + 10), ret))
		ret->rcode = KITH_DNS_FORMERR;
	ret->reply_max = ret->reply_max < PLAIN          ? PLAIN
			 : ret->reply_max > KITH_DNS_UDP ? KITH_DNS_UDP
							 : ret->reply_max;
	if (ret->rcode != KITH_DNS_OK)
		return true;
	before = zone_begins(ret, zone);
	if (before == SIZE_MAX || (class != CLASS_IN && class != CLASS_ANY)) {
		ret->rcode = KITH_DNS_REFUSED;
		return true;
	}
	ret->at_zone = before == 0;
	ret->wants_txt = type == TYPE_TXT || type == TYPE_ANY;
	ret->wants_soa = type == TYPE_SOA || type == TYPE_ANY;
	take_hash(ret, before);
	return true;
}

/* ------------------------------------------------------------------- reply */

/* Numbers in the head: of answers at 6, of authorities at 8. */
static void count_one(struct kith_buf *out, size_t at)
{
	set16(out->data + at, (size_t)get16(out->data + at) + 1);
}

bool kith_dns_begin(const struct kith_dns_question *question, struct kith_buf *out)
{
	out->n = 0;
	(void)put16(out, question->id);
	(void)put16(out, 0);
	(void)put16(out, question->n > 0);
	(void)put16(out, 0);
	(void)put16(out, 0);
	(void)put16(out, 0);
	return kith_buf_add(out, question->text, question->n);
}

/* Name, type, class, time to live; the length is set by end_record. */
static size_t begin_record(struct kith_buf *out, size_t name_at, unsigned type)
{
	(void)put16(out, 0xc000u | name_at);
	(void)put16(out, type);
	(void)put16(out, CLASS_IN);
	(void)put32(out, TTL);
	(void)put16(out, 0);
	return out->n;
}

static bool end_record(struct kith_buf *out, size_t from, size_t count_at)
{
	size_t n = out->n - from;

	if (out->failed)
		return false;
	set16(out->data + from - 2, n);
	count_one(out, count_at);
	return true;
}

bool kith_dns_add_txt(const void *text, size_t n, struct kith_buf *out)
{
	size_t from = begin_record(out, HEAD, TYPE_TXT), at;

	/* What could never be sent is not copied either; the end finds that it is too long. */
	if (n > KITH_DNS_UDP)
		n = KITH_DNS_UDP;
	for (at = 0; at < n || at == 0;) {
		size_t piece = n - at < 255 ? n - at : 255;

		(void)kith_buf_add_byte(out, (uint8_t)piece);
		(void)kith_buf_add(out, (const uint8_t *)text + at, piece);
		at += piece;
		if (n == 0)
			break;
	}
	return end_record(out, from, 6);
}

bool kith_dns_add_soa(const struct kith_dns_question *question, const struct kith_dns_zone *zone,
		      uint32_t serial, bool authority, struct kith_buf *out)
{
	size_t zone_at = HEAD + question->name_n - zone->n;
	size_t from = begin_record(out, zone_at, TYPE_SOA);

	(void)put16(out, 0xc000u | zone_at); /* whose server it is */
	(void)kith_buf_add(out, "\012hostmaster", 11);
	(void)put16(out, 0xc000u | zone_at);
	(void)put32(out, serial);
	(void)put32(out, 3600); /* refresh, retry, expire: nobody copies the zone */
	(void)put32(out, 600);
	(void)put32(out, 86400);
	(void)put32(out, TTL); /* of "there is none" */
	return end_record(out, from, authority ? 8 : 6);
}

bool kith_dns_end(const struct kith_dns_question *question, enum kith_dns_rcode rcode,
		  struct kith_buf *out)
{
	size_t edns = question->has_edns ? 11 : 0, flags;

	if (out->failed)
		return false;
	flags = QR | (question->flags & (OPCODE | RD)) | ((unsigned)rcode & 15u);
	if (rcode == KITH_DNS_OK || rcode == KITH_DNS_NXDOMAIN)
		flags |= AA;
	if (out->n + edns > question->reply_max) {
		flags |= TC;
		out->n = HEAD + question->n;
		memset(out->data + 6, 0, 4);
	}
	set16(out->data + 2, flags);
	if (question->has_edns) {
		(void)kith_buf_add_byte(out, 0);
		(void)put16(out, TYPE_OPT);
		(void)put16(out, KITH_DNS_UDP);
		(void)put32(out, (uint32_t)((unsigned)rcode >> 4) << 24);
		(void)put16(out, 0);
		if (!out->failed)
			set16(out->data + 10, 1);
	}
	return !out->failed;
}

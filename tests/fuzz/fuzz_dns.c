/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_dns.c: a message of DNS, and the reply to it. What comes out is read again by the rules of
 * RFC 1035: every record lies in the message, the counts are right, nothing is longer than was
 * asked for.
 */
#include <stdlib.h>
#include <string.h>

#include "serve/dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(int holds)
{
	if (!holds)
		abort();
}

static size_t get16(const uint8_t *p)
{
	return (size_t)p[0] << 8 | p[1];
}

static size_t skip_name(const uint8_t *reply, size_t n, size_t at)
{
	while (at < n && reply[at] != 0) {
		if (reply[at] >= 0xc0) {
			must(at + 2 <= n && get16(reply + at) - 0xc000u < at);
			return at + 2;
		}
		at += 1u + reply[at];
	}
	must(at < n);
	return at + 1;
}

static void check(const struct kith_buf *out, const struct kith_dns_question *question)
{
	size_t at = 12, i, n_records;

	must(out->n >= 12 && out->n <= question->reply_max && out->n <= KITH_DNS_UDP);
	must(get16(out->data) == question->id && (out->data[2] & 0x80) != 0);
	for (i = get16(out->data + 4); i > 0; i--)
		at = skip_name(out->data, out->n, at) + 4;
	n_records = get16(out->data + 6) + get16(out->data + 8) + get16(out->data + 10);
	for (i = 0; i < n_records; i++) {
		at = skip_name(out->data, out->n, at);
		must(at + 10 <= out->n);
		at += 10 + get16(out->data + at + 8);
	}
	must(at == out->n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const uint8_t text[1500];
	struct kith_dns_question question;
	struct kith_buf out = {NULL, 0, 0, false};
	struct kith_dns_zone zone;
	enum kith_dns_rcode rcode;
	size_t texts;

	must(kith_dns_zone_parse("hl.test", &zone, NULL) == KITH_OK);
	if (!kith_dns_parse(data, n, &zone, &question))
		return 0;
	rcode = question.rcode;
	must(kith_dns_begin(&question, &out));
	if (rcode == KITH_DNS_OK) {
		must(question.hash_n == 0 || question.hash_n == 32 || question.hash_n == 40 ||
		     question.hash_n == 64);
		must(question.hash_n == 0 || !question.at_zone);
		/* As many texts of such sizes as the input likes. */
		for (texts = n % 4; texts > 0; texts--)
			must(kith_dns_add_txt(text, n * 7 % sizeof text, &out));
		if (question.at_zone || n % 4 == 0)
			must(kith_dns_add_soa(&question, &zone, 1, !question.at_zone, &out));
	}
	must(kith_dns_end(&question, rcode, &out));
	check(&out, &question);
	kith_buf_done(&out);
	return 0;
}

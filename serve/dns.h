/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns.h: messages of DNS (RFC 1035, EDNS of RFC 6891), as far as one zone of TXT records needs
 * them:
 * `<hash>.<zone>`. A SHA-256 has 64 digits and a label at most 63 bytes, so a hash may be cut into
 * two labels, at any digit.
 *
 * What must hold: nothing behind the end of a message is read; names with pointers are refused, so
 * none can lead in a circle; a reply is never longer than the other side takes.
 */
#ifndef KITH_SERVE_DNS_H
#define KITH_SERVE_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "kith.h"

#define KITH_DNS_NAME 255u  /* bytes of a name on the wire */
#define KITH_DNS_UDP  4096u /* bytes of the longest message, either way */

enum kith_dns_rcode {
	KITH_DNS_OK = 0,
	KITH_DNS_FORMERR = 1,
	KITH_DNS_SERVFAIL = 2, /* could not tell */
	KITH_DNS_NXDOMAIN = 3, /* unknown */
	KITH_DNS_NOTIMP = 4,
	KITH_DNS_REFUSED = 5, /* outside of the zone */
	KITH_DNS_BADVERS = 16
};

struct kith_dns_zone {
	uint8_t name[KITH_DNS_NAME]; /* on the wire, lower case */
	size_t n;
};
enum kith_status kith_dns_zone_parse(const char *text, struct kith_dns_zone *ret,
				     struct kith_err *err);

struct kith_dns_question {
	enum kith_dns_rcode rcode; /* KITH_DNS_OK: look further */
	uint16_t id;
	uint16_t flags;                   /* as they came */
	uint8_t text[KITH_DNS_NAME + 4u]; /* the question, as it came; n 0: it could not be read */
	size_t n, name_n;
	bool has_edns;
	size_t reply_max;
	bool at_zone; /* the zone's own name */
	bool wants_txt, wants_soa;
	bool may_go_on;   /* one label of digits: names below it may exist */
	uint8_t hash[64]; /* its digits; hash_n 0: the name is none */
	size_t hash_n;
};

/* False: to be left without a reply. */
bool kith_dns_parse(const uint8_t *message, size_t n, const struct kith_dns_zone *zone,
		    struct kith_dns_question *ret);

/* A reply is begun, gets TXT records or the SOA, and is ended with its code. */
bool kith_dns_begin(const struct kith_dns_question *question, struct kith_buf *out);
bool kith_dns_add_txt(const void *text, size_t n, struct kith_buf *out);
/* authority: below the answers, as beside "there is none". */
bool kith_dns_add_soa(const struct kith_dns_question *question, const struct kith_dns_zone *zone,
		      uint32_t serial, bool authority, struct kith_buf *out);
/* Cuts what is too long, and says so (TC). False: no memory. */
bool kith_dns_end(const struct kith_dns_question *question, enum kith_dns_rcode rcode,
		  struct kith_buf *out);

#endif

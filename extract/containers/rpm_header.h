/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpm_header.h: the header structure of RPM packages: an index of tags over a store of values. Both
 * the signature and the main header of a package are one. After rpm_header_read() every entry of
 * the index lies inside the store, and every string in it ends there, so that the calls below
 * cannot fail for what is in the file but only for what is not.
 *
 * Source: rpm, docs/manual/format_v4.md ("Header format", "Tag data types").
 */
#ifndef KITH_CONTAINERS_RPM_HEADER_H
#define KITH_CONTAINERS_RPM_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blob/blob.h"
#include "kith.h"

/* Tags that are read here (rpm, docs/manual/tags.md). */
enum rpm_tag {
	RPM_TAG_NAME = 1000,
	RPM_TAG_VERSION = 1001,
	RPM_TAG_RELEASE = 1002,
	RPM_TAG_EPOCH = 1003,
	RPM_TAG_DISTRIBUTION = 1010,
	RPM_TAG_VENDOR = 1011,
	RPM_TAG_PACKAGER = 1015,
	RPM_TAG_URL = 1020,
	RPM_TAG_OS = 1021,
	RPM_TAG_OLDFILENAMES = 1027,
	RPM_TAG_FILESIZES = 1028,
	RPM_TAG_FILEMODES = 1030,
	RPM_TAG_FILEDIGESTS = 1035,
	RPM_TAG_FILEFLAGS = 1037,
	RPM_TAG_FILEDEVICES = 1095,
	RPM_TAG_FILEINODES = 1096,
	RPM_TAG_DIRINDEXES = 1116,
	RPM_TAG_BASENAMES = 1117,
	RPM_TAG_DIRNAMES = 1118,
	RPM_TAG_PAYLOADFORMAT = 1124,
	RPM_TAG_PAYLOADCOMPRESSOR = 1125,
	RPM_TAG_LONGFILESIZES = 5008,
	RPM_TAG_FILEDIGESTALGO = 5011,
	/* in the signature header, which has numbers of its own: what covers the main header (the
	 * last two cover the payload too) */
	RPM_SIGTAG_DSA = 267,
	RPM_SIGTAG_RSA = 268,
	RPM_SIGTAG_SHA256 = 273,
	RPM_SIGTAG_OPENPGP = 278,
	RPM_SIGTAG_PGP = 1002,
	RPM_SIGTAG_GPG = 1005
};

struct rpm_header {
	uint8_t *bytes; /* owned: index, then store */
	size_t n_index; /* entries */
	const uint8_t *store;
	size_t store_n;
};

/* Numbers of one tag, of 1, 2, 4 or 8 bytes; n is 0 where the tag is not there. */
struct rpm_numbers {
	const uint8_t *data;
	size_t n;
	unsigned width;
};

/* Strings of one tag, one behind the other; n is 0 where the tag is not there. */
struct rpm_strings {
	const uint8_t *store;
	uint32_t *starts; /* owned; where each begins in the store, and one more: where the next
			     would */
	size_t n;
};

/* The header at that offset of the blob; *ret_end: where it ends. KITH_E_CORRUPT with a sentence;
 * KITH_E_LIMIT when it is larger than KITH_LIMIT_METADATA. */
enum kith_status rpm_header_read(const struct kith_blob *blob, uint64_t at, struct rpm_header *ret,
				 uint64_t *ret_end, struct kith_err *err);
void rpm_header_done(struct rpm_header *header);

bool rpm_header_has(const struct rpm_header *header, enum rpm_tag tag);
/* The first string; of a translated one that is the untranslated text. Empty: not there. */
struct kith_bytes rpm_header_string(const struct rpm_header *header, enum rpm_tag tag);
struct rpm_numbers rpm_header_numbers(const struct rpm_header *header, enum rpm_tag tag);
/* i below numbers->n. */
uint64_t rpm_number(const struct rpm_numbers *numbers, size_t i);

/* False: no memory. */
bool rpm_header_strings(const struct rpm_header *header, enum rpm_tag tag, struct rpm_strings *ret);
void rpm_strings_done(struct rpm_strings *strings);
/* i below strings->n. */
struct kith_bytes rpm_string(const struct rpm_strings *strings, size_t i);

#endif

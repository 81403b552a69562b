/* SPDX-License-Identifier: Apache-2.0 */
/*
 * win_update.c: the XML of Windows servicing, where it is plain text.
 *
 *   update.mum    what the update is
 *   *.manifest    a component: for each file the SHA-256 that it has once installed, as base64 in
 *                 dsig:DigestValue (XML Signature 4.4.3.6)
 *   *.cix.xml     the index of a PSF: for each file its length and SHA-256, in hex. A Hash of a
 * Source is that of a delta; names under \f\, \r\ and \n\ are deltas as well.
 */
#include "base/bytes.h"
#include "base/hex.h"
#include "facts/inspect.h"
#include "facts/xml.h"

#define NAME_BYTES_MAX ((size_t)1024)

static bool is_name(const char *name, const char *is)
{
	return strcmp(name, is) == 0;
}

/* ------------------------------------------------------------------------- update.mum */

bool wants_update_mum(struct kith_bytes path, struct kith_bytes head)
{
	(void)head;
	return text_is_nocase(path_last(path), "update.mum");
}

static bool is_article(struct kith_bytes text)
{
	size_t i;

	if (text.n < 8 || text.n > 10 || !text_begins(text, "KB"))
		return false;
	for (i = 2; i < text.n; i++)
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
	return true;
}

static void on_mum_start(void *user, unsigned depth, const char *name, const char **attributes)
{
	const struct kith_fact_sink *const *sink = user;
	struct kith_bytes id;

	if (depth != 2)
		return;
	if (is_name(name, "assemblyIdentity")) {
		tell(*sink, KITH_FACT_VERSION, WEIGHT_IMAGE, xml_attribute(attributes, "version"));
		tell(*sink, KITH_FACT_DISTRIBUTOR, WEIGHT_IMAGE, bytes_of("Microsoft"));
		tell(*sink, KITH_FACT_TYPE, WEIGHT_IMAGE, bytes_of("update"));
		/* where no article is named */
		tell(*sink, KITH_FACT_PRODUCT, WEIGHT_GUESS, xml_attribute(attributes, "name"));
	} else if (is_name(name, "package")) {
		uint8_t product[32] = "Windows update ";

		id = xml_attribute(attributes, "identifier");
		if (!is_article(id))
			return;
		memcpy(product + 15, id.data, id.n);
		tell(*sink, KITH_FACT_PRODUCT, WEIGHT_IMAGE,
		     (struct kith_bytes){product, 15 + id.n});
	}
}

static void on_nothing(void *user, unsigned depth, const char *name, struct kith_bytes text)
{
	(void)user;
	(void)depth;
	(void)name;
	(void)text;
}

void text_update_mum(struct kith_bytes text, const struct kith_fact_sink *sink)
{
	static const struct xml_handler handler = {on_mum_start, on_nothing};

	(void)xml_scan(text, &handler, &sink);
}

/* -------------------------------------------------------------------- declared digests */

struct listing {
	const struct kith_fact_sink *sink;
	bool is_index;   /* CIX */
	unsigned depth;  /* of the file element; 0: in none */
	bool is_sha256;  /* by DigestMethod */
	bool has_digest; /* SHA-256 of the file that is being read */
	uint8_t digest[KITH_SHA256_SIZE];
	bool has_size;
	uint64_t size;
	uint8_t name[NAME_BYTES_MAX];
	size_t name_n; /* 0: too long, or a delta */
};

bool wants_win_manifest(struct kith_bytes path, struct kith_bytes head)
{
	if (text_ends_nocase(path, ".cix.xml"))
		return text_holds(head, "<Container");
	return text_ends_nocase(path, ".manifest") && text_holds(head, "<assembly");
}

/* RFC 4648, base64 of 32 bytes: 43 letters and "=". */
static bool decode_base64(struct kith_bytes text, uint8_t *ret)
{
	static const char letters[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t bits = 0;
	unsigned n_bits = 0;
	size_t i, n = 0;

	text = text_trim(text);
	if (text.n != 44 || text.data[43] != '=')
		return false;
	for (i = 0; i < 43; i++) {
		const char *at = text.data[i] == 0 ? NULL : strchr(letters, text.data[i]);

		if (at == NULL)
			return false;
		bits = bits << 6 | (uint32_t)(at - letters);
		n_bits += 6;
		if (n_bits >= 8) {
			n_bits -= 8;
			ret[n++] = (uint8_t)(bits >> n_bits);
		}
	}
	return n == KITH_SHA256_SIZE && (bits & ((1u << n_bits) - 1)) == 0;
}

/* '\' separates names on Windows. False for a component "f", "r" or "n": a delta. */
static bool set_name(struct listing *list, struct kith_bytes name)
{
	size_t i, start = 0;

	list->name_n = 0;
	if (name.n == 0 || name.n > sizeof list->name)
		return false;
	for (i = 0; i < name.n; i++) {
		uint8_t c = name.data[i];

		if (c == '\\' || c == '/') {
			if (list->is_index && i - start == 1 && start > 0 &&
			    strchr("frn", list->name[start]) != NULL)
				return false;
			start = i + 1;
			c = '/';
		}
		list->name[i] = c;
	}
	list->name_n = name.n;
	return true;
}

static bool read_number(struct kith_bytes text, uint64_t *ret)
{
	size_t i;

	*ret = 0;
	if (text.n == 0 || text.n > 18)
		return false;
	for (i = 0; i < text.n; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		*ret = *ret * 10 + (uint64_t)(text.data[i] - '0');
	}
	return true;
}

static void on_list_start(void *user, unsigned depth, const char *name, const char **attributes)
{
	struct listing *list = user;
	struct kith_bytes value;

	if (depth == 1)
		list->is_index = is_name(name, "Container");
	if (list->depth == 0 && is_name(name, list->is_index ? "File" : "file")) {
		list->depth = depth;
		list->has_digest = list->is_sha256 = false;
		(void)set_name(list, xml_attribute(attributes, "name"));
		list->has_size =
		    list->is_index && read_number(xml_attribute(attributes, "length"), &list->size);
		return;
	}
	if (list->depth == 0)
		return;
	value = xml_attribute(attributes, list->is_index ? "alg" : "Algorithm");
	if (!list->is_index && is_name(name, "DigestMethod"))
		list->is_sha256 = text_ends_nocase(value, "#sha256");
	if (list->is_index && is_name(name, "Hash") && depth == list->depth + 1 &&
	    text_is_nocase(value, "sha256")) {
		value = xml_attribute(attributes, "value");
		list->has_digest =
		    value.n == 2 * (size_t)KITH_SHA256_SIZE &&
		    kith_hex_decode((const char *)value.data, list->digest, KITH_SHA256_SIZE);
	}
}

static void on_list_end(void *user, unsigned depth, const char *name, struct kith_bytes text)
{
	struct listing *list = user;

	if (list->depth == 0)
		return;
	if (!list->is_index && is_name(name, "DigestValue") && list->is_sha256)
		list->has_digest = decode_base64(text, list->digest);
	if (depth != list->depth)
		return;
	list->depth = 0;
	if (list->has_digest && list->name_n > 0)
		list->sink->declared(list->sink->user, list->name, list->name_n, list->digest,
				     list->has_size, list->size);
}

void text_win_manifest(struct kith_bytes text, const struct kith_fact_sink *sink)
{
	static const struct xml_handler handler = {on_list_start, on_list_end};
	struct listing list = {.sink = sink};

	if (sink->declared != NULL)
		(void)xml_scan(text, &handler, &list);
}

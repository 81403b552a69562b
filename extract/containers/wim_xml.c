/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wim_xml.c: what the XML of a WIM says of its images. Only elements that hold nothing but text are
 * looked at; the scan goes over the text once.
 *
 * Images of one file (the editions of Windows) share most of their files, so they count as one
 * product: its name is what all their names begin with, word by word ("Windows 11" of "Windows 11
 * Home" and "Windows 11 Pro"), or else the first image's name. Version and editions are likewise
 * those of the first.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "containers/wim.h"

#define WEIGHT_WINDOWS 60u /* image metadata, see kith_emit_fact */
#define WEIGHT_NAME    20u /* a name that anybody gave, as a volume id */
#define TEXT_MAX       200u
#define LANGUAGES_MAX  64u

struct text {
	char bytes[TEXT_MAX];
	size_t n;
};

struct image {
	struct text name, display, product, edition, major, minor, build, spbuild;
};

struct xml {
	struct kith_emit *emit;
	struct kith_err *err;
	unsigned n_images;
	struct image image; /* that is being read */
	struct text common; /* what all names began with so far */
	struct image first;
	bool windows;
	struct text languages[LANGUAGES_MAX];
	size_t n_languages;
	bool encrypted;
};

/* The text of an element, with the five entities that XML has, blanks around it removed. */
static void set_text(struct text *to, const uint8_t *p, size_t n)
{
	static const struct {
		const char *name;
		char is;
	} entities[] = {
	    {"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
	size_t i = 0, e, m;

	while (n > 0 && p[0] <= ' ') {
		p++;
		n--;
	}
	while (n > 0 && p[n - 1] <= ' ')
		n--;
	to->n = 0;
	if (n >= TEXT_MAX) /* nothing that Windows has; a cut one would be wrong */
		return;
	while (i < n) {
		char c = (char)p[i];

		m = 1;
		for (e = 0; c == '&' && e < sizeof entities / sizeof entities[0]; e++) {
			size_t k = strlen(entities[e].name);

			if (n - i >= k && memcmp(p + i, entities[e].name, k) == 0) {
				to->bytes[to->n++] = entities[e].is;
				m = k;
				break;
			}
		}
		if (m == 1)
			to->bytes[to->n++] = c;
		i += m;
	}
}

static bool is(const uint8_t *name, size_t n, const char *what)
{
	return n == strlen(what) && memcmp(name, what, n) == 0;
}

static void add_language(struct xml *xml, const uint8_t *p, size_t n)
{
	struct text text;
	size_t i;

	set_text(&text, p, n);
	for (i = 0; i < xml->n_languages; i++)
		if (xml->languages[i].n == text.n &&
		    memcmp(xml->languages[i].bytes, text.bytes, text.n) == 0)
			return;
	if (text.n > 0 && xml->n_languages < LANGUAGES_MAX)
		xml->languages[xml->n_languages++] = text;
}

static void leaf(struct xml *xml, const uint8_t *name, size_t name_n, const uint8_t *p, size_t n)
{
	struct {
		const char *name;
		struct text *to;
	} texts[] = {
	    {"NAME", &xml->image.name},           {"DISPLAYNAME", &xml->image.display},
	    {"PRODUCTNAME", &xml->image.product}, {"EDITIONID", &xml->image.edition},
	    {"MAJOR", &xml->image.major},         {"MINOR", &xml->image.minor},
	    {"BUILD", &xml->image.build},         {"SPBUILD", &xml->image.spbuild},
	};
	size_t i;

	if (is(name, name_n, "LANGUAGE"))
		add_language(xml, p, n);
	for (i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (is(name, name_n, texts[i].name) && texts[i].to->n == 0)
			set_text(texts[i].to, p, n);
}

/* What both begin with, up to the end of a word. */
static void keep_common(struct text *common, const struct text *other)
{
	size_t n = 0, i;

	for (i = 0; i <= common->n && i <= other->n; i++) {
		bool a = i == common->n || common->bytes[i] == ' ';
		bool b = i == other->n || other->bytes[i] == ' ';

		if (a && b)
			n = i;
		if (i == common->n || i == other->n || common->bytes[i] != other->bytes[i])
			break;
	}
	common->n = n;
}

static void end_image(struct xml *xml)
{
	const struct text *name = xml->image.display.n > 0 ? &xml->image.display : &xml->image.name;

	if (xml->image.product.n > 0)
		xml->windows = true;
	if (xml->n_images++ == 0) {
		xml->first = xml->image;
		xml->common = *name;
	} else {
		keep_common(&xml->common, name);
	}
	memset(&xml->image, 0, sizeof xml->image);
}

static void scan(struct xml *xml, const uint8_t *p, const uint8_t *end)
{
	const uint8_t *open = NULL, *text = NULL; /* of the last element that was opened */
	size_t open_n = 0;

	while (p < end && (p = memchr(p, '<', (size_t)(end - p))) != NULL) {
		const uint8_t *tag = p + 1;
		const uint8_t *close = memchr(tag, '>', (size_t)(end - tag));
		size_t n;

		if (close == NULL)
			return;
		for (n = 0; tag + n < close && tag[n] > ' ' && (n == 0 || tag[n] != '/'); n++)
			;
		if (n > 0 && tag[0] == '/') {
			if (open != NULL && n - 1 == open_n && memcmp(tag + 1, open, open_n) == 0)
				leaf(xml, open, open_n, text, (size_t)(p - text));
			if (is(tag, n, "/IMAGE"))
				end_image(xml);
			open = NULL;
		} else {
			if (is(tag, n, "ENCRYPTED"))
				xml->encrypted = true;
			open = tag;
			open_n = n;
			text = close + 1;
		}
		p = close + 1;
	}
}

static enum kith_status fact(struct xml *xml, enum kith_status st, enum kith_fact kind,
			     unsigned weight, const char *text, size_t n)
{
	if (st < 0 || n == 0)
		return st;
	return kith_emit_fact(xml->emit, kind, weight, text, n, xml->err);
}

static enum kith_status tell(struct xml *xml)
{
	const struct image *first = &xml->first;
	const struct text *name = first->display.n > 0 ? &first->display : &first->name;
	unsigned weight = xml->windows ? WEIGHT_WINDOWS : WEIGHT_NAME;
	enum kith_status st = KITH_OK;
	char version[4 * TEXT_MAX + 4];
	size_t i;
	int n;

	if (xml->common.n > 0)
		name = &xml->common;
	st = fact(xml, st, KITH_FACT_PRODUCT, weight, name->bytes, name->n);
	for (i = 0; i < xml->n_languages; i++)
		st = fact(xml, st, KITH_FACT_LANGUAGE, weight, xml->languages[i].bytes,
			  xml->languages[i].n);
	if (!xml->windows)
		return st;
	st = fact(xml, st, KITH_FACT_SYSTEM, weight, name->bytes, name->n);
	st = fact(xml, st, KITH_FACT_TYPE, weight, "operating system", 16);
	/* "Microsoft® Windows® Operating System" */
	if (first->product.n >= 9 && memcmp(first->product.bytes, "Microsoft", 9) == 0)
		st = fact(xml, st, KITH_FACT_DISTRIBUTOR, weight, "Microsoft", 9);
	if (first->major.n == 0 || first->build.n == 0)
		return st;
	n = snprintf(version, sizeof version, "%.*s.%.*s.%.*s%s%.*s", (int)first->major.n,
		     first->major.bytes, (int)first->minor.n, first->minor.bytes,
		     (int)first->build.n, first->build.bytes, first->spbuild.n > 0 ? "." : "",
		     (int)first->spbuild.n, first->spbuild.bytes);
	return fact(xml, st, KITH_FACT_VERSION, weight, version, (size_t)n);
}

enum kith_status wim_xml(struct kith_emit *emit, const uint8_t *utf16, size_t n,
			 bool *ret_encrypted, struct kith_err *err)
{
	struct xml *xml = calloc(1, sizeof *xml);
	struct kith_buf utf8 = {0};
	enum kith_status st = KITH_OK;

	if (xml == NULL || !kith_utf16_name(&utf8, utf16, n)) {
		st = kith_fail_nomem(err);
	} else {
		xml->emit = emit;
		xml->err = err;
		if (utf8.n > 0)
			scan(xml, utf8.data, utf8.data + utf8.n);
		*ret_encrypted = xml->encrypted;
		st = tell(xml);
	}
	kith_buf_done(&utf8);
	free(xml);
	return st;
}

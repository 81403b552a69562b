/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "nsrl_common.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/limits.h"

static const struct {
	enum kith_ledger_class class_;
	const char *text;
} reasons[NSRL_REASONS] = {
#define NSRL_REASON(id, class_, text) {KITH_LEDGER_##class_, text},
#include "nsrl_reasons.def"
#undef NSRL_REASON
};

void nsrl_tally_flush(struct nsrl_tally *tally, struct kith_ledger *ledger, uint32_t source,
		      const char *unit)
{
	size_t i;

	for (i = 0; i < NSRL_REASONS; i++) {
		if (tally->count[i] == 0)
			continue;
		if (reasons[i].class_ == KITH_LEDGER_COUNT) {
			kith_ledger_note(ledger, source, reasons[i].class_, reasons[i].text,
					 tally->count[i], "", 0);
			continue;
		}
		kith_ledger_notef(ledger, source, reasons[i].class_, reasons[i].text, "%s %llu",
				  unit, (unsigned long long)tally->first[i]);
		if (tally->count[i] > 1)
			kith_ledger_note(ledger, source, reasons[i].class_, reasons[i].text,
					 tally->count[i] - 1, "", 0);
	}
	memset(tally, 0, sizeof *tally);
}

void nsrl_fault_take(struct nsrl_fault *fault, const struct kith_unpack *unpack, const char *member)
{
	*fault = (struct nsrl_fault){.fault = kith_unpack_fault(unpack),
				     .offset = kith_unpack_offset(unpack)};
	(void)snprintf(fault->member, sizeof fault->member, "%s", member);
}

/* A checksum is behind all that it is of: what can be read of a damaged member has none. */
void nsrl_fault_note(const struct nsrl_fault *fault, struct kith_ledger *ledger, uint32_t source)
{
	if (fault->fault == KITH_UNPACK_BROKEN)
		kith_ledger_notef(ledger, source, KITH_LEDGER_FAILED,
				  "archive damaged or cut off: what it had until there is kept "
				  "without a checksum",
				  "'%s', at offset %llu of its content", fault->member,
				  (unsigned long long)fault->offset);
	else if (fault->fault == KITH_UNPACK_CHECKSUM)
		kith_ledger_notef(ledger, source, KITH_LEDGER_FAILED,
				  "archive with a wrong checksum: any row of it may be wrong",
				  "'%s'", fault->member);
}

/* ---------------------------------------------------------------- source */

struct kith_bytes nsrl_trim(struct kith_bytes text)
{
	while (text.n > 0 && (text.data[0] == ' ' || text.data[0] == '\t')) {
		text.data++;
		text.n--;
	}
	while (text.n > 0 && (text.data[text.n - 1] == ' ' || text.data[text.n - 1] == '\t' ||
			      text.data[text.n - 1] == '\r' || text.data[text.n - 1] == '\n'))
		text.n--;
	return text;
}

struct kith_bytes nsrl_base_name(const char *path)
{
	const char *end = path + strlen(path), *start;

	while (end > path && end[-1] == '/')
		end--;
	start = end;
	while (start > path && start[-1] != '/')
		start--;
	return (struct kith_bytes){(const uint8_t *)start, (size_t)(end - start)};
}

/* What the NSRL's licence asks for: a work derived from it must not pose as its publication. */
static bool add_notice(struct kith_buf *text, const struct nsrl_release *release)
{
	static const char head[] = "derived from the NSRL Reference Data Set, release ";
	static const char tail[] = "; this is not the RDS and not published by NIST";

	kith_buf_add(text, head, sizeof head - 1);
	kith_buf_add(text, release->release.data, release->release.n);
	kith_buf_add(text, " (", 2);
	kith_buf_add(text, release->set.data, release->set.n);
	kith_buf_add(text, ")", 1);
	return kith_buf_add(text, tail, sizeof tail - 1) && !text->failed;
}

enum kith_status nsrl_declare(const struct kith_source_args *args,
			      const struct nsrl_release *release, uint32_t *ret_source,
			      uint32_t *ret_root, struct kith_err *err)
{
	static const char label[] = "National Software Reference Library (NSRL)";
	struct kith_buf id = {0}, notice = {0};
	struct kith_source source = {
	    .evidence = KITH_REFERENCE,
	    .label = {(const uint8_t *)label, sizeof label - 1},
	    .release = release->release,
	    .date = release->date,
	};
	enum kith_status st;

	kith_buf_add(&id, release->prefix, strlen(release->prefix));
	kith_buf_add(&id, "/", 1);
	kith_buf_add(&id, release->set.data, release->set.n);
	kith_buf_add(&id, "/", 1);
	kith_buf_add(&id, release->release.data, release->release.n);
	if (id.failed || !add_notice(&notice, release)) {
		st = kith_fail_nomem(err);
		goto out;
	}
	source.id = (struct kith_bytes){id.data, id.n};
	source.notice = (struct kith_bytes){notice.data, notice.n};
	st = kith_decl_source(args->decl, &source, ret_source, ret_root, err);
	if (st == KITH_E_ARG)
		st = kith_fail(err, st, "another input is the source '%.*s' already%s", (int)id.n,
			       (const char *)id.data,
			       args->set_name != NULL
				   ? "; leave out --set-name, or build them one by one "
				     "and merge"
				   : "");
out:
	kith_buf_done(&id);
	kith_buf_done(&notice);
	return st;
}

/* ------------------------------------------------------------------- zips */

static const char *last_component(const char *member)
{
	const char *slash = strrchr(member, '/');

	return slash == NULL ? member : slash + 1;
}

bool nsrl_is_member(const char *member, const char *name)
{
	const char *last = last_component(member);
	size_t n = strlen(name);

	/* ISO 9660 adds a version: "NSRLFILE.ZIP;1" */
	return strncasecmp(last, name, n) == 0 && (last[n] == '\0' || strcmp(last + n, ";1") == 0);
}

bool nsrl_has_suffix(const char *member, const char *suffix)
{
	const char *last = last_component(member);
	size_t n = strlen(last), suffix_n = strlen(suffix);

	return n > suffix_n && strncmp(last, "._", 2) != 0 &&
	       strcasecmp(last + n - suffix_n, suffix) == 0;
}

/* One name of a zip's local header. */
static enum nsrl_zip name_kind(const uint8_t *name, size_t n)
{
	static const char *const v2[] = {"NSRLFile.txt", "NSRLFile.txt.zip", "NSRLMfg.txt",
					 "NSRLOS.txt", "NSRLProd.txt"};
	char text[256];
	size_t i;

	if (n >= sizeof text)
		return NSRL_ZIP_UNSURE;
	memcpy(text, name, n);
	text[n] = '\0';
	for (i = 0; i < sizeof v2 / sizeof v2[0]; i++)
		if (nsrl_is_member(text, v2[i]))
			return NSRL_ZIP_V2;
	return nsrl_has_suffix(text, ".db") || nsrl_has_suffix(text, ".sql") ? NSRL_ZIP_V3
									     : NSRL_ZIP_UNSURE;
}

enum nsrl_zip nsrl_zip_kind(const uint8_t *head, size_t n)
{
	const size_t header_n = 30;
	size_t pos = 0;

	if (n < 4 || (memcmp(head, "PK\3\4", 4) != 0 && memcmp(head, "PK\5\6", 4) != 0))
		return NSRL_ZIP_NONE;
	while (n - pos >= header_n && memcmp(head + pos, "PK\3\4", 4) == 0) {
		const uint8_t *h = head + pos;
		size_t flags = (size_t)(h[6] | h[7] << 8), packed = kith_get_le32(h + 18);
		size_t name_n = (size_t)(h[26] | h[27] << 8),
		       extra_n = (size_t)(h[28] | h[29] << 8);
		enum nsrl_zip kind;

		if (name_n > n - pos - header_n)
			break;
		kind = name_kind(h + header_n, name_n);
		if (kind != NSRL_ZIP_UNSURE)
			return kind;
		/* bit 3: the sizes follow the data, so that the next header cannot be found */
		if ((flags & 8) != 0 || packed > n ||
		    n - pos - header_n - name_n < extra_n + packed)
			break;
		pos += header_n + name_n + extra_n + packed;
	}
	return NSRL_ZIP_UNSURE;
}

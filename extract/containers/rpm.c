/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpm.c: RPM packages, binary and source, of versions 3, 4 and 6: a lead, a signature header, the
 * main header, the payload (rpm, docs/manual/format_lead.md, format_v4.md, format_v6.md).
 *
 * The main header says who made the package, and has a digest of each file. Those digests are the
 * packager's claim; where a signature covers the header they are a signed one, although nothing
 * here can check the signature, which would take the packager's key. A header that is not the one
 * whose SHA-256 stands beside the signature is not what was signed.
 */
#include <string.h>

#include "base/err.h"
#include "base/hex.h"
#include "base/sha256.h"
#include "containers/libarchive.h"
#include "containers/rpm_header.h"
#include "containers/rpm_payload.h"
#include "facts/facts.h"

#define LEAD_N          96u
#define LEAD_TYPE       6u /* two bytes: 0 binary, 1 source */
#define FACT_WEIGHT     100u
#define PACKAGER_WEIGHT 40u

struct package {
	const struct kith_container_in *in;
	struct rpm_header signature, header;
	uint64_t header_at, payload_at;
	struct rpm_files files;
	bool signed_;
};

static enum kith_status note(const struct package *package, enum kith_ledger_class class_,
			     const char *reason, struct kith_bytes example, struct kith_err *err)
{
	return kith_emit_note(package->in->emit, class_, reason, example.data, example.n, err);
}

static struct kith_bytes text(const char *s)
{
	return (struct kith_bytes){(const uint8_t *)s, strlen(s)};
}

/* ------------------------------------------------------------------------ headers */

/* The SHA-256 of the main header as it lies in the file. */
static enum kith_status check_digest(struct package *package, struct kith_err *err)
{
	struct kith_bytes hex = rpm_header_string(&package->signature, RPM_SIGTAG_SHA256);
	uint8_t want[KITH_SHA256_SIZE], have[KITH_SHA256_SIZE], buf[4096];
	struct kith_sha256 sha;
	uint64_t at;

	if (hex.n != 2 * sizeof want || !kith_hex_decode((const char *)hex.data, want, sizeof want))
		return KITH_OK; /* older packages have none */
	kith_sha256_init(&sha);
	for (at = package->header_at; at < package->payload_at;) {
		uint64_t left = package->payload_at - at;
		size_t n = left < sizeof buf ? (size_t)left : sizeof buf;
		enum kith_status st = kith_blob_read(package->in->blob, at, buf, n, err);

		if (st < 0)
			return st;
		kith_sha256_add(&sha, buf, n);
		at += n;
	}
	kith_sha256_end(&sha, have);
	if (memcmp(want, have, sizeof want) == 0)
		return KITH_OK;
	package->signed_ = false;
	return note(package, KITH_LEDGER_FAILED, "the header is not the one that was signed", hex,
		    err);
}

static enum kith_status read_headers(struct package *package, struct kith_err *err)
{
	static const uint8_t magic[4] = {0xed, 0xab, 0xee, 0xdb};
	static const enum rpm_tag signatures[] = {RPM_SIGTAG_DSA, RPM_SIGTAG_RSA, RPM_SIGTAG_PGP,
						  RPM_SIGTAG_GPG, RPM_SIGTAG_OPENPGP};
	const struct kith_blob *blob = package->in->blob;
	uint8_t lead[LEAD_N];
	uint64_t end;
	size_t i;
	enum kith_status st = kith_blob_read(blob, 0, lead, sizeof lead, err);

	if (st < 0)
		return st;
	if (memcmp(lead, magic, sizeof magic) != 0)
		return kith_fail(err, KITH_E_CORRUPT, "not an RPM package");
	if (lead[LEAD_TYPE] == 0 && lead[LEAD_TYPE + 1] == 1) {
		st = kith_emit_kind(package->in->emit, "source rpm", err);
		if (st < 0)
			return st;
	}
	st = rpm_header_read(blob, LEAD_N, &package->signature, &end, err);
	if (st < 0) {
		kith_err_context(err, "signature");
		return st;
	}
	for (i = 0; i < sizeof signatures / sizeof *signatures; i++)
		package->signed_ |= rpm_header_has(&package->signature, signatures[i]);
	/* The signature header, and no other, is padded to 8 bytes. */
	package->header_at = (end + 7) / 8 * 8;
	st = rpm_header_read(blob, package->header_at, &package->header, &package->payload_at, err);
	if (st < 0) {
		kith_err_context(err, "header");
		return st;
	}
	return check_digest(package, err);
}

/* -------------------------------------------------------------------------- facts */

static enum kith_status fact(const struct package *package, enum kith_fact kind,
			     struct kith_bytes value, struct kith_err *err)
{
	if (value.n == 0)
		return KITH_OK;
	return kith_emit_fact(package->in->emit, kind, FACT_WEIGHT, value.data, value.n, err);
}

/* [epoch:]version-release */
static enum kith_status fact_version(const struct package *package, struct kith_err *err)
{
	struct rpm_numbers epoch = rpm_header_numbers(&package->header, RPM_TAG_EPOCH);
	struct kith_bytes version = rpm_header_string(&package->header, RPM_TAG_VERSION);
	struct kith_bytes release = rpm_header_string(&package->header, RPM_TAG_RELEASE);
	struct kith_buf out = {0};
	char digits[24];
	size_t at = sizeof digits;
	uint64_t v = epoch.n == 0 ? 0 : rpm_number(&epoch, 0);
	enum kith_status st = KITH_OK;

	if (version.n == 0)
		return KITH_OK;
	if (v > 0) {
		digits[--at] = ':';
		for (; v > 0; v /= 10)
			digits[--at] = (char)('0' + v % 10);
	}
	(void)kith_buf_add(&out, digits + at, sizeof digits - at);
	(void)kith_buf_add(&out, version.data, version.n);
	if (release.n > 0) {
		(void)kith_buf_add_byte(&out, '-');
		(void)kith_buf_add(&out, release.data, release.n);
	}
	st = out.failed
		 ? kith_fail_nomem(err)
		 : fact(package, KITH_FACT_VERSION, (struct kith_bytes){out.data, out.n}, err);
	kith_buf_done(&out);
	return st;
}

static struct kith_bytes said(const struct package *package, enum rpm_tag tag)
{
	struct kith_bytes value = rpm_header_string(&package->header, tag);

	if (value.n == 6 && memcmp(value.data, "(none)", 6) == 0)
		value.n = 0;
	return value;
}

/* VENDOR is where distributors put their name; not all do. Whoever built the package may be
 * anybody, unless the address is a distributor's. */
static enum kith_status fact_distributor(const struct package *package, struct kith_err *err)
{
	struct kith_bytes value = said(package, RPM_TAG_VENDOR);
	bool known = true;

	if (value.n == 0)
		value = said(package, RPM_TAG_DISTRIBUTION);
	if (value.n > 0)
		value = kith_distributor_of_name(value);
	else if (!kith_distributor_of_mail(said(package, RPM_TAG_PACKAGER), &value, &known))
		return KITH_OK;
	return kith_emit_fact(package->in->emit, KITH_FACT_DISTRIBUTOR,
			      known ? FACT_WEIGHT : PACKAGER_WEIGHT, value.data, value.n, err);
}

static enum kith_status facts(const struct package *package, struct kith_err *err)
{
	const struct rpm_header *header = &package->header;
	enum kith_status st =
	    fact(package, KITH_FACT_PRODUCT, rpm_header_string(header, RPM_TAG_NAME), err);

	if (st >= 0)
		st = fact_version(package, err);
	if (st >= 0)
		st = fact_distributor(package, err);
	if (st >= 0)
		st = fact(package, KITH_FACT_LINK, rpm_header_string(header, RPM_TAG_URL), err);
	if (st >= 0)
		st = fact(package, KITH_FACT_SYSTEM, rpm_header_string(header, RPM_TAG_OS), err);
	return st;
}

/* ------------------------------------------------------------------------ payload */

static bool is(struct kith_bytes value, const char *s)
{
	return value.n == strlen(s) && memcmp(value.data, s, value.n) == 0;
}

/* The bytes tell the compression; the header should say the same. */
static enum kith_status check_compressor(const struct package *package, enum kith_format format,
					 struct kith_err *err)
{
	struct kith_bytes says = rpm_header_string(&package->header, RPM_TAG_PAYLOADCOMPRESSOR);

	if (says.n == 0 ||
	    is(says, format == KITH_FORMAT_NONE ? "none" : kith_format_info(format)->name))
		return KITH_OK;
	return note(package, KITH_LEDGER_MARKED, "the payload's compression is another one", says,
		    err);
}

static enum kith_status check_algorithm(const struct package *package, struct kith_err *err)
{
	unsigned algorithm = package->files.digest_algorithm;

	if (package->files.digests.n == 0 || algorithm == 1 || algorithm == 2 || algorithm == 8)
		return KITH_OK;
	return note(package, KITH_LEDGER_SKIPPED, "digests that are not MD5, SHA-1 or SHA-256",
		    rpm_header_string(&package->header, RPM_TAG_NAME), err);
}

static enum kith_status detect(const struct package *package, enum kith_format *ret,
			       struct kith_err *err)
{
	uint8_t head[512]; /* more than the magic of a compression takes */
	struct kith_peek peek = {.head = head, .has_size = true};
	enum kith_status st = kith_blob_read_some(package->in->blob, package->payload_at, head,
						  sizeof head, &peek.head_n, err);

	if (st < 0)
		return st;
	peek.size = package->in->blob->size - package->payload_at;
	*ret = kith_detect(&peek);
	if (*ret == KITH_FORMAT_CPIO || (peek.head_n >= 6 && memcmp(head, "07070X", 6) == 0))
		*ret = KITH_FORMAT_NONE;
	else if (*ret == KITH_FORMAT_NONE)
		return kith_fail(err, KITH_E_UNSUPPORTED, "a payload of unknown compression");
	return KITH_OK;
}

static enum kith_status payload(struct package *package, struct kith_err *err)
{
	struct kith_bytes says = rpm_header_string(&package->header, RPM_TAG_PAYLOADFORMAT);
	struct rpm_payload payload = {
	    .in = package->in,
	    .files = &package->files,
	    .offset = package->payload_at,
	    .signed_ = package->signed_,
	};
	enum kith_status st;

	if (says.n > 0 && !is(says, "cpio"))
		return kith_fail(err, KITH_E_UNSUPPORTED, "a payload of the format '%.*s'",
				 (int)(says.n < 32 ? says.n : 32), (const char *)says.data);
	st = detect(package, &payload.format, err);
	if (st >= 0)
		st = check_compressor(package, payload.format, err);
	if (st >= 0)
		st = check_algorithm(package, err);
	return st < 0 ? st : rpm_payload_walk(&payload, err);
}

static enum kith_status walk(const struct kith_container_in *in, struct kith_err *err)
{
	struct package package = {.in = in};
	struct kith_err bad = {0};
	enum kith_status st = read_headers(&package, err);

	if (st >= 0)
		st = facts(&package, err);
	if (st >= 0) {
		st = rpm_files_read(&package.header, &package.files, &bad);
		/* The payload may still have the names itself. */
		if (st == KITH_E_CORRUPT || st == KITH_E_LIMIT)
			st = note(&package, KITH_LEDGER_FAILED, "no list of files", text(bad.msg),
				  err);
		else if (st < 0 && err != NULL)
			*err = bad;
	}
	if (st >= 0)
		st = payload(&package, err);
	rpm_files_done(&package.files);
	rpm_header_done(&package.header);
	rpm_header_done(&package.signature);
	return st < 0 ? st : KITH_OK;
}

const struct kith_container_ops kith_container_rpm = {
    .id = "rpm", .prepare = kith_la_prepare, .walk = walk};

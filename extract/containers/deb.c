/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deb.c: Debian packages: an ar with `debian-binary`, `control.tar*`, `data.tar*` in that order
 * (deb(5)). All members are reported where they lie, and the two archives are opened like any
 * other; of the control archive this file only looks at `control`, which says what the package is,
 * and `md5sums`, which says what the files of the data archive must be.
 *
 * dpkg ignores members whose names begin with '_', and all behind the data; here nothing is
 * ignored, and what deb(5) does not allow is noted.
 */
#include <string.h>

#include "base/err.h"
#include "base/hex.h"
#include "base/limits.h"
#include "containers/ar_members.h"
#include "containers/container.h"
#include "containers/fact_emit.h"
#include "containers/unpacked.h"

/* Members that are looked at; packages have three. */
#define MEMBERS_MAX 1000u

/* The archives' names: deb(5) for dpkg 1.21. */
static const char *const control_names[] = {"control.tar", "control.tar.gz", "control.tar.xz",
					    "control.tar.zst", NULL};
static const char *const data_names[] = {
    "data.tar",     "data.tar.gz",   "data.tar.xz", "data.tar.zst",
    "data.tar.bz2", "data.tar.lzma", NULL};

struct package {
	const struct kith_container_in *in;
	struct kith_extent control; /* bytes 0: none */
	const char *data;           /* the data archive's name; NULL: none */
};

static enum kith_status note(const struct package *package, enum kith_ledger_class class_,
			     const char *reason, const struct kith_ar_member *member,
			     struct kith_err *err)
{
	return kith_emit_note(package->in->emit, class_, reason,
			      member == NULL ? NULL : member->name,
			      member == NULL ? 0 : member->name_n, err);
}

static bool is(const struct kith_ar_member *member, const char *name)
{
	return member->name_n == strlen(name) && memcmp(member->name, name, member->name_n) == 0;
}

static const char *one_of(const struct kith_ar_member *member, const char *const *names)
{
	for (; *names != NULL; names++)
		if (is(member, *names))
			return *names;
	return NULL;
}

/* "2.0\n", and perhaps more lines. */
static enum kith_status check_version(const struct package *package,
				      const struct kith_ar_member *member, struct kith_err *err)
{
	uint8_t text[2];
	enum kith_status st;

	if (member->size < sizeof text)
		return note(package, KITH_LEDGER_MARKED, "debian-binary has no version", member,
			    err);
	st = kith_blob_read(package->in->blob, member->offset, text, sizeof text, err);
	if (st >= 0 && memcmp(text, "2.", sizeof text) != 0)
		st = note(package, KITH_LEDGER_MARKED, "a package format that is not 2", member,
			  err);
	return st;
}

static enum kith_status look_at_member(struct package *package, unsigned number,
				       const struct kith_ar_member *member, struct kith_err *err)
{
	const char *name;

	if (is(member, "debian-binary")) {
		if (number != 0)
			return note(package, KITH_LEDGER_MARKED, "debian-binary is not the first",
				    member, err);
		return check_version(package, member, err);
	}
	if (one_of(member, control_names) != NULL) {
		if (package->control.bytes > 0)
			return note(package, KITH_LEDGER_MARKED, "a second control archive", member,
				    err);
		package->control = (struct kith_extent){member->offset, member->size};
		if (package->data != NULL)
			return note(package, KITH_LEDGER_MARKED,
				    "the control archive is behind the data", member, err);
		return KITH_OK;
	}
	name = one_of(member, data_names);
	if (name != NULL) {
		if (package->data != NULL)
			return note(package, KITH_LEDGER_MARKED, "a second data archive", member,
				    err);
		package->data = name;
		return KITH_OK;
	}
	return note(package, KITH_LEDGER_MARKED, "a member that packages do not have", member, err);
}

/* What is damaged behind the members that were looked at is found again when they are emitted. */
static enum kith_status look(struct package *package, struct kith_err *err)
{
	struct kith_ar ar;
	struct kith_ar_member member;
	unsigned number = 0;
	enum kith_status st = kith_ar_open(&ar, package->in->blob, err);

	while (st >= 0 && number < MEMBERS_MAX) {
		struct kith_err damage = {0};

		st = kith_ar_next(&ar, &member, &damage);
		if (st != KITH_OK) {
			if (st < 0 && st != KITH_E_CORRUPT && err != NULL)
				*err = damage;
			break;
		}
		if (!member.table)
			st = look_at_member(package, number, &member, err);
		number++;
	}
	kith_ar_done(&ar);
	if (st < 0 && st != KITH_E_CORRUPT)
		return st;
	st = KITH_OK;
	if (package->control.bytes == 0)
		st = note(package, KITH_LEDGER_FAILED, "no control archive", NULL, err);
	if (st >= 0 && package->data == NULL)
		st = note(package, KITH_LEDGER_FAILED, "no data archive", NULL, err);
	return st;
}

/* "d41d8cd98f00b204e9800998ecf8427e  usr/share/doc/x": paths as in the data archive, where they
 * begin with "./". */
static enum kith_status expect_line(const struct package *package, struct kith_bytes line,
				    struct kith_buf *path, struct kith_err *err)
{
	struct kith_declared declared = {.has_md5 = true};
	const size_t digits = 2 * sizeof declared.md5;

	if (line.n < digits + 3 ||
	    !kith_hex_decode((const char *)line.data, declared.md5, sizeof declared.md5) ||
	    line.data[digits] != ' ' ||
	    (line.data[digits + 1] != ' ' && line.data[digits + 1] != '*'))
		return kith_emit_note(package->in->emit, KITH_LEDGER_SKIPPED, "a line of md5sums",
				      line.data, line.n, err);
	path->n = 0;
	line.data += digits + 2;
	line.n -= digits + 2;
	kith_entry_path(&line.data, &line.n);
	if (line.data[0] != '/')
		(void)kith_buf_add_byte(path, '/');
	if (!kith_buf_add(path, line.data, line.n))
		return kith_fail_nomem(err);
	return kith_emit_expect(package->in->emit, package->data, path->data, path->n, &declared,
				err);
}

static enum kith_status expect(const struct package *package, const struct kith_buf *md5sums,
			       struct kith_err *err)
{
	struct kith_buf path = {0};
	const uint8_t *at = md5sums->data, *end = at + md5sums->n;
	enum kith_status st = KITH_OK;

	while (at < end && st >= 0) {
		const uint8_t *lf = memchr(at, '\n', (size_t)(end - at));
		struct kith_bytes line = {at, (size_t)((lf == NULL ? end : lf) - at)};

		if (line.n > 0)
			st = expect_line(package, line, &path, err);
		at = lf == NULL ? end : lf + 1;
	}
	kith_buf_done(&path);
	return st;
}

/* A file of the control archive. *ret tells whether it is there; what is damaged is noted. */
static enum kith_status control_file(const struct package *package, const char *name,
				     struct kith_buf *text, bool *ret, struct kith_err *err)
{
	struct kith_blob control;
	struct kith_err damage = {0};
	enum kith_status st =
	    kith_blob_parts(&control, package->in->blob, &package->control, 1, &damage);

	if (st >= 0)
		st = kith_unpacked_tar_member(&control, name, KITH_LIMIT_METADATA, text, &damage);
	kith_blob_done(&control);
	*ret = st == KITH_OK;
	if (st >= 0)
		return KITH_OK;
	if (st == KITH_E_NOMEM || st == KITH_E_IO) {
		if (err != NULL)
			*err = damage;
		return st;
	}
	return kith_emit_note(package->in->emit, KITH_LEDGER_FAILED,
			      "the control archive is damaged", damage.msg, strlen(damage.msg),
			      err);
}

static enum kith_status facts(const struct package *package, const struct kith_buf *control,
			      struct kith_err *err)
{
	struct kith_fact_emit facts;

	kith_fact_emit_init(&facts, package->in->emit, err);
	kith_facts_deb_control((struct kith_bytes){control->data, control->n}, &facts.sink);
	return facts.st;
}

static enum kith_status read_control(const struct package *package, struct kith_err *err)
{
	struct kith_buf text = {0};
	bool found;
	enum kith_status st = control_file(package, "control", &text, &found, err);

	if (st >= 0 && found)
		st = facts(package, &text, err);
	else if (st >= 0)
		st = note(package, KITH_LEDGER_FAILED, "no control file", NULL, err);
	if (st >= 0 && package->data != NULL) {
		st = control_file(package, "md5sums", &text, &found, err);
		if (st >= 0 && found)
			st = expect(package, &text, err);
	}
	kith_buf_done(&text);
	return st;
}

static enum kith_status emit_members(const struct kith_container_in *in, struct kith_err *err)
{
	struct kith_ar ar;
	struct kith_ar_member member;
	enum kith_status st = kith_ar_open(&ar, in->blob, err);

	while (st >= 0 && (st = kith_ar_next(&ar, &member, err)) == KITH_OK) {
		struct kith_entry entry = {
		    .kind = KITH_ENTRY_FILE,
		    .name = member.name,
		    .name_n = member.name_n,
		    .has_size = true,
		    .size = member.size,
		};
		struct kith_extent extent = {member.offset, member.size};

		st = kith_emit_in_place(in->emit, &entry, &extent, 1, err);
	}
	kith_ar_done(&ar);
	return st < 0 ? st : KITH_OK;
}

static enum kith_status walk(const struct kith_container_in *in, struct kith_err *err)
{
	struct package package = {.in = in};
	enum kith_status st = look(&package, err);

	if (st >= 0 && package.control.bytes > 0)
		st = read_control(&package, err);
	return st < 0 ? st : emit_members(in, err);
}

const struct kith_container_ops kith_container_deb = {
    .id = "deb", .prepare = kith_la_prepare, .walk = walk};

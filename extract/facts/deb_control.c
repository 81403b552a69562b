/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deb_control.c: the control file of a Debian package (Debian Policy 5.3), the Release file of an
 * archive of them (Debian wiki, "DebianRepository/Format"), and .disk/info of an install medium.
 * The first two are "Name: value" lines; continued lines begin with a blank and hold nothing of
 * ours.
 */
#include "facts/inspect.h"

/* The next field of the first paragraph; false at its end. */
static bool next_field(struct kith_bytes *rest, struct kith_bytes *ret_name,
		       struct kith_bytes *ret_value)
{
	struct kith_bytes line;

	while (text_line(rest, &line)) {
		if (text_trim(line).n == 0)
			return false;
		if (line.data[0] == ' ' || line.data[0] == '\t' || line.data[0] == '#')
			continue;
		if (text_split(line, ':', ret_name, ret_value))
			return true;
	}
	return false;
}

/* Reads the fields of those names, in lower case; the first of several. */
static void read_fields(struct kith_bytes text, const char *const *names, struct kith_bytes *values,
			unsigned n)
{
	struct kith_bytes name, value;
	unsigned i;

	memset(values, 0, n * sizeof *values);
	while (next_field(&text, &name, &value))
		for (i = 0; i < n; i++)
			if (values[i].data == NULL && text_is_nocase(name, names[i]))
				values[i] = value;
}

/* ----------------------------------------------------------------------- packages */

bool wants_deb_control(struct kith_bytes path, struct kith_bytes head)
{
	return text_is(path_rooted(path), "control") && text_begins(head, "Package:");
}

/* Debian Policy 3.2, Debian Developer's Reference 5.11 and Ubuntu's rules for versions: whose
 * revision it is, where the maintainer's private address does not say. */
static const char *by_version(struct kith_bytes version)
{
	if (text_holds(version, "ubuntu"))
		return "Canonical";
	if (text_holds(version, "+deb") || text_holds(version, "~deb") ||
	    text_holds(version, "~bpo"))
		return "Debian";
	return NULL;
}

void text_deb_control(struct kith_bytes text, const struct kith_fact_sink *sink)
{
	static const char *const names[] = {"package", "version",  "maintainer",
					    "origin",  "homepage", "original-maintainer"};
	enum { PACKAGE, VERSION, MAINTAINER, ORIGIN, HOMEPAGE, ORIGINAL, FIELDS };
	struct kith_bytes f[FIELDS], distributor;
	unsigned weight = WEIGHT_PACKAGE;
	bool known;

	read_fields(text, names, f, FIELDS);
	if (f[PACKAGE].n == 0)
		return;
	tell(sink, KITH_FACT_PRODUCT, WEIGHT_PACKAGE, f[PACKAGE]);
	tell(sink, KITH_FACT_VERSION, WEIGHT_PACKAGE, f[VERSION]);
	tell(sink, KITH_FACT_LINK, WEIGHT_PACKAGE, f[HOMEPAGE]);
	if (f[ORIGIN].n > 0) {
		distributor = kith_distributor_of_name(f[ORIGIN]);
	} else {
		if (!kith_distributor_of_mail(f[MAINTAINER], &distributor, &known))
			distributor.n = 0;
		if (!known && by_version(f[VERSION]) != NULL) {
			distributor = bytes_of(by_version(f[VERSION]));
		} else if (!known) { /* a person, or a company's own package */
			weight = WEIGHT_GUESS;
		}
	}
	if (distributor.n > 0)
		tell(sink, KITH_FACT_DISTRIBUTOR, weight, distributor);
}

/* ----------------------------------------------------------------------- archives */

bool wants_deb_release(struct kith_bytes path, struct kith_bytes head)
{
	struct kith_bytes name = path_last(path);

	return (text_is(name, "Release") &&
		(text_holds(head, "Origin:") || text_holds(head, "Label:")) &&
		text_holds(head, "Suite:")) ||
	       (text_is(name, "InRelease") &&
		text_begins(head, "-----BEGIN PGP SIGNED MESSAGE-----"));
}

void text_deb_release(struct kith_bytes text, const struct kith_fact_sink *sink)
{
	static const char *const names[] = {"origin", "label", "suite", "version", "codename"};
	enum { ORIGIN, LABEL, SUITE, VERSION, CODENAME, FIELDS };
	struct kith_bytes f[FIELDS], line;

	if (text_begins(text,
			"-----BEGIN PGP")) /* RFC 4880, 7: its header ends with an empty line */
		while (text_line(&text, &line) && text_trim(line).n > 0)
			;
	read_fields(text, names, f, FIELDS);
	if (f[ORIGIN].n == 0 && f[LABEL].n == 0)
		return;
	tell(sink, KITH_FACT_PRODUCT, WEIGHT_ARCHIVE, f[LABEL].n > 0 ? f[LABEL] : f[ORIGIN]);
	tell(sink, KITH_FACT_VERSION, WEIGHT_ARCHIVE,
	     f[VERSION].n > 0    ? f[VERSION]
	     : f[CODENAME].n > 0 ? f[CODENAME]
				 : f[SUITE]);
	tell(sink, KITH_FACT_DISTRIBUTOR, WEIGHT_ARCHIVE,
	     kith_distributor_of_name(f[ORIGIN].n > 0 ? f[ORIGIN] : f[LABEL]));
}

/* -------------------------------------------------------------------------- media */

bool wants_disk_info(struct kith_bytes path, struct kith_bytes head)
{
	(void)head;
	return text_is(path_rooted(path), ".disk/info");
}

/* `Debian GNU/Linux 12.5.0 "Bookworm" - Official amd64 NETINST ...`: words up to the first that
 * begins with a digit are the name, that is the version. */
void text_disk_info(struct kith_bytes text, const struct kith_fact_sink *sink)
{
	struct kith_bytes line, first = {0};
	size_t i, end;

	if (!text_line(&text, &line))
		return;
	line = text_trim(line);
	for (i = 0; i < line.n; i = end + 1) {
		for (end = i; end < line.n && line.data[end] != ' '; end++)
			;
		if (i == 0)
			first = (struct kith_bytes){line.data, end};
		else if (line.data[i] >= '0' && line.data[i] <= '9')
			break;
		else if (line.data[i] == '"' || line.data[i] == '-')
			return; /* it has no version where one belongs */
	}
	if (i >= line.n)
		return;
	tell(sink, KITH_FACT_PRODUCT, WEIGHT_IMAGE, (struct kith_bytes){line.data, i});
	tell(sink, KITH_FACT_VERSION, WEIGHT_IMAGE, (struct kith_bytes){line.data + i, end - i});
	tell(sink, KITH_FACT_TYPE, WEIGHT_IMAGE, bytes_of("operating system"));
	tell(sink, KITH_FACT_DISTRIBUTOR, WEIGHT_IMAGE, kith_distributor_of_name(first));
}

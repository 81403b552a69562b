/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pkginfo.c: .PKGINFO of Arch (makepkg) and Alpine (abuild) packages: "key = value" lines; the
 * comment at the top names the tool.
 */
#include "facts/inspect.h"

bool wants_pkginfo(struct kith_bytes path, struct kith_bytes head)
{
	(void)head;
	return text_is(path_rooted(path), ".PKGINFO");
}

void text_pkginfo(struct kith_bytes text, const struct kith_fact_sink *sink)
{
	static const char *const names[] = {"pkgname", "pkgver", "url", "packager", "maintainer"};
	enum { NAME, VERSION, URL, PACKAGER, MAINTAINER, FIELDS };
	struct kith_bytes f[FIELDS] = {0}, line, key, value, distributor = {0}, other;
	bool known = false, other_known = false;
	unsigned i;

	while (text_line(&text, &line)) {
		if (line.n == 0 || line.data[0] == '#' || !text_split(line, '=', &key, &value))
			continue;
		for (i = 0; i < FIELDS; i++)
			if (f[i].n == 0 && text_is(key, names[i]))
				f[i] = value;
	}
	if (f[NAME].n == 0)
		return;
	tell(sink, KITH_FACT_PRODUCT, WEIGHT_PACKAGE, f[NAME]);
	tell(sink, KITH_FACT_VERSION, WEIGHT_PACKAGE, f[VERSION]);
	tell(sink, KITH_FACT_LINK, WEIGHT_PACKAGE, f[URL]);
	/* who built it, else who looks after it */
	if (!kith_distributor_of_mail(f[PACKAGER], &distributor, &known))
		distributor.n = 0;
	if (!known && kith_distributor_of_mail(f[MAINTAINER], &other, &other_known) &&
	    (other_known || distributor.n == 0)) {
		distributor = other;
		known = other_known;
	}
	if (distributor.n > 0)
		tell(sink, KITH_FACT_DISTRIBUTOR, known ? WEIGHT_PACKAGE : WEIGHT_GUESS,
		     distributor);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os_release.c: what operating system a root file system holds, by os-release(5): NAME=value lines
 * with the quoting of a shell.
 */
#include "facts/inspect.h"

#define VALUE_MAX ((size_t)256)

struct value {
	uint8_t bytes[VALUE_MAX];
	size_t n;
};

bool wants_os_release(struct kith_bytes path, struct kith_bytes head)
{
	(void)head;
	path = path_rooted(path);
	return text_is(path, "etc/os-release") || text_is(path, "usr/lib/os-release");
}

/* Quotes off. Nothing is expanded: os-release(5) forbids what would need it. */
static void unquote(struct kith_bytes text, struct value *ret)
{
	uint8_t quote = 0;
	size_t i;

	ret->n = 0;
	for (i = 0; i < text.n; i++) {
		uint8_t c = text.data[i];

		if (quote == 0 && (c == '"' || c == '\'')) {
			quote = c;
			continue;
		}
		if (quote != 0 && c == quote) {
			quote = 0;
			continue;
		}
		if (quote == 0 && (c == ' ' || c == '\t'))
			break;
		/* In double quotes a backslash quotes these alone; in single ones nothing. */
		if (c == '\\' && quote != '\'' && i + 1 < text.n &&
		    (quote == 0 || strchr("$\"\\`", text.data[i + 1]) != NULL))
			c = text.data[++i];
		if (ret->n == VALUE_MAX) {
			ret->n = 0;
			return;
		}
		ret->bytes[ret->n++] = c;
	}
}

void text_os_release(struct kith_bytes text, const struct kith_fact_sink *sink)
{
	static const char *const keys[] = {"NAME",     "ID",       "VERSION_ID",  "VERSION",
					   "BUILD_ID", "HOME_URL", "PRETTY_NAME", "VENDOR_NAME"};
	enum { NAME, ID, VERSION_ID, VERSION, BUILD_ID, HOME_URL, PRETTY_NAME, VENDOR_NAME, KEYS };
	struct value values[KEYS] = {0};
	struct kith_bytes line, key, value, all[KEYS], version;
	unsigned i;

	while (text_line(&text, &line)) {
		line = text_trim(line);
		if (line.n == 0 || line.data[0] == '#' || !text_split(line, '=', &key, &value))
			continue;
		for (i = 0; i < KEYS; i++)
			if (text_is(key, keys[i]))
				unquote(value, &values[i]);
	}
	for (i = 0; i < KEYS; i++)
		all[i] = (struct kith_bytes){values[i].bytes, values[i].n};
	if (all[NAME].n == 0)
		all[NAME] = all[PRETTY_NAME].n > 0 ? all[PRETTY_NAME] : all[ID];
	if (all[NAME].n == 0)
		return;
	version = all[VERSION_ID].n > 0 ? all[VERSION_ID] : all[VERSION];
	if (version.n == 0) /* rolling ones */
		version = all[BUILD_ID];
	tell(sink, KITH_FACT_PRODUCT, WEIGHT_SYSTEM, all[NAME]);
	tell(sink, KITH_FACT_VERSION, WEIGHT_SYSTEM, version);
	tell(sink, KITH_FACT_TYPE, WEIGHT_SYSTEM, bytes_of("operating system"));
	tell(sink, KITH_FACT_LINK, WEIGHT_SYSTEM, all[HOME_URL]);
	version = kith_distributor_of_name(all[ID]);
	if (version.data == all[ID].data) /* not known: in its own words */
		version = all[VENDOR_NAME].n > 0 ? all[VENDOR_NAME] : all[NAME];
	tell(sink, KITH_FACT_DISTRIBUTOR, WEIGHT_SYSTEM, version);
}

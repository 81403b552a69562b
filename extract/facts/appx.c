/* SPDX-License-Identifier: Apache-2.0 */
/*
 * appx.c: AppxManifest.xml of an APPX or MSIX package and AppxBundleManifest.xml of a bundle
 * (Microsoft, "Schema reference for Windows app package manifests").
 */
#include "facts/inspect.h"
#include "facts/xml.h"

struct appx {
	/* cppcheck-suppress unusedStructMember */
	const struct kith_fact_sink *sink;
	struct kith_buf name, version, publisher; /* of Identity */
	struct kith_buf display, company;         /* of Properties */
};

bool wants_appx(struct kith_bytes path, struct kith_bytes head)
{
	(void)head;
	path = path_rooted(path);
	return text_is(path, "AppxManifest.xml") ||
	       text_is(path, "AppxMetadata/AppxBundleManifest.xml");
}

static void set(struct kith_buf *to, struct kith_bytes from)
{
	to->n = 0;
	(void)kith_buf_add(to, from.data, from.n);
}

static void on_start(void *user, unsigned depth, const char *name, const char **attributes)
{
	struct appx *appx = user;

	if (depth != 2 || strcmp(name, "Identity") != 0)
		return;
	set(&appx->name, xml_attribute(attributes, "Name"));
	set(&appx->version, xml_attribute(attributes, "Version"));
	set(&appx->publisher, xml_attribute(attributes, "Publisher"));
}

static void on_end(void *user, unsigned depth, const char *name, struct kith_bytes text)
{
	struct appx *appx = user;

	text = text_trim(text);
	if (depth != 3 || text_begins(text, "ms-resource:")) /* a name in another file */
		return;
	if (strcmp(name, "DisplayName") == 0)
		set(&appx->display, text);
	else if (strcmp(name, "PublisherDisplayName") == 0)
		set(&appx->company, text);
}

/* The organisation of a distinguished name (RFC 4514), else its common name. */
static struct kith_bytes organisation(struct kith_bytes dn)
{
	struct kith_bytes common = {0};
	size_t i, end;
	bool quoted;

	for (i = 0; i < dn.n; i = end + 1) {
		struct kith_bytes part, value;

		quoted = false;
		for (end = i; end < dn.n && (quoted || dn.data[end] != ','); end++)
			if (dn.data[end] == '"')
				quoted = !quoted;
		part = text_trim((struct kith_bytes){dn.data + i, end - i});
		if (part.n < 3)
			continue;
		value = (struct kith_bytes){part.data + (part.data[0] == 'C' ? 3 : 2), 0};
		value.n = (size_t)(part.data + part.n - value.data);
		if (value.n >= 2 && value.data[0] == '"' && value.data[value.n - 1] == '"')
			value = (struct kith_bytes){value.data + 1, value.n - 2};
		if (text_begins(part, "O="))
			return value;
		if (text_begins(part, "CN="))
			common = value;
	}
	return common;
}

static struct kith_bytes bytes_in(const struct kith_buf *buf)
{
	return (struct kith_bytes){buf->data, buf->n};
}

void text_appx(struct kith_bytes text, const struct kith_fact_sink *sink)
{
	static const struct xml_handler handler = {on_start, on_end};
	struct appx appx = {.sink = sink};

	(void)xml_scan(text, &handler, &appx);
	if (appx.name.n > 0) {
		tell(sink, KITH_FACT_PRODUCT, WEIGHT_PACKAGE,
		     bytes_in(appx.display.n > 0 ? &appx.display : &appx.name));
		tell(sink, KITH_FACT_VERSION, WEIGHT_PACKAGE, bytes_in(&appx.version));
		tell(sink, KITH_FACT_DISTRIBUTOR, WEIGHT_PACKAGE,
		     appx.company.n > 0 ? bytes_in(&appx.company)
					: organisation(bytes_in(&appx.publisher)));
		tell(sink, KITH_FACT_TYPE, WEIGHT_PACKAGE, bytes_of("application"));
	}
	kith_buf_done(&appx.name);
	kith_buf_done(&appx.version);
	kith_buf_done(&appx.publisher);
	kith_buf_done(&appx.display);
	kith_buf_done(&appx.company);
}

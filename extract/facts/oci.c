/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oci.c: the JSON files of OCI images (image-spec: config.md, manifest.md, annotations.md) and of
 * `docker save`: labels and annotations "org.opencontainers.image.*" (and the older
 * "org.label-schema.*"), and the tag that docker gives.
 */
#include "facts/inspect.h"
#include "facts/json.h"

static bool is_hex(struct kith_bytes text)
{
	size_t i;

	for (i = 0; i < text.n; i++)
		if (!(text.data[i] >= '0' && text.data[i] <= '9') &&
		    !(text.data[i] >= 'a' && text.data[i] <= 'f'))
			return false;
	return true;
}

bool wants_oci(struct kith_bytes path, struct kith_bytes head)
{
	struct kith_bytes name;

	head = text_trim(head);
	path = path_rooted(path);
	name = path_last(path);
	if (!text_begins(head, "{") && !text_begins(head, "["))
		return false;
	if (text_is(path, "manifest.json"))
		return text_holds(head, "\"Config\"") && text_holds(head, "\"Layers\"");
	if (text_is(path, "index.json"))
		return text_holds(head, "\"manifests\"");
	/* blobs/sha256/<digest>, or docker's <id>.json at the root */
	if (text_begins(path, "blobs/sha256/") && name.n == 64 && path.n == 13 + 64)
		return is_hex(name);
	return path.n == 64 + 5 && text_ends_nocase(path, ".json") &&
	       is_hex((struct kith_bytes){path.data, 64});
}

/* "registry/debian:12" is debian, 12. */
static void tell_tag(const struct kith_fact_sink *sink, struct kith_bytes tag)
{
	struct kith_bytes name = path_last(tag), version = {0};
	const uint8_t *colon = name.n == 0 ? NULL : memchr(name.data, ':', name.n);

	if (colon != NULL) {
		version.data = colon + 1;
		version.n = (size_t)(name.data + name.n - colon - 1);
		name.n = (size_t)(colon - name.data);
	}
	tell(sink, KITH_FACT_PRODUCT, WEIGHT_GUESS, name);
	if (!text_is(version, "latest"))
		tell(sink, KITH_FACT_VERSION, WEIGHT_GUESS, version);
}

static void on_string(void *user, const struct kith_bytes *keys, unsigned n,
		      struct kith_bytes value)
{
	static const struct {
		const char *key;
		enum kith_fact fact;
	} labels[] = {
	    {"org.opencontainers.image.title", KITH_FACT_PRODUCT},
	    {"org.opencontainers.image.version", KITH_FACT_VERSION},
	    {"org.opencontainers.image.vendor", KITH_FACT_DISTRIBUTOR},
	    {"org.opencontainers.image.url", KITH_FACT_LINK},
	    {"org.label-schema.name", KITH_FACT_PRODUCT},
	    {"org.label-schema.version", KITH_FACT_VERSION},
	    {"org.label-schema.vendor", KITH_FACT_DISTRIBUTOR},
	    {"org.label-schema.url", KITH_FACT_LINK},
	};
	const struct kith_fact_sink *sink = user;
	size_t i;

	if (n == 3 && keys[0].n == 0 && text_is(keys[1], "RepoTags")) {
		tell_tag(sink, value);
		return;
	}
	if (n < 2 || !(text_is(keys[n - 2], "Labels") || text_is(keys[n - 2], "annotations")))
		return;
	for (i = 0; i < sizeof labels / sizeof *labels; i++)
		if (text_is(keys[n - 1], labels[i].key))
			tell(sink, labels[i].fact, WEIGHT_IMAGE, value);
}

void text_oci(struct kith_bytes text, const struct kith_fact_sink *sink)
{
	struct kith_fact_sink copy = *sink;

	(void)json_scan(text, on_string, &copy);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dialect_page.c: the web page at / and its files below /page/. It asks what any client may ask, so
 * it needs neither sets nor a key itself.
 *
 * What must hold: the page loads nothing from elsewhere and runs no script but these files (the
 * Content-Security-Policy; a name of a file in a set can be anything, also HTML). A changed file
 * gets another ETag, so a browser never mixes the files of two versions for longer than a reload.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/out.h"
#include "dialect.h"
#include "page/assets.h"

/* Trusted Types: a string that would become HTML or a script is an error instead. */
#define FIELDS                                                                                 \
	"Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "   \
	"img-src 'self'; connect-src 'self'; worker-src 'self'; base-uri 'none'; "             \
	"form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "     \
	"trusted-types kith\r\n"                                                               \
	"Cross-Origin-Resource-Policy: same-origin\r\n"                                        \
	"Permissions-Policy: camera=(), display-capture=(), geolocation=(), microphone=()\r\n" \
	"Referrer-Policy: no-referrer\r\n"                                                     \
	"X-Frame-Options: DENY\r\n"

struct asset {
	const char *file, *type;
	const uint8_t *data;
	const size_t *n;
};

static const struct asset assets[] = {
#define KITH_ASSET(id, file, type) {file, type, kith_page_##id, &kith_page_##id##_n},
#include "page/assets.def"
#undef KITH_ASSET
};

/* FNV-1a; it tells versions of the page apart, nothing more. */
static uint64_t digest(const struct asset *asset)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	size_t i;

	for (i = 0; i < *asset->n; i++)
		h = (h ^ asset->data[i]) * UINT64_C(0x100000001b3);
	return h;
}

/* Whether If-None-Match lists this tag, or any. */
static bool listed(struct kith_bytes list, const char *tag)
{
	size_t n = strlen(tag), i;

	if (kith_bytes_are(list, "*"))
		return true;
	for (i = 0; i + n <= list.n; i++) {
		if (memcmp(list.data + i, tag, n) == 0)
			return true;
	}
	return false;
}

static enum kith_status asset_reply(struct kith_worker *worker, const struct asset *asset,
				    const struct kith_request *request, struct kith_reply *reply)
{
	struct kith_buf *fields = &worker->scratch;
	char tag[24];

	(void)snprintf(tag, sizeof tag, "\"%016" PRIx64 "\"", digest(asset));
	fields->n = 0;
	(void)kith_buf_add_str(fields, FIELDS);
	/* Weak: the form of gzip has the same one. */
	(void)kith_buf_add_str(fields, "ETag: W/");
	(void)kith_buf_add_str(fields, tag);
	if (!kith_buf_add(fields, "\r\n", sizeof "\r\n"))
		return KITH_E_NOMEM;
	reply->fields = (const char *)fields->data;
	reply->type = asset->type;
	reply->cache = "no-cache"; /* asks each time; mostly 304 */
	if (listed(request->if_none_match, tag)) {
		reply->status = 304;
		return KITH_OK;
	}
	return kith_buf_add(reply->body, asset->data, *asset->n) ? KITH_OK : KITH_E_NOMEM;
}

static enum kith_status page(struct kith_worker *worker, struct kith_view *view,
			     const struct kith_request *request, struct kith_reply *reply)
{
	(void)view;
	return asset_reply(worker, &assets[0], request, reply);
}

static enum kith_status page_file(struct kith_worker *worker, struct kith_view *view,
				  const struct kith_request *request, struct kith_reply *reply)
{
	size_t i;

	(void)view;
	for (i = 0; i < sizeof assets / sizeof *assets; i++) {
		if (kith_bytes_are(request->rest, assets[i].file))
			return asset_reply(worker, &assets[i], request, reply);
	}
	return kith_reply_error(reply, 404, "NotFoundError", "there is no such file of the page");
}

static const struct kith_route routes[] = {
    {.path = "/", .methods = KITH_GET, .no_sets = true, .no_key = true, .answer = page},
    {.path = "/page/", .methods = KITH_GET, .no_sets = true, .no_key = true, .answer = page_file},
};

const struct kith_dialect kith_dialect_page = {KITH_FRONT_PAGE, routes,
					       sizeof routes / sizeof *routes};

/* SPDX-License-Identifier: Apache-2.0 */
#include "dialect.h"

#include <string.h>

#include "base/out.h"
#include "http_parse.h"

#define KITH_DIALECT(id) extern const struct kith_dialect kith_dialect_##id;
#include "dialects.def"
#undef KITH_DIALECT

static const struct kith_dialect *const dialects[] = {
#define KITH_DIALECT(id) &kith_dialect_##id,
#include "dialects.def"
#undef KITH_DIALECT
    NULL,
};

const struct kith_dialect *kith_dialect_at(size_t i)
{
	return i < sizeof dialects / sizeof *dialects ? dialects[i] : NULL;
}

bool kith_bytes_are(struct kith_bytes bytes, const char *text)
{
	size_t n = strlen(text);

	return bytes.n == n && (n == 0 || memcmp(bytes.data, text, n) == 0);
}

const struct kith_route *kith_route_find(struct kith_bytes path, enum kith_front *ret_front,
					 struct kith_bytes *ret_rest)
{
	const struct kith_route *best = NULL;
	size_t best_n = 0, i, k;

	for (i = 0; dialects[i] != NULL; i++) {
		for (k = 0; k < dialects[i]->n_routes; k++) {
			const struct kith_route *route = &dialects[i]->routes[k];
			size_t n = strlen(route->path);
			bool prefix = n > 1 && route->path[n - 1] == '/';

			if (n < best_n || path.n < n || memcmp(path.data, route->path, n) != 0 ||
			    (prefix ? path.n == n : path.n != n))
				continue;
			best = route;
			best_n = n;
			*ret_front = dialects[i]->front;
			ret_rest->data = path.data + n;
			ret_rest->n = path.n - n;
		}
	}
	return best;
}

enum kith_status kith_reply_error(struct kith_reply *reply, unsigned status, const char *code,
				  const char *message)
{
	struct kith_buf *out = reply->body;

	reply->status = status;
	reply->type = NULL;
	out->n = 0;
	(void)kith_buf_add_str(out, "{\"error\":{\"code\":\"");
	(void)kith_buf_add_str(out, code);
	(void)kith_buf_add_str(out, "\",\"message\":\"");
	(void)kith_escape_json(out, message, strlen(message), NULL);
	return kith_buf_add_str(out, "\"}}\n") && !out->failed ? KITH_OK : KITH_E_NOMEM;
}

struct kith_bytes kith_query_param(struct kith_bytes query, const char *name, struct kith_buf *buf)
{
	struct kith_bytes found = {NULL, 0};
	size_t name_n = strlen(name), at = 0;

	while (at < query.n) {
		const uint8_t *p = query.data + at;
		const uint8_t *end = memchr(p, '&', query.n - at);
		size_t n = end == NULL ? query.n - at : (size_t)(end - p);

		if (n > name_n && memcmp(p, name, name_n) == 0 && p[name_n] == '=') {
			buf->n = 0;
			if (kith_http_decode(p + name_n + 1, n - name_n - 1, true, buf)) {
				found.data = buf->data;
				found.n = buf->n;
			}
			return found;
		}
		at += n + 1;
	}
	return found;
}

uint64_t kith_query_number(struct kith_bytes query, const char *name, uint64_t otherwise)
{
	struct kith_buf buf = {NULL, 0, 0, false};
	struct kith_bytes text = kith_query_param(query, name, &buf);
	uint64_t v = 0;
	size_t i;

	for (i = 0; i < text.n && text.n <= 18; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			break;
		v = 10 * v + (uint64_t)(text.data[i] - '0');
	}
	if (text.n == 0 || i < text.n)
		v = otherwise;
	kith_buf_done(&buf);
	return v;
}

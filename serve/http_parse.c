/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "http_parse.h"

#include <string.h>
#include <strings.h>

#include "base/limits.h"

static int hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool kith_http_decode(const uint8_t *text, size_t n, bool query, struct kith_buf *buf)
{
	size_t i;

	for (i = 0; i < n; i++) {
		uint8_t c = text[i];

		if (c == '+' && query) {
			c = ' ';
		} else if (c == '%') {
			int high = n - i > 2 ? hex_value(text[i + 1]) : -1;
			int low = n - i > 2 ? hex_value(text[i + 2]) : -1;

			if (high < 0 || low < 0)
				return false;
			c = (uint8_t)(high * 16 + low);
			i += 2;
		}
		if (!kith_buf_add_byte(buf, c))
			return false;
	}
	return true;
}

size_t kith_head_end(const uint8_t *text, size_t n, size_t *scanned)
{
	size_t at = *scanned;

	while (at < n) {
		const uint8_t *lf = memchr(text + at, '\n', n - at);

		if (lf == NULL)
			break;
		at = (size_t)(lf - text) + 1;
		if (at == n) {
			at--; /* this line break is looked at again */
			break;
		}
		if (text[at] == '\n')
			return at + 1;
		if (text[at] == '\r') {
			if (at + 1 == n) {
				at--;
				break;
			}
			if (text[at + 1] == '\n')
				return at + 2;
		}
	}
	*scanned = at < n ? at : n;
	return 0;
}

/* token of RFC 9110 */
static bool is_token(struct kith_bytes t)
{
	size_t i;

	for (i = 0; i < t.n; i++) {
		uint8_t c = t.data[i];

		if (c <= ' ' || c >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", c) != NULL)
			return false;
	}
	return t.n > 0;
}

static struct kith_bytes trim(struct kith_bytes t)
{
	while (t.n > 0 && (t.data[t.n - 1] == ' ' || t.data[t.n - 1] == '\t'))
		t.n--;
	while (t.n > 0 && (*t.data == ' ' || *t.data == '\t')) {
		t.data++;
		t.n--;
	}
	return t;
}

static bool same(struct kith_bytes t, const char *text)
{
	return t.n == strlen(text) && strncasecmp((const char *)t.data, text, t.n) == 0;
}

/* Is the word one of a list with commas? */
static bool lists(struct kith_bytes t, const char *word)
{
	while (t.n > 0) {
		const uint8_t *comma = memchr(t.data, ',', t.n);
		struct kith_bytes item = {t.data, comma == NULL ? t.n : (size_t)(comma - t.data)};

		if (same(trim(item), word))
			return true;
		if (comma == NULL)
			break;
		t.n -= item.n + 1;
		t.data = comma + 1;
	}
	return false;
}

/* Not whatever else: some clients put a character set there. */
static bool is_packed(struct kith_bytes encodings)
{
	static const char *const known[] = {"gzip", "x-gzip", "deflate", "compress", "br", "zstd"};
	size_t i;

	for (i = 0; i < sizeof known / sizeof *known; i++) {
		if (lists(encodings, known[i]))
			return true;
	}
	return false;
}

/* "gzip", "deflate, gzip;q=1.0", "*"; not "gzip;q=0". */
static bool takes_gzip(struct kith_bytes t)
{
	bool any = false;

	while (t.n > 0) {
		const uint8_t *comma = memchr(t.data, ',', t.n);
		struct kith_bytes item = {t.data, comma == NULL ? t.n : (size_t)(comma - t.data)};
		const uint8_t *semicolon = memchr(item.data, ';', item.n);
		struct kith_bytes word = item;
		bool refused = false;

		t.n -= item.n + (comma != NULL);
		t.data = comma == NULL ? t.data : comma + 1;
		if (semicolon != NULL) {
			struct kith_bytes q = {semicolon + 1, 0};
			size_t i;

			word.n = (size_t)(semicolon - item.data);
			q.n = item.n - word.n - 1;
			q = trim(q);
			refused = q.n >= 3 && (q.data[0] | 0x20) == 'q' && q.data[1] == '=';
			for (i = 2; refused && i < q.n; i++)
				refused = q.data[i] == '0' || q.data[i] == '.';
		}
		if (same(trim(word), "gzip") || same(trim(word), "x-gzip"))
			return !refused;
		any = any || (same(trim(word), "*") && !refused);
	}
	return any;
}

static bool parse_length(struct kith_bytes t, uint64_t *ret)
{
	uint64_t v = 0;
	size_t i;

	if (t.n == 0 || t.n > 18)
		return false;
	for (i = 0; i < t.n; i++) {
		if (t.data[i] < '0' || t.data[i] > '9')
			return false;
		v = 10 * v + (uint64_t)(t.data[i] - '0');
	}
	*ret = v;
	return true;
}

static bool is_host(struct kith_bytes t)
{
	size_t i;

	for (i = 0; i < t.n; i++) {
		uint8_t c = t.data[i];

		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    (c == '\0' || strchr(".:-_[]", c) == NULL))
			return false;
	}
	return t.n > 0 && t.n < 300;
}

struct parse {
	struct kith_head *head;
	const char *why;
	bool is_packed, has_host, has_encoding, wants_close, wants_keep;
};

static unsigned field(struct parse *p, struct kith_bytes name, struct kith_bytes value)
{
	struct kith_head *head = p->head;

	if (same(name, "host")) {
		p->why = "more than one Host header, or not a host";
		if (p->has_host || !is_host(value))
			return 400;
		p->has_host = true;
		head->host = value;
	} else if (same(name, "content-length")) {
		uint64_t length;

		p->why = "Content-Length is not a number";
		if (!parse_length(value, &length) || (head->has_length && length != head->length))
			return 400;
		head->has_length = true;
		head->length = length;
	} else if (same(name, "transfer-encoding")) {
		p->why = "a transfer encoding other than chunked";
		if (p->has_encoding || !same(value, "chunked"))
			return 501;
		p->has_encoding = true;
		head->chunked = true;
	} else if (same(name, "content-encoding")) {
		p->is_packed = p->is_packed || is_packed(value);
	} else if (same(name, "connection")) {
		p->wants_close = p->wants_close || lists(value, "close");
		p->wants_keep = p->wants_keep || lists(value, "keep-alive");
	} else if (same(name, "expect")) {
		p->why = "an expectation other than 100-continue";
		if (!same(value, "100-continue"))
			return 417;
		head->expects_continue = true;
	} else if (same(name, "x-apikey")) {
		head->key = value;
	} else if (same(name, "x-forwarded-proto")) {
		head->forwarded_proto = value;
	} else if (same(name, "hashlookup_session") || same(name, "hashlookup-session")) {
		head->session = value;
	} else if (same(name, "if-none-match")) {
		head->if_none_match = value;
	} else if (same(name, "accept-encoding")) {
		head->takes_gzip = head->takes_gzip || takes_gzip(value);
	}
	return 0;
}

static unsigned target(struct parse *p, struct kith_bytes t, struct kith_buf *buf)
{
	struct kith_head *head = p->head;
	const uint8_t *question;
	size_t i, n = 0;

	p->why = "not a path";
	if (t.n > 7 && strncasecmp((const char *)t.data, "http://", 7) == 0) {
		/* The form that is sent to proxies. */
		const uint8_t *slash = memchr(t.data + 7, '/', t.n - 7);

		if (slash == NULL)
			return 400;
		t.n -= (size_t)(slash - t.data);
		t.data = slash;
	}
	if (t.n == 0 || *t.data != '/')
		return 400;
	question = memchr(t.data, '?', t.n);
	if (question != NULL) {
		head->query.data = question + 1;
		head->query.n = (size_t)(t.data + t.n - question) - 1;
		t.n = (size_t)(question - t.data);
	}
	buf->n = 0;
	p->why = "the path has a malformed %HH";
	if (!kith_http_decode(t.data, t.n, false, buf))
		return 400;
	p->why = "the path has a NUL";
	if (memchr(buf->data, '\0', buf->n) != NULL)
		return 400;
	for (i = 0; i < buf->n; i++) {
		if (buf->data[i] != '/' || n == 0 || buf->data[n - 1] != '/')
			buf->data[n++] = buf->data[i];
	}
	if (n > 1 && buf->data[n - 1] == '/')
		n--;
	head->path.data = buf->data;
	head->path.n = n;
	return 0;
}

static unsigned request_line(struct parse *p, struct kith_bytes line, struct kith_buf *buf)
{
	struct kith_head *head = p->head;
	const uint8_t *first = memchr(line.data, ' ', line.n), *last;
	struct kith_bytes t, version;

	p->why = "not a request line";
	if (first == NULL)
		return 400;
	head->method.data = line.data;
	head->method.n = (size_t)(first - line.data);
	t.data = first + 1;
	t.n = line.n - head->method.n - 1;
	last = memchr(t.data, ' ', t.n);
	if (last == NULL || !is_token(head->method))
		return 400;
	version.data = last + 1;
	version.n = (size_t)(line.data + line.n - version.data);
	t.n = (size_t)(last - t.data);
	if (version.n != 8 || memcmp(version.data, "HTTP/", 5) != 0)
		return 400;
	p->why = "only HTTP/1.0 and HTTP/1.1 are spoken here";
	head->is_1_0 = memcmp(version.data + 5, "1.0", 3) == 0;
	if (!head->is_1_0 && memcmp(version.data + 5, "1.1", 3) != 0)
		return 505;
	return target(p, t, buf);
}

unsigned kith_head_parse(const uint8_t *text, size_t n, struct kith_buf *buf, struct kith_head *ret,
			 const char **ret_why)
{
	struct parse p = {.head = ret};
	unsigned status = 0, n_fields = 0;
	size_t at = 0, i;

	memset(ret, 0, sizeof *ret);
	*ret_why = "a control character in the head";
	for (i = 0; i < n; i++) {
		if ((text[i] < ' ' && text[i] != '\t' && text[i] != '\n' &&
		     (text[i] != '\r' || i + 1 == n || text[i + 1] != '\n')) ||
		    text[i] == 0x7f)
			return 400;
	}
	while (at < n && status == 0) {
		const uint8_t *lf = memchr(text + at, '\n', n - at);
		struct kith_bytes line = {text + at,
					  lf == NULL ? n - at : (size_t)(lf - text) - at};
		const uint8_t *colon;
		struct kith_bytes name, value;

		at += line.n + 1;
		if (line.n > 0 && line.data[line.n - 1] == '\r')
			line.n--;
		if (ret->method.data == NULL) {
			status = request_line(&p, line, buf);
			continue;
		}
		if (line.n == 0)
			break;
		p.why = "not a header field";
		colon = memchr(line.data, ':', line.n);
		if (colon == NULL) {
			status = 400;
			continue;
		}
		name.data = line.data;
		name.n = (size_t)(colon - line.data);
		value.data = colon + 1;
		value.n = line.n - name.n - 1;
		if (!is_token(name)) /* a continued line, or a blank before the colon */
			status = 400;
		else if (++n_fields > KITH_LIMIT_SERVE_FIELDS)
			status = 431;
		else
			status = field(&p, name, trim(value));
	}
	if (status == 0 && ret->chunked && (ret->has_length || ret->is_1_0)) {
		p.why = "both Transfer-Encoding and Content-Length, or chunks in HTTP/1.0";
		status = 400;
	}
	if (status == 0 && p.is_packed && (ret->chunked || ret->length > 0)) {
		p.why = "a body that is compressed";
		status = 415;
	}
	if (status == 0 && !p.has_host && !ret->is_1_0) {
		p.why = "the Host header is missing";
		status = 400;
	}
	ret->keep_alive = !p.wants_close && (!ret->is_1_0 || p.wants_keep);
	*ret_why = p.why;
	return status;
}

/* ------------------------------------------------------------------ chunks */

enum { SIZE, EXTENSION, SIZE_LF, DATA, DATA_CR, DATA_LF, TRAILER, TRAILER_LINE, TRAILER_LF };

bool kith_chunks_take(struct kith_chunks *c, const uint8_t *data, size_t n, size_t room,
		      size_t *ret_used, struct kith_buf *out)
{
	size_t i = 0;

	while (i < n && !c->done) {
		uint8_t byte = data[i];
		int v;

		if (c->state == DATA) {
			size_t take = n - i < c->left ? n - i : (size_t)c->left;

			take = take < room ? take : room;
			if (take == 0)
				break;
			if (!kith_buf_add(out, data + i, take))
				return false;
			i += take;
			room -= take;
			c->left -= take;
			if (c->left == 0)
				c->state = DATA_CR;
			continue;
		}
		i++;
		switch (c->state) {
		case SIZE:
			v = hex_value(byte);
			if (v >= 0) {
				if (++c->digits > 15)
					return false;
				c->left = c->left * 16 + (uint64_t)v;
				break;
			}
			if (c->digits == 0 || (byte != '\r' && byte != ';' && byte != ' '))
				return false;
			c->state = byte == '\r' ? SIZE_LF : EXTENSION;
			break;
		case EXTENSION:
			if (byte == '\n' || ++c->skipped > KITH_LIMIT_SERVE_HEAD)
				return false;
			if (byte == '\r')
				c->state = SIZE_LF;
			break;
		case SIZE_LF:
			if (byte != '\n')
				return false;
			c->digits = 0;
			c->state = c->left > 0 ? DATA : TRAILER;
			break;
		case DATA_CR:
			if (byte != '\r')
				return false;
			c->state = DATA_LF;
			break;
		case DATA_LF:
			if (byte != '\n')
				return false;
			c->state = SIZE;
			break;
		case TRAILER: /* at the beginning of a line */
			c->state = byte == '\r' ? TRAILER_LF : TRAILER_LINE;
			break;
		case TRAILER_LINE:
			if (++c->skipped > KITH_LIMIT_SERVE_HEAD)
				return false;
			if (byte == '\n')
				c->state = TRAILER;
			break;
		default: /* TRAILER_LF */
			if (byte != '\n')
				return false;
			c->done = true;
			break;
		}
	}
	*ret_used = i;
	return true;
}

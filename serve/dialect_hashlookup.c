/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dialect_hashlookup.c: CIRCL hashlookup, with that server's paths, messages and statuses. What
 * must hold: 404 says that the sets do not have it, and nothing else does; a kind of hash that no
 * set has an index of is a 501, a hash that several files have is a 409 with all their records.
 */
#include <string.h>

#include "answer/list.h"
#include "base/out.h"
#include "hashlookup.h"
#include "session.h"
#include "swagger.h"

static struct kith_bytes nothing(void)
{
	struct kith_bytes none = {NULL, 0};

	return none;
}

enum kith_status kith_hashlookup_message(struct kith_reply *reply, unsigned status,
					 const char *message, struct kith_bytes query)
{
	struct kith_buf *out = reply->body;

	reply->status = status;
	out->n = 0;
	(void)kith_buf_add_str(out, "{\"message\":\"");
	(void)kith_escape_json(out, message, strlen(message), NULL);
	(void)kith_buf_add_byte(out, '"');
	if (query.data != NULL) {
		(void)kith_buf_add_str(out, ",\"query\":");
		(void)kith_json_string(out, query);
	}
	return kith_buf_add_str(out, "}\n") && !out->failed ? KITH_OK : KITH_E_NOMEM;
}

/* As kith_ask_sets() says of a digest that is in no set. */
bool kith_hashlookup_has_index(const struct kith_view *view, enum kith_digest kind)
{
	bool indexed = false;
	size_t i;

	for (i = 0; i < view->snapshot->sets.n; i++) {
		struct kith_set_info set;

		kith_set_info(view->snapshot->sets.sets[i], &set);
		if (set.has_index[kind] != 0)
			indexed = true;
		else if (set.direct == 0 && kind != KITH_SHA256)
			return false;
	}
	return indexed;
}

/* ------------------------------------------------------------------ lookup */

/* The lines of several records become the members of a list. */
static enum kith_status ambiguous(struct kith_reply *reply, struct kith_buf *records,
				  struct kith_bytes query)
{
	struct kith_buf *out = reply->body;
	size_t i;

	records->n = 0;
	if (!kith_buf_add(records, out->data, out->n))
		return KITH_E_NOMEM;
	(void)kith_hashlookup_message(reply, 409, "Several files have this hash, ask by SHA-256",
				      query);
	out->n -= 2; /* the brace and the line's end */
	(void)kith_buf_add_str(out, ",\"records\":[");
	for (i = 0; i + 1 < records->n; i++)
		(void)kith_buf_add_byte(out, records->data[i] == '\n' ? ',' : records->data[i]);
	return kith_buf_add_str(out, "]}\n") ? KITH_OK : KITH_E_NOMEM;
}

static enum kith_status lookup(struct kith_worker *worker, struct kith_view *view,
			       const struct kith_request *request, struct kith_reply *reply)
{
	static const char *const wrong[KITH_DIGESTS] = {
	    "SHA-256 value incorrect, expecting a SHA-256 value in hex format",
	    "SHA1 value incorrect, expecting a SHA1 value in hex format",
	    "MD5 value incorrect, expecting a MD5 value in hex format"};
	/* "/lookup/md5/" and so on */
	enum kith_digest kind = request->path.data[8] == 'm'    ? KITH_MD5
				: request->path.data[11] == '1' ? KITH_SHA1
								: KITH_SHA256;
	struct kith_sessions *sessions = worker->server->sessions;
	struct kith_entry entry;
	struct kith_query query;
	struct kith_facts facts;
	enum kith_status st;

	if (kith_query_parse(request->rest, &entry, &query) != KITH_OK || query.kind != kind)
		return kith_hashlookup_message(reply, 400, wrong[kind], nothing());
	st = kith_view_ask(worker, view, &query, 1);
	if (st == KITH_OK)
		st = kith_ask_facts(view->asker, 0, &facts);
	if (st == KITH_OK)
		st = kith_renderer_find("hashlookup")
			 ->render(view->asker, &facts, &worker->render, reply->body);
	if (st != KITH_OK)
		return st;
	if (facts.n_contents == 0)
		reply->status = facts.in_sets == KITH_NOT_INDEXED ? 501 : 404;
	if (sessions != NULL && request->session.n > 0 && reply->status != 501)
		kith_session_note(sessions, request->session, kind, query.bytes,
				  facts.n_contents > 0);
	return facts.n_contents > 1 ? ambiguous(reply, &worker->scratch, request->rest) : KITH_OK;
}

/* -------------------------------------------------------------------- info */

static const struct {
	const char *prefix, *name;
} nsrl_sets[] = {{"nsrl/modern/", ",\"stat:nsrl_modern_rds\":\""},
		 {"nsrl/legacy/", ",\"stat:nsrl_legacy\":\""},
		 {"nsrl/ios/", ",\"stat:nsrl_ios\":\""},
		 {"nsrl/android/", ",\"stat:nsrl_android\":\""}};
#define NSRL_SETS (sizeof nsrl_sets / sizeof *nsrl_sets)

struct counts {
	kith_reader *reader;
	struct kith_bytes release; /* the highest of NSRL */
	uint64_t files[NSRL_SETS];
};

static bool begins(struct kith_bytes text, const char *prefix)
{
	size_t n = strlen(prefix);

	return text.n >= n && memcmp(text.data, prefix, n) == 0;
}

/* Each source's ledger counts its files. */
static int add_count(const struct kith_ledger_entry *entry, void *user)
{
	struct counts *counts = user;
	struct kith_source source;
	size_t i, n;

	if (entry->class_ != KITH_LEDGER_COUNT || !kith_bytes_are(entry->reason, "files"))
		return 0;
	if (kith_source(counts->reader, entry->source, &source) != KITH_OK)
		return 1;
	for (i = 0; i < NSRL_SETS; i++) {
		if (!begins(source.id, nsrl_sets[i].prefix))
			continue;
		counts->files[i] += entry->count;
		n = source.release.n < counts->release.n ? source.release.n : counts->release.n;
		if (counts->release.n == 0 ||
		    memcmp(source.release.data, counts->release.data, n) > 0)
			counts->release = source.release;
	}
	return 0;
}

static enum kith_status info(struct kith_worker *worker, struct kith_view *view,
			     const struct kith_request *request, struct kith_reply *reply)
{
	struct kith_buf *out = reply->body;
	struct counts counts;
	uint64_t total = 0;
	size_t i;

	(void)worker;
	(void)request;
	memset(&counts, 0, sizeof counts);
	for (i = 0; i < view->snapshot->sets.n; i++) {
		struct kith_set_info facts;
		enum kith_status st;

		kith_set_info(view->snapshot->sets.sets[i], &facts);
		total += facts.files + facts.sha1_only;
		counts.reader = kith_asker_reader(view->asker, i);
		st = kith_ledger_each(counts.reader, add_count, &counts);
		if (st != KITH_OK)
			return st == KITH_E_NOMEM ? st : KITH_E_CORRUPT;
	}
	(void)kith_buf_add_str(out, "{\"nsrl-version\":");
	(void)kith_json_string(out, counts.release);
	(void)kith_buf_add_str(out, ",\"stat:hashlookup_total_keys\":\"");
	(void)kith_buf_add_number(out, total);
	(void)kith_buf_add_byte(out, '"');
	for (i = 0; i < NSRL_SETS; i++) {
		(void)kith_buf_add_str(out, nsrl_sets[i].name);
		(void)kith_buf_add_number(out, counts.files[i]);
		(void)kith_buf_add_byte(out, '"');
	}
	(void)kith_buf_add_str(out, ",\"hashlookup-version\":\"1.2\",\"kith-version\":\"");
	(void)kith_buf_add_str(out, kith_version());
	return kith_buf_add_str(out, "\"}\n") && !out->failed ? KITH_OK : KITH_E_NOMEM;
}

/* ---------------------------------------------------------------- sessions */

static enum kith_status session_create(struct kith_worker *worker, struct kith_view *view,
				       const struct kith_request *request, struct kith_reply *reply)
{
	struct kith_sessions *sessions = worker->server->sessions;
	struct kith_buf *text = &worker->scratch;
	enum kith_status st;

	(void)view;
	if (sessions == NULL)
		return kith_hashlookup_message(reply, 500, "Session feature is not enabled",
					       nothing());
	if (request->rest.n == 0 || request->rest.n > KITH_SESSION_NAME)
		return kith_hashlookup_message(reply, 400, "Expecting a name for the session",
					       nothing());
	st = kith_session_create(sessions, request->rest);
	if (st != KITH_OK)
		return kith_hashlookup_message(reply, 503, "There are too many sessions",
					       nothing());
	text->n = 0;
	(void)kith_buf_add_str(text, "Session ");
	(void)kith_buf_add(text, request->rest.data, request->rest.n);
	(void)kith_buf_add_str(text, " created and session will expire in ");
	(void)kith_buf_add_number(text, kith_sessions_ttl(sessions));
	(void)kith_buf_add_str(text, " seconds");
	(void)kith_buf_add_str(reply->body, "{\"message\":\"");
	(void)kith_escape_json(reply->body, text->data, text->n, NULL);
	return kith_buf_add_str(reply->body, "\"}\n") && !text->failed ? KITH_OK : KITH_E_NOMEM;
}

static enum kith_status session_get(struct kith_worker *worker, struct kith_view *view,
				    const struct kith_request *request, struct kith_reply *reply)
{
	struct kith_sessions *sessions = worker->server->sessions;
	enum kith_status st;

	(void)view;
	if (sessions == NULL)
		return kith_hashlookup_message(reply, 500, "Session feature is not enabled",
					       nothing());
	st = kith_session_get(sessions, request->rest, reply->body);
	if (st == KITH_NOT_FOUND)
		return kith_hashlookup_message(reply, 404, "Non-existing session", nothing());
	return st;
}

/* Nothing is remembered of what was asked, so there is nothing to tell. */
static enum kith_status stats_top(struct kith_worker *worker, struct kith_view *view,
				  const struct kith_request *request, struct kith_reply *reply)
{
	(void)worker;
	(void)view;
	(void)request;
	return kith_hashlookup_message(reply, 400, "Public statistics not enabled", nothing());
}

static enum kith_status swagger(struct kith_worker *worker, struct kith_view *view,
				const struct kith_request *request, struct kith_reply *reply)
{
	(void)worker;
	(void)view;
	(void)request;
	return kith_buf_add(reply->body, kith_swagger, kith_swagger_n) ? KITH_OK : KITH_E_NOMEM;
}

static const struct kith_route routes[] = {
    {.path = "/lookup/md5/", .methods = KITH_GET, .answer = lookup},
    {.path = "/lookup/sha1/", .methods = KITH_GET, .answer = lookup},
    {.path = "/lookup/sha256/", .methods = KITH_GET, .answer = lookup},
    {.path = "/bulk/md5",
     .methods = KITH_POST,
     .takes_body = true,
     .stream = &kith_hashlookup_bulk},
    {.path = "/bulk/sha1",
     .methods = KITH_POST,
     .takes_body = true,
     .stream = &kith_hashlookup_bulk},
    {.path = "/bulk/sha256",
     .methods = KITH_POST,
     .takes_body = true,
     .stream = &kith_hashlookup_bulk},
    {.path = "/children/", .methods = KITH_GET, .stream = &kith_hashlookup_children},
    {.path = "/parents/", .methods = KITH_GET, .stream = &kith_hashlookup_parents},
    {.path = "/info", .methods = KITH_GET, .answer = info},
    {.path = "/session/create", .methods = KITH_GET, .no_sets = true, .answer = session_create},
    {.path = "/session/create/", .methods = KITH_GET, .no_sets = true, .answer = session_create},
    {.path = "/session/get/", .methods = KITH_GET, .no_sets = true, .answer = session_get},
    {.path = "/stats/top", .methods = KITH_GET, .no_sets = true, .answer = stats_top},
    {.path = "/swagger.json", .methods = KITH_GET, .no_sets = true, .answer = swagger},
};

const struct kith_dialect kith_dialect_hashlookup = {KITH_FRONT_HASHLOOKUP, routes,
						     sizeof routes / sizeof *routes};

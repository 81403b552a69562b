/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dialect_vt.c: files of VirusTotal's API v3. What must hold: only a hash that some set could have
 * and none has is a 404. One of a kind that nothing can be said about is a 400, one that several
 * files have is a 409: clients show both as errors and do not go on as if the file were unknown, or
 * one of them.
 */
#include <string.h>

#include "answer/list.h"
#include "base/out.h"
#include "dialect.h"

static enum kith_status answer(struct kith_worker *worker, struct kith_view *view,
			       const struct kith_request *request, struct kith_reply *reply)
{
	struct kith_buf *self = &worker->scratch, names = {NULL, 0, 0, false};
	const struct kith_renderer *renderer = kith_renderer_find("vt");
	struct kith_entry entry;
	struct kith_query query;
	struct kith_facts facts;
	enum kith_status st;

	if (kith_query_parse(request->rest, &entry, &query) != KITH_OK)
		return kith_reply_error(reply, 400, "BadRequestError",
					"the id is not a MD5, SHA-1 or SHA-256 in hex");
	st = kith_view_ask(worker, view, &query, 1);
	if (st == KITH_OK)
		st = kith_ask_facts(view->asker, 0, &facts);
	if (st != KITH_OK)
		return st;
	self->n = 0;
	if (request->host.n > 0) {
		(void)kith_buf_add_str(self, request->https ? "https://" : "http://");
		(void)kith_buf_add(self, request->host.data, request->host.n);
		(void)kith_buf_add_str(self, "/api/v3/files/");
		if (!kith_buf_add_byte(self, '\0'))
			return KITH_E_NOMEM;
		worker->render.vt_self = (const char *)self->data;
	}
	worker->render.vt_attributes = kith_query_param(request->query, "attributes", &names);
	if (worker->render.vt_attributes.n == 0)
		worker->render.vt_attributes.data = NULL;
	st = renderer->render(view->asker, &facts, &worker->render, reply->body);
	worker->render.vt_self = NULL;
	worker->render.vt_attributes.data = NULL;
	kith_buf_done(&names);
	reply->status = facts.n_contents > 1                ? 409
			: facts.n_contents == 1             ? 200
			: facts.in_sets == KITH_NOT_INDEXED ? 400
							    : 404;
	return st;
}

static const struct kith_route routes[] = {
    {.path = "/api/v3/files/", .methods = KITH_GET, .answer = answer},
};

const struct kith_dialect kith_dialect_vt = {KITH_FRONT_VT, routes, sizeof routes / sizeof *routes};

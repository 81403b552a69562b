/* SPDX-License-Identifier: Apache-2.0 */
/* dialect_control.c: whether the server is well, what it counted, and new sets. */
#include <stdio.h>
#include <string.h>

#include "base/out.h"
#include "dialect.h"
#include "net.h"

static enum kith_status health(struct kith_worker *worker, struct kith_view *view,
			       const struct kith_request *request, struct kith_reply *reply)
{
	(void)view;
	(void)request;
	reply->type = "text/plain; charset=utf-8";
	reply->status = kith_worker_view(worker) == NULL ? 503 : 200;
	return kith_buf_add_str(reply->body,
				reply->status == 200 ? "ok\n" : "a set cannot be read\n")
		   ? KITH_OK
		   : KITH_E_NOMEM;
}

static void metric(struct kith_buf *out, const char *name, const char *labels, uint64_t value)
{
	(void)kith_buf_add_str(out, name);
	(void)kith_buf_add_str(out, labels);
	(void)kith_buf_add_byte(out, ' ');
	(void)kith_buf_add_number(out, value);
	(void)kith_buf_add_byte(out, '\n');
}

static void family(struct kith_buf *out, const char *name, const char *type, const char *help)
{
	(void)kith_buf_add_str(out, "# HELP ");
	(void)kith_buf_add_str(out, name);
	(void)kith_buf_add_byte(out, ' ');
	(void)kith_buf_add_str(out, help);
	(void)kith_buf_add_str(out, "\n# TYPE ");
	(void)kith_buf_add_str(out, name);
	(void)kith_buf_add_byte(out, ' ');
	(void)kith_buf_add_str(out, type);
	(void)kith_buf_add_byte(out, '\n');
}

static void counts(struct kith_server *server, struct kith_buf *out)
{
	static const char *const fronts[KITH_FRONTS] = {
	    "virustotal", "native", "hashlookup", "control", "nsrlsvr", "dns", "page"};
	char labels[96];
	unsigned w, f, d, v;
	uint64_t n, faults = 0;

	family(out, "kith_requests_total", "counter", "Answers by dialect and class of status.");
	for (f = 0; f < KITH_FRONTS; f++) {
		for (d = 2; d < 6; d++) {
			for (n = 0, w = 0; w < server->n_workers; w++)
				n += atomic_load(&server->workers[w]->requests[f][d]);
			(void)snprintf(labels, sizeof labels, "{dialect=\"%s\",code=\"%uxx\"}",
				       fronts[f], d);
			metric(out, "kith_requests_total", labels, n);
		}
	}
	family(out, "kith_lookups_total", "counter", "Hashes that were looked up, by verdict.");
	for (v = 0; v < KITH_VERDICTS; v++) {
		for (n = 0, w = 0; w < server->n_workers; w++)
			n += atomic_load(&server->workers[w]->answers[v]);
		(void)snprintf(labels, sizeof labels, "{verdict=\"%s\"}",
			       kith_verdict_text((enum kith_verdict)v));
		metric(out, "kith_lookups_total", labels, n);
	}
	for (w = 0; w < server->n_workers; w++)
		faults += atomic_load(&server->workers[w]->faults);
	family(out, "kith_set_faults_total", "counter", "Faults while a set was read.");
	metric(out, "kith_set_faults_total", "", faults);
}

static enum kith_status metrics(struct kith_worker *worker, struct kith_view *view,
				const struct kith_request *request, struct kith_reply *reply)
{
	struct kith_server *server = worker->server;
	struct kith_buf *out = reply->body;
	struct kith_view *now = kith_worker_view(worker);
	uint64_t files = 0;
	size_t i;

	(void)view;
	(void)request;
	reply->type = "text/plain; version=0.0.4; charset=utf-8";
	counts(server, out);
	family(out, "kith_connections", "gauge", "Connections that are open.");
	metric(out, "kith_connections", "", kith_net_connections(server->net));
	family(out, "kith_connections_refused_total", "counter",
	       "Connections that were closed because there were too many.");
	metric(out, "kith_connections_refused_total", "", kith_net_refused(server->net));
	family(out, "kith_reloads_total", "counter", "Changes to new sets.");
	metric(out, "kith_reloads_total", "", atomic_load(&server->n_reloads));
	family(out, "kith_reload_failures_total", "counter", "Changes that failed.");
	metric(out, "kith_reload_failures_total", "", atomic_load(&server->n_reload_failures));
	family(out, "kith_sets_readable", "gauge", "1: the sets can be read.");
	metric(out, "kith_sets_readable", "", now != NULL);
	for (i = 0; now != NULL && i < now->snapshot->sets.n; i++) {
		struct kith_set_info info;

		kith_set_info(now->snapshot->sets.sets[i], &info);
		files += info.files + info.sha1_only;
	}
	family(out, "kith_files", "gauge", "Files that the sets hold, together.");
	metric(out, "kith_files", "", files);
	return out->failed ? KITH_E_NOMEM : KITH_OK;
}

static enum kith_status reload(struct kith_worker *worker, struct kith_view *view,
			       const struct kith_request *request, struct kith_reply *reply)
{
	struct kith_err err = {.status = KITH_OK};

	(void)view;
	(void)request;
	if (kith_server_reload(worker->server, &err) != KITH_OK)
		return kith_reply_error(reply, 500, "TransientError", err.msg);
	return kith_buf_add_str(reply->body, "{\"reloaded\":true}\n") ? KITH_OK : KITH_E_NOMEM;
}

static const struct kith_route routes[] = {
    {.path = "/healthz", .methods = KITH_GET, .no_sets = true, .no_key = true, .answer = health},
    {.path = "/metrics", .methods = KITH_GET, .no_sets = true, .answer = metrics},
    /* Who may open the Unix socket may do this: its mode says who. */
    {.path = "/-/reload",
     .methods = KITH_POST,
     .no_sets = true,
     .no_key = true,
     .local = true,
     .answer = reload},
};

const struct kith_dialect kith_dialect_control = {KITH_FRONT_CONTROL, routes,
						  sizeof routes / sizeof *routes};

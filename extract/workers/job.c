/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job.c: what must hold: nothing that came from an input is looked at before the sandbox is closed;
 * the process ends without running what libraries have registered for that. Small containers of one
 * parent may follow each other in one worker, if the walk says so.
 */
#define _POSIX_C_SOURCE 200809L
#include "workers/job.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/err.h"
#include "base/limits.h"
#include "workers/emit.h"
#include "workers/formats.h"
#include "workers/packet.h"
#include "workers/sandbox.h"

/*
 * An input's own bytes are hashed as one stream, by one core at a time, and often take as long as
 * all that is in it: containers leave it the core that it needs.
 */
#define CONTAINER_NICE 5

struct job {
	int sock;
	uint8_t *packet; /* KITH_PACKET_MAX bytes */
	struct kith_wire order;
	struct kith_extent *extents;
	uint8_t *name;
	int fd; /* the file that the container lies in; -1: a job of files */
	struct kith_blob file, blob;
	const struct kith_container_ops *ops;
};

static enum kith_status receive_order(struct job *job, struct kith_err *err)
{
	size_t n, n_fds = 0;
	const uint8_t *pos = job->packet, *end;
	enum kith_status st;

	st = kith_packet_recv(job->sock, job->packet, KITH_PACKET_MAX, &n, &job->fd, 1, &n_fds, 1,
			      err);
	if (st == KITH_END)
		return kith_fail(err, KITH_E_CANCELLED, "no order came");
	if (st < 0)
		return st;
	end = job->packet + n;
	if (!kith_wire_open(&pos, end) || !kith_wire_get(&pos, end, &job->order) ||
	    job->order.type != KITH_WIRE_JOB || (n_fds == 1) != (job->order.code != 0))
		return kith_fail(err, KITH_E_CORRUPT, "an order that is none");
	if (n_fds == 0) {
		job->fd = -1;
	} else {
		(void)setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + CONTAINER_NICE);
	}
	return KITH_OK;
}

/* The container's bytes: the extents of a file. */
static enum kith_status set_up_blob(struct job *job, struct kith_err *err)
{
	uint64_t size = 0;
	size_t i, n = job->order.n_extents;
	enum kith_status st;

	job->extents = calloc(n + 1, sizeof *job->extents);
	job->name = malloc(job->order.name.n + 1);
	if (job->extents == NULL || job->name == NULL)
		return kith_fail_nomem(err);
	memcpy(job->name, job->order.name.data, job->order.name.n);
	kith_wire_extents(&job->order, job->extents);
	for (i = 0; i < n; i++) { /* the walk has checked them against the file */
		uint64_t e = job->extents[i].offset == KITH_EXTENT_ZEROS
				 ? 0
				 : job->extents[i].offset + job->extents[i].bytes;

		size = e > size ? e : size;
	}
	st = kith_blob_file(&job->file, job->fd, size, err);
	if (st >= 0)
		st = kith_blob_parts(&job->blob, &job->file, job->extents, n, err);
	return st;
}

static const struct kith_container_ops *find_container(const struct kith_job_container *containers,
						       size_t n, uint32_t format)
{
	const struct kith_format_info *info = kith_worker_format(format);
	size_t i;

	for (i = 0; i < n && info != NULL; i++)
		if (strcmp(containers[i].ops->id, info->container) == 0 && !containers[i].lacks)
			return containers[i].ops;
	return NULL;
}

static enum kith_status hash_files(struct job *job, struct kith_emit *emit, struct kith_err *err)
{
	int fds[KITH_PACKET_FDS];
	struct kith_wire m;
	enum kith_status st;
	size_t n, n_fds, i;

	for (;;) {
		const uint8_t *pos = job->packet, *end;

		st = kith_packet_recv(job->sock, job->packet, KITH_PACKET_MAX, &n, fds,
				      KITH_PACKET_FDS, &n_fds, 0, err);
		if (st == KITH_NOT_FOUND) {
			/* nothing waits: tell what there is, so that more will come */
			st = kith_emit_finish(emit, err);
			if (st >= 0)
				st = kith_emit_flush(emit, err);
			if (st >= 0)
				st = kith_packet_recv(job->sock, job->packet, KITH_PACKET_MAX, &n,
						      fds, KITH_PACKET_FDS, &n_fds, 1, err);
		}
		if (st != KITH_OK)
			return st < 0 ? st : KITH_OK;
		end = job->packet + n;
		if (!kith_wire_open(&pos, end))
			return kith_fail(err, KITH_E_CORRUPT, "an order that is none");
		for (i = 0; pos < end; i++) {
			if (!kith_wire_get(&pos, end, &m) || m.type != KITH_WIRE_OPEN || i >= n_fds)
				return kith_fail(err, KITH_E_CORRUPT, "an order that is none");
#ifdef KITH_TEST_HOOKS
			if (m.name.n >= 4 && memcmp(m.name.data + m.name.n - 4, "!die", 4) == 0)
				_exit(9);
#endif
			st = kith_emit_file(emit, m.item, m.name.data, m.name.n, fds[i], m.number,
					    err);
			if (st < 0)
				return st;
		}
	}
}

static enum kith_status walk_container(struct job *job, struct kith_emit *emit,
				       struct kith_err *err)
{
	struct kith_container_in in = {.blob = &job->blob,
				       .format = (enum kith_format)job->order.code,
				       .name = job->name,
				       .name_n = job->order.name.n,
				       .emit = emit};

	if (job->ops == NULL)
		return kith_fail(err, KITH_E_UNSUPPORTED, "no container of that name");
	return job->ops->walk(&in, err);
}

/* Back to where it was before the order, for another one. */
static void forget(struct job *job)
{
	kith_blob_done(&job->blob);
	kith_blob_done(&job->file);
	free(job->extents);
	free(job->name);
	if (job->fd >= 0)
		(void)close(job->fd);
	job->extents = NULL;
	job->name = NULL;
	job->ops = NULL;
	job->fd = -1;
}

/* One job, with the sandbox around it that the first one has closed. */
static enum kith_status run_order(struct job *job, const struct kith_job_container *containers,
				  size_t n, bool first, struct kith_err *err)
{
	bool careful = (job->order.flags & KITH_WIRE_F_CAREFUL) != 0;
	struct kith_emit *emit = NULL;
	struct kith_err fault = {0};
	enum kith_status st = KITH_OK, finished;

	if (first)
		st = kith_sandbox_limit(&job->order.limits, err);
	if (st >= 0 && job->fd >= 0)
		st = set_up_blob(job, err);
	if (st >= 0)
		st = kith_emit_new(job->sock, job->fd < 0 ? NULL : &job->blob, &job->order.limits,
				   careful, &emit, err);
	if (st >= 0 && first)
		st = kith_sandbox_close(err);
	if (st < 0)
		return st;
	if (job->fd >= 0)
		job->ops = find_container(containers, n, job->order.code);
	st = job->fd < 0 ? hash_files(job, emit, err) : walk_container(job, emit, err);
	finished = kith_emit_finish(emit, &fault);
	if (finished < 0 && st >= 0) {
		st = finished;
		if (err != NULL)
			*err = fault;
	}
	st = kith_emit_over(emit, st, st < 0 ? err->msg : "", NULL);
	kith_emit_free(emit);
	return st;
}

_Noreturn void kith_job_run(int sock, const struct kith_job_container *containers, size_t n)
{
	struct job job = {.sock = sock, .fd = -1, .packet = malloc(KITH_PACKET_MAX)};
	struct kith_err err = {0};
	bool first = true, more = true;

	if (job.packet == NULL)
		_exit(3);
	while (more) {
		enum kith_status st = receive_order(&job, &err);

		if (st == KITH_E_CANCELLED && !first)
			break;
		if (st >= 0) {
			more = (job.order.flags & KITH_WIRE_F_MORE) != 0;
			st = run_order(&job, containers, n, first, &err);
		}
		if (st < 0)
			_exit(3);
		forget(&job);
		first = false;
	}
	_exit(0);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool.c: copies of containers that lie compressed in others. What must hold:
 *   - Whether a copy is allowed depends on its size and on the copies that it lies in, not on what
 *     else is going on: over the limits it is refused and noted.
 *   - When the pool is merely full at the moment, its worker waits; the pool is overdrawn only when
 *     nothing else could go on (walk.c).
 *   - A copy has no name, and is gone with its last reference.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "detect/detect.h"
#include "walk/walk_int.h"
#include "workers/packet.h"

/* First grant for a copy whose size nobody knows. */
#define FIRST_GRANT (UINT64_C(4) << 20)

struct walk_source *walk_source_file(int fd, uint64_t size)
{
	struct walk_source *source = calloc(1, sizeof *source);

	if (source == NULL)
		return NULL;
	source->refs = 1;
	source->fd = fd;
	source->size = size;
	return source;
}

void walk_source_drop(struct kith_walk *walk, struct walk_source *source)
{
	if (source == NULL || --source->refs > 0)
		return;
	if (source->fd >= 0)
		(void)close(source->fd);
	if (source->spool) {
		walk->pool_used -= source->charged;
		walk->memory_used -= source->memory ? source->charged : 0;
		walk->n_spools--;
	}
	free(source);
}

static int nameless_file(const struct kith_walk *walk, uint64_t bytes, bool *ret_memory)
{
	char path[4200];
	int fd = -1;

	*ret_memory = bytes <= WALK_MEMORY_SPOOL && walk->memory_used + bytes <= WALK_MEMORY_POOL;
	if (*ret_memory)
		fd = memfd_create("kith-spool", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd >= 0)
		return fd;
	*ret_memory = false;
	fd = open(walk->scratch, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	(void)snprintf(path, sizeof path, "%s/kith-spool-XXXXXX", walk->scratch);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		(void)unlink(path);
	return fd;
}

static struct walk_spool *find_spool(struct walk_job *job, uint64_t id)
{
	size_t i;

	for (i = 0; i < job->n_spools; i++)
		if (job->spools[i].id == id)
			return &job->spools[i];
	return NULL;
}

struct walk_source *walk_spool_take(struct walk_job *job, uint64_t id)
{
	struct walk_spool *spool = find_spool(job, id);
	struct walk_source *source;

	if (spool == NULL)
		return NULL;
	source = spool->source;
	*spool = job->spools[--job->n_spools];
	return source;
}

void walk_spool_freeze(struct walk_source *source)
{
	char path[64];
	int fd;

	if (source->memory)
		(void)fcntl(source->fd, F_ADD_SEALS,
			    F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", source->fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return; /* without /proc its readers could write to it, which harms only them */
	(void)close(source->fd);
	source->fd = fd;
}

enum kith_status walk_answer(struct kith_walk *walk, struct walk_job *job, unsigned flags,
			     uint64_t size, const struct kith_extent *extents, size_t n, int fd,
			     struct kith_err *err)
{
	struct kith_wire m = {.type = KITH_WIRE_ANSWER,
			      .flags = flags,
			      .number = size,
			      .extents = extents,
			      .n_extents = n};

	job->waits = false;
	job->last_ms = walk_now_ms();
	if (!kith_wire_start(&walk->out) || !kith_wire_put(&walk->out, &m))
		return kith_fail_nomem(err);
	/* a worker that does not take it has died, or will be killed for its silence */
	(void)kith_packet_send(job->sock, walk->out.data, walk->out.n, &fd, fd >= 0 ? 1 : 0, 0,
			       NULL);
	return KITH_OK;
}

static enum kith_status new_spool(struct kith_walk *walk, struct walk_job *job, uint64_t bytes,
				  struct kith_err *err)
{
	struct walk_source *source;
	bool memory;
	int fd;

	if (job->n_spools == job->cap_spools) {
		size_t cap = job->cap_spools == 0 ? 4 : job->cap_spools * 2;
		struct walk_spool *grown = realloc(job->spools, cap * sizeof *grown);

		if (grown == NULL)
			return kith_fail_nomem(err);
		job->spools = grown;
		job->cap_spools = cap;
	}
	/* What is of unknown size may grow to any, and cannot move once its worker writes to it. */
	fd = nameless_file(walk, job->want == KITH_PEEK_HEAD ? UINT64_MAX : bytes, &memory);
	if (fd < 0)
		return kith_fail_errno(err, errno, "making a file in '%s'", walk->scratch);
	source = walk_source_file(fd, bytes);
	if (source == NULL) {
		(void)close(fd);
		return kith_fail_nomem(err);
	}
	source->spool = true;
	source->memory = memory;
	walk->n_spools++;
	job->spools[job->n_spools++] = (struct walk_spool){job->want_id, source};
	return KITH_OK;
}

static enum kith_status refuse(struct kith_walk *walk, struct walk_job *job, const char *reason,
			       struct kith_err *err)
{
	enum kith_status st = KITH_OK;

	walk_source_drop(walk, walk_spool_take(job, job->want_id));
	if (job->refused_before > 0) { /* noted when it was walked first */
		job->refused_before--;
		return walk_answer(walk, job, 0, 0, NULL, 0, -1, err);
	}
	job->n_refused++;
	st = walk_note(walk, job->node, KITH_LEDGER_SKIPPED, reason, 1, job->want_name,
		       job->want_name_n, err);
	return st < 0 ? st : walk_answer(walk, job, 0, 0, NULL, 0, -1, err);
}

enum kith_status walk_spool_answer(struct kith_walk *walk, struct walk_job *job, bool force,
				   struct kith_err *err)
{
	struct walk_spool *spool = find_spool(job, job->want_id);
	uint64_t chain = walk->nodes[job->node].spooled, most, grant = job->want, more;
	uint64_t has = spool == NULL ? 0 : spool->source->charged;
	bool fresh = spool == NULL;

	most = chain < walk->limits.spool_bytes ? walk->limits.spool_bytes - chain : 0;
	if (most > walk->limits.spool_member)
		most = walk->limits.spool_member;
	if (job->want > most)
		return refuse(walk, job, "over the limit of copies", err);
	if (!fresh && grant < 2 * has)
		grant = 2 * has;
	else if (fresh && grant == KITH_PEEK_HEAD)
		grant = FIRST_GRANT;
	if (grant > most)
		grant = most;
	more = grant > has ? grant - has : 0;
	if (!fresh && spool->source->memory && has + more > WALK_MEMORY_SPOOL)
		return refuse(walk, job, "larger than its container says", err);
	if (!force && ((fresh && walk->n_spools >= WALK_SPOOLS) ||
		       (more > 0 && walk->pool_used + more > walk->limits.spool_bytes)))
		return KITH_OK; /* it waits */
	if (fresh) {
		struct kith_err fault = {0};

		if (new_spool(walk, job, grant, &fault) < 0)
			return refuse(walk, job, "no room for the copy of a container", err);
		spool = find_spool(job, job->want_id);
	}
	spool->source->charged = spool->source->size = has + more;
	walk->pool_used += more;
	walk->memory_used += spool->source->memory ? more : 0;
	return walk_answer(walk, job, KITH_WIRE_F_YES, has + more, NULL, 0,
			   fresh ? spool->source->fd : -1, err);
}

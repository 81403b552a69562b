/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zygote.c: the worker programs. Each is started when the first container comes that it opens, so
 * that one whose package is missing is missed by nobody else. What must hold: a job that was handed
 * to a program that has died is gone, exactly once.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "walk/walk_int.h"
#include "workers/formats.h"
#include "workers/packet.h"

#define START_MS 20000 /* to set all libraries up, on a slow disk */

extern char **environ;

/* The rows of containers.def. */
static const char *const containers[] = {
#define KITH_CONTAINER(id, worker) #id,
#include "containers/containers.def"
#undef KITH_CONTAINER
#ifdef KITH_TEST_HOOKS
    "misbehave",
#endif
    NULL};

static const char *const programs[KITH_WORKERS] = {
    [KITH_WORKER_MAIN] = "kith-worker",
    [KITH_WORKER_WIM] = "kith-worker-wim",
    [KITH_WORKER_7Z] = "kith-worker-7z",
};

/* Where the programs are: as told, or ../libexec/kith from this one. */
enum kith_status walk_find_libexec(struct kith_walk *walk, struct kith_err *err)
{
	const char *told = getenv("KITH_LIBEXEC");
	char path[4096], *slash;
	ssize_t n;

	if (walk->libexec != NULL)
		return KITH_OK;
	if (told != NULL && told[0] != '\0') {
		walk->libexec = strdup(told);
		return walk->libexec == NULL ? kith_fail_nomem(err) : KITH_OK;
	}
	n = readlink("/proc/self/exe", path, sizeof path - 32);
	if (n <= 0)
		return kith_fail_errno(err, errno, "finding the folder of this program");
	path[n] = '\0';
	slash = strrchr(path, '/');
	if (slash == NULL)
		return kith_fail(err, KITH_E_IO, "finding the folder of this program");
	(void)snprintf(slash, 32, "/../libexec/kith");
	walk->libexec = strdup(path);
	return walk->libexec == NULL ? kith_fail_nomem(err) : KITH_OK;
}

void walk_zygote_stop(struct kith_walk *walk, enum kith_worker worker)
{
	struct walk_zygote *zygote = &walk->zygotes[worker];

	walk_spares_drop(walk, true, worker);
	if (zygote->sock >= 0)
		(void)close(zygote->sock);
	zygote->sock = -1;
	if (zygote->pid > 0) {
		/* it may be in the middle of setting a library up */
		(void)kill(zygote->pid, SIGKILL);
		while (waitpid(zygote->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	zygote->pid = 0;
}

static bool run_program(struct kith_walk *walk, enum kith_worker worker)
{
	struct walk_zygote *zygote = &walk->zygotes[worker];
	char path[4200], number[] = "3", *argv[] = {path, number, NULL};
	posix_spawn_file_actions_t actions;
	int socks[2], rc;
	sigset_t not_its;
	posix_spawnattr_t attr;

	(void)snprintf(path, sizeof path, "%s/%s", walk->libexec, programs[worker]);
	if (access(path, X_OK) != 0 || kith_packet_pair(socks, NULL) < 0)
		return false;
	/* What a terminal sends to all programs is not for it, also before it can say so: it lets
	 * them in when it ignores them (workers/main.c). */
	(void)sigemptyset(&not_its);
	(void)sigaddset(&not_its, SIGINT);
	(void)sigaddset(&not_its, SIGTERM);
	(void)sigaddset(&not_its, SIGHUP);
	(void)sigaddset(&not_its, SIGQUIT);
	rc = posix_spawn_file_actions_init(&actions);
	if (rc == 0)
		rc = posix_spawnattr_init(&attr);
	if (rc == 0) {
		/* dup2 onto itself would keep close-on-exec in older C libraries */
		if (socks[1] == 3)
			(void)posix_spawn_file_actions_adddup2(&actions, socks[1], 4),
			    (void)posix_spawn_file_actions_adddup2(&actions, 4, 3);
		else
			(void)posix_spawn_file_actions_adddup2(&actions, socks[1], 3);
		(void)posix_spawnattr_setsigmask(&attr, &not_its);
		(void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
		rc = posix_spawn(&zygote->pid, path, &actions, &attr, argv, environ);
		(void)posix_spawnattr_destroy(&attr);
		(void)posix_spawn_file_actions_destroy(&actions);
	}
	(void)close(socks[1]);
	if (rc != 0) {
		(void)close(socks[0]);
		zygote->pid = 0;
		return false;
	}
	zygote->sock = socks[0];
	return true;
}

static void add_lack(struct walk_zygote *zygote, const struct kith_wire *m)
{
	size_t cap = sizeof zygote->lacks / sizeof *zygote->lacks;

	if (zygote->n_lacks == cap)
		return;
	(void)snprintf(zygote->lacks[zygote->n_lacks], sizeof *zygote->lacks, "%.*s",
		       (int)m->text.n, (const char *)m->text.data);
	(void)snprintf(zygote->why[zygote->n_lacks++], sizeof *zygote->why, "%.*s",
		       (int)(m->name.n < 100 ? m->name.n : 100), (const char *)m->name.data);
}

/* One packet of it. KITH_END: it is gone. *ret_ready: it has set all up. */
static enum kith_status take_packet(struct kith_walk *walk, enum kith_worker worker, int wait,
				    bool *ret_ready)
{
	struct walk_zygote *zygote = &walk->zygotes[worker];
	const uint8_t *pos = walk->packet;
	struct kith_wire m;
	enum kith_status st;
	size_t n, i;

	st = kith_packet_recv(zygote->sock, walk->packet, KITH_PACKET_MAX, &n, NULL, 0, NULL, wait,
			      NULL);
	if (st == KITH_NOT_FOUND)
		return st;
	if (st != KITH_OK || !kith_wire_open(&pos, walk->packet + n))
		return KITH_END;
	while (pos < walk->packet + n) {
		if (!kith_wire_get(&pos, walk->packet + n, &m))
			return KITH_END;
		if (m.type == KITH_WIRE_LACKS)
			add_lack(zygote, &m);
		if (m.type == KITH_WIRE_READY)
			*ret_ready = true;
		for (i = 0; m.type == KITH_WIRE_GONE && i < walk->n_running; i++)
			if (walk->running[i]->id == m.item && walk->running[i]->worker == worker) {
				walk->running[i]->gone = true;
				walk->running[i]->wait_status = (int)(uint32_t)m.number;
			}
	}
	return KITH_OK;
}

static bool wait_ready(struct kith_walk *walk, enum kith_worker worker)
{
	uint64_t end = walk_now_ms() + START_MS;
	bool ready = false;

	while (!ready) {
		struct pollfd fd = {.fd = walk->zygotes[worker].sock, .events = POLLIN};
		uint64_t now = walk_now_ms();

		if (now >= end || (poll(&fd, 1, (int)(end - now)) < 0 && errno != EINTR))
			return false;
		if (fd.revents != 0 && take_packet(walk, worker, 0, &ready) == KITH_END)
			return false;
	}
	return true;
}

/* Starts it if need be. */
static bool zygote_runs(struct kith_walk *walk, enum kith_worker worker)
{
	struct walk_zygote *zygote = &walk->zygotes[worker];

	if (zygote->sock >= 0)
		return true;
	if (zygote->failed || zygote->starts > WALK_RESTARTS)
		return false;
	zygote->starts++;
	zygote->n_lacks = 0;
	if (run_program(walk, worker) && wait_ready(walk, worker))
		return true;
	walk_zygote_stop(walk, worker);
	zygote->failed = true;
	return false;
}

static bool has_container(const char *id)
{
	size_t i;

	for (i = 0; containers[i] != NULL; i++)
		if (strcmp(containers[i], id) == 0)
			return true;
	return false;
}

const char *walk_zygote_lacks(struct kith_walk *walk, enum kith_format format)
{
	const struct kith_format_info *info = kith_worker_format(format);
	struct walk_zygote *zygote = &walk->zygotes[info->worker];
	static char reason[KITH_WIRE_REASON + 1]; /* the walk has one thread */
	const char *why = "";
	bool lacks;
	size_t i;

	if (!has_container(info->container)) {
		(void)snprintf(reason, sizeof reason, "%s: not opened by this build", info->name);
		return reason;
	}
	lacks = !zygote_runs(walk, info->worker);
	for (i = 0; i < zygote->n_lacks && !lacks; i++)
		if (strcmp(zygote->lacks[i], info->container) == 0) {
			lacks = true;
			why = zygote->why[i];
		}
	if (!lacks)
		return NULL;
	if (info->package[0] != '\0')
		(void)snprintf(reason, sizeof reason, "%s: needs the Debian package %s", info->name,
			       info->package);
	else if (why[0] != '\0')
		(void)snprintf(reason, sizeof reason, "%s: %.*s", info->name, 80, why);
	else
		(void)snprintf(reason, sizeof reason, "%s: needs the program %s", info->name,
			       programs[info->worker]);
	return reason;
}

/* All its workers have died with it. */
static void all_gone(struct kith_walk *walk, enum kith_worker worker)
{
	size_t i;

	for (i = 0; i < walk->n_running; i++) {
		struct walk_job *job = walk->running[i];

		if (job->worker != worker || job->gone)
			continue;
		job->gone = true;
		job->wait_status = SIGKILL;
		if (!job->ended && job->killed == NULL)
			job->killed = "worker program ended";
	}
	walk_zygote_stop(walk, worker);
}

enum kith_status walk_zygote_hear(struct kith_walk *walk, enum kith_worker worker,
				  struct kith_err *err)
{
	enum kith_status st;
	bool ready = false;

	(void)err;
	do {
		st = take_packet(walk, worker, 0, &ready);
	} while (st == KITH_OK);
	if (st == KITH_END)
		all_gone(walk, worker);
	return KITH_OK;
}

static enum kith_status order(struct kith_walk *walk, enum kith_worker worker,
			      enum kith_wire_type type, uint32_t job, const int *fd,
			      struct kith_err *err)
{
	struct kith_wire m = {.type = type, .item = job};

	if (!kith_wire_start(&walk->out) || !kith_wire_put(&walk->out, &m))
		return kith_fail_nomem(err);
	return kith_packet_send(walk->zygotes[worker].sock, walk->out.data, walk->out.n, fd,
				fd == NULL ? 0 : 1, 1, err);
}

enum kith_status walk_zygote_spawn(struct kith_walk *walk, enum kith_worker worker, uint32_t job,
				   int sock, struct kith_err *err)
{
	if (!zygote_runs(walk, worker))
		return kith_fail(err, KITH_E_IO, "'%s/%s' cannot be started", walk->libexec,
				 programs[worker]);
	return order(walk, worker, KITH_WIRE_SPAWN, job, &sock, err);
}

void walk_zygote_kill(struct kith_walk *walk, enum kith_worker worker, uint32_t job)
{
	if (walk->zygotes[worker].sock >= 0)
		(void)order(walk, worker, KITH_WIRE_KILL, job, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c: kith-worker, kith-worker-wim, kith-worker-7z: the process from which workers are forked.
 * It sets up the libraries of its containers, then waits for orders; it never looks at an input.
 *
 *   kith-worker FD      FD: a socket to the walk (wire.h); started by it, of no use otherwise
 *
 * What must hold: a worker inherits the libraries as they were set up, and no descriptor but its
 * socket; the walk hears of each worker's end exactly once; when the walk ends, all of them do.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "workers/job.h"
#include "workers/packet.h"
#include "workers/sandbox.h"
#include "workers/wire.h"

#define WORKERS_MAX 1024

#ifdef KITH_TEST_HOOKS
extern const struct kith_container_ops kith_container_misbehave;
#endif

static struct kith_job_container containers[] = {
/* Of the rows, those of this program. */
#define KITH_ROW_MAIN(id)
#define KITH_ROW_WIM(id)
#define KITH_ROW_7Z(id)
#if defined(KITH_PROGRAM_WIM)
#undef KITH_ROW_WIM
#define KITH_ROW_WIM(id) {&kith_container_##id, false},
#elif defined(KITH_PROGRAM_7Z)
#undef KITH_ROW_7Z
#define KITH_ROW_7Z(id) {&kith_container_##id, false},
#else
#undef KITH_ROW_MAIN
#define KITH_ROW_MAIN(id) {&kith_container_##id, false},
#endif
#define KITH_CONTAINER(id, worker) KITH_ROW_##worker(id)
#include "containers/containers.def"
#undef KITH_CONTAINER
#ifdef KITH_TEST_HOOKS
    {&kith_container_misbehave, false},
#endif
    {NULL, false}};

#define N_CONTAINERS (sizeof containers / sizeof *containers - 1)

static struct {
	pid_t pid; /* 0: free */
	uint32_t job;
} workers[WORKERS_MAX];

static volatile sig_atomic_t reap;

static void on_child(int number)
{
	(void)number;
	reap = 1;
}

static bool say(int sock, struct kith_buf *out, const struct kith_wire *m)
{
	return kith_wire_start(out) && kith_wire_put(out, m) &&
	       kith_packet_send(sock, out->data, out->n, NULL, 0, 1, NULL) >= 0;
}

/* Sets all containers up; one that fails is told, and can be used by nobody. */
static bool prepare(int sock, struct kith_buf *out)
{
	struct kith_wire ready = {.type = KITH_WIRE_READY};
	struct kith_hasher *hasher;
	struct kith_err err;
	bool ok = true;
	size_t i;

	if (kith_hasher_new(0, NULL, NULL, &hasher, &err) < 0 || kith_sandbox_prepare(&err) < 0)
		return false;
	kith_hasher_free(hasher);
	for (i = 0; i < N_CONTAINERS && ok; i++) {
		const struct kith_container_ops *ops = containers[i].ops;
		struct kith_wire lacks = {.type = KITH_WIRE_LACKS,
					  .text = {(const uint8_t *)ops->id, strlen(ops->id)}};

		if (ops->prepare == NULL || ops->prepare(&err) >= 0)
			continue;
		containers[i].lacks = true;
		lacks.name = (struct kith_bytes){(const uint8_t *)err.msg, strlen(err.msg)};
		ok = say(sock, out, &lacks);
	}
	return ok && say(sock, out, &ready);
}

static bool spawn(int sock, int job_sock, uint32_t job)
{
	size_t i;
	pid_t pid;

	for (i = 0; i < WORKERS_MAX && workers[i].pid != 0; i++)
		;
	if (i == WORKERS_MAX)
		return false;
	pid = fork();
	if (pid < 0)
		return false;
	if (pid == 0) {
		sigset_t none;

		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		(void)close(sock);
		(void)signal(SIGCHLD, SIG_DFL);
		(void)sigemptyset(&none);
		(void)sigprocmask(SIG_SETMASK, &none, NULL);
		kith_job_run(job_sock, containers, N_CONTAINERS);
	}
	workers[i].pid = pid;
	workers[i].job = job;
	return true;
}

static bool gone(int sock, struct kith_buf *out, uint32_t job, int status,
		 const struct rusage *usage)
{
	struct kith_wire m = {.type = KITH_WIRE_GONE,
			      .item = job,
			      .number = (uint32_t)status,
			      .number2 = usage == NULL ? 0 : (uint64_t)usage->ru_maxrss};

	return say(sock, out, &m);
}

static bool reap_workers(int sock, struct kith_buf *out)
{
	struct rusage usage;
	int status;
	size_t i;
	pid_t pid;

	reap = 0;
	while ((pid = wait4(-1, &status, WNOHANG, &usage)) > 0) {
		for (i = 0; i < WORKERS_MAX; i++)
			if (workers[i].pid == pid)
				break;
		if (i == WORKERS_MAX)
			continue;
		workers[i].pid = 0;
		if (!gone(sock, out, workers[i].job, status, &usage))
			return false;
	}
	return true;
}

/* One order. False: the walk is gone, or talks nonsense. */
static bool obey(int sock, struct kith_buf *out, uint8_t *packet)
{
	struct kith_wire m;
	const uint8_t *pos = packet;
	size_t n, n_fds = 0, i;
	int fd = -1;
	bool ok = true;

	if (kith_packet_recv(sock, packet, KITH_PACKET_FULL, &n, &fd, 1, &n_fds, 1, NULL) !=
		KITH_OK ||
	    !kith_wire_open(&pos, packet + n) || !kith_wire_get(&pos, packet + n, &m))
		return false;
	if (m.type == KITH_WIRE_KILL) {
		for (i = 0; i < WORKERS_MAX; i++)
			if (workers[i].pid != 0 && workers[i].job == m.item)
				(void)kill(workers[i].pid, SIGKILL);
	} else if (m.type == KITH_WIRE_SPAWN && n_fds == 1) {
		if (!spawn(sock, fd, m.item))
			ok = gone(sock, out, m.item, SIGKILL, NULL);
	} else {
		ok = false;
	}
	if (n_fds == 1)
		(void)close(fd);
	return ok;
}

static int serve(int sock)
{
	struct kith_buf out = {0};
	uint8_t *packet = malloc(KITH_PACKET_FULL);
	struct sigaction action = {.sa_handler = on_child};
	sigset_t blocked, open;
	bool ok;

	if (packet == NULL)
		return 3;
	/* SIGCHLD arrives only while we wait */
	(void)sigemptyset(&blocked);
	(void)sigaddset(&blocked, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &blocked, &open);
	(void)sigdelset(&open, SIGCHLD);
	(void)sigaction(SIGCHLD, &action, NULL);
	ok = prepare(sock, &out);
	while (ok) {
		struct pollfd wait = {.fd = sock, .events = POLLIN};
		int rc = ppoll(&wait, 1, NULL, &open);

		if (rc < 0 && errno != EINTR)
			break;
		if (rc > 0)
			ok = obey(sock, &out, packet);
		if (ok && reap != 0)
			ok = reap_workers(sock, &out);
	}
	free(packet);
	kith_buf_done(&out);
	return 0; /* workers die with us: PR_SET_PDEATHSIG */
}

/* Keeps the socket as descriptor 3, and nothing else but the standard ones, which lead nowhere. */
static int only_socket(const char *text)
{
	char *end;
	long fd = strtol(text, &end, 10);
	int null, flags;

	if (end == text || *end != '\0' || fd < 0 || fd > 65535)
		return -1;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || (fd != 3 && dup3((int)fd, 3, O_CLOEXEC) != 3))
		return -1;
	flags = fcntl(3, F_GETFD);
	if (flags < 0 || fcntl(3, F_SETFD, flags | FD_CLOEXEC) != 0 || dup2(null, 0) != 0 ||
	    dup2(null, 1) != 1)
		return -1;
#ifndef KITH_SANDBOX_RELAXED
	if (dup2(null, 2) != 2)
		return -1;
#endif
	return syscall(SYS_close_range, 4u, ~0u, 0u) == 0 ? 3 : -1;
}

int main(int argc, char **argv)
{
	/* Ctrl-C is sent to all of a terminal's programs. What ends us and our workers is the
	 * builder, which then knows that it left off; a worker that ended by itself would look like
	 * one that could not read its container. */
	static const int not_ours[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	pid_t parent = getppid();
	sigset_t none;
	size_t i;
	int sock;

	if (argc != 2) {
		(void)fprintf(stderr, "%s is started by kith-build; see kith-build(1)\n", argv[0]);
		return 2;
	}
	for (i = 0; i < sizeof not_ours / sizeof not_ours[0]; i++)
		(void)signal(not_ours[i], SIG_IGN);
	/* The walk has started us with them blocked. */
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != parent)
		return 3; /* it died meanwhile */
	sock = only_socket(argv[1]);
	if (sock < 0)
		return 3;
	/* names of UTF-16 volumes need a locale that can express them */
	(void)setlocale(LC_CTYPE, "C.UTF-8");
	return serve(sock);
}

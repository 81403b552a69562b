/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox.c: what must hold: a forbidden system call ends the process, except for the few that
 * libraries make for no good reason, which fail with EPERM; whatever of this the kernel lacks
 * beside the filter is done without.
 *
 * Landlock: Linux documentation, userspace-api/landlock; its structure is written out here because
 * older headers have a shorter one.
 */
#define _GNU_SOURCE
#include "workers/sandbox.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"

#define CPU_MORE  2   /* seconds of processor time */
#define FILES_MAX 256 /* descriptors of a worker: parts of a split image, files to hash */

static struct sock_fprog filter; /* built once; kept until the process ends */

/* The calls that a worker needs once its libraries are set up. */
static const int allowed[] = {
    SCMP_SYS(read),
    SCMP_SYS(pread64),
    SCMP_SYS(readv),
    SCMP_SYS(preadv),
    SCMP_SYS(write),
    SCMP_SYS(pwrite64),
    SCMP_SYS(writev),
    SCMP_SYS(sendmsg),
    SCMP_SYS(recvmsg),
    SCMP_SYS(lseek),
    SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(close),
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(futex),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(getrandom),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(membarrier),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(fadvise64),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
};

/* Those that the C library or a format library tries, and does without. */
static const int refused[] = {
    SCMP_SYS(open),      SCMP_SYS(openat),    SCMP_SYS(ioctl),    SCMP_SYS(fcntl),
    SCMP_SYS(access),    SCMP_SYS(faccessat), SCMP_SYS(readlink), SCMP_SYS(readlinkat),
    SCMP_SYS(stat),      SCMP_SYS(lstat),     SCMP_SYS(statx),    SCMP_SYS(getcwd),
    SCMP_SYS(prctl),     SCMP_SYS(sysinfo),   SCMP_SYS(uname),    SCMP_SYS(getrlimit),
    SCMP_SYS(prlimit64), SCMP_SYS(getrusage), SCMP_SYS(getuid),   SCMP_SYS(geteuid),
    SCMP_SYS(kill),      SCMP_SYS(tgkill),
};

static enum kith_status add_rules(scmp_filter_ctx ctx, struct kith_err *err)
{
	struct scmp_arg_cmp no_exec = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	/* Threads of a format library, and nothing but threads: what pthread_create() asks for.
	 * They have this filter too. The arguments of clone3 cannot be seen by a filter; the C
	 * library does without it. */
	struct scmp_arg_cmp thread =
	    SCMP_A0(SCMP_CMP_EQ,
		    CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SYSVSEM | CLONE_SIGHAND |
			CLONE_THREAD | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID,
		    0);
	size_t i;
	int rc = 0;

	for (i = 0; i < sizeof allowed / sizeof *allowed && rc == 0; i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0);
	for (i = 0; i < sizeof refused / sizeof *refused && rc == 0; i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), refused[i], 0);
	if (rc == 0)
		rc = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, &no_exec);
	if (rc == 0)
		rc = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, &no_exec);
	if (rc == 0)
		rc = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, &thread);
	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	if (rc != 0)
		return kith_fail_errno(err, -rc, "building the filter of system calls");
	return KITH_OK;
}

/* libseccomp writes the filter to a descriptor only. */
static enum kith_status keep_filter(scmp_filter_ctx ctx, struct kith_err *err)
{
	int fd = memfd_create("kith-filter", MFD_CLOEXEC), rc;
	struct sock_filter *code = NULL;
	enum kith_status st;
	uint64_t size = 0;

	if (fd < 0)
		return kith_fail_errno(err, errno, "building the filter of system calls");
	rc = seccomp_export_bpf(ctx, fd);
	st = rc == 0 ? kith_io_size(fd, &size, err)
		     : kith_fail_errno(err, -rc, "building the filter of system calls");
	if (st >= 0 && (size == 0 || size / sizeof *code > BPF_MAXINSNS))
		st = kith_fail(err, KITH_E_UNSUPPORTED, "the filter of system calls is too long");
	if (st >= 0) {
		code = malloc((size_t)size);
		st = code == NULL ? kith_fail_nomem(err)
				  : kith_io_pread(fd, code, (size_t)size, 0, err);
	}
	(void)close(fd);
	if (st < 0) {
		free(code);
		return st;
	}
	filter.filter = code;
	filter.len = (unsigned short)(size / sizeof *code);
	return KITH_OK;
}

enum kith_status kith_sandbox_prepare(struct kith_err *err)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	enum kith_status st;

	if (ctx == NULL)
		return kith_fail_nomem(err);
	st = add_rules(ctx, err);
	if (st >= 0)
		st = keep_filter(ctx, err);
	seccomp_release(ctx);
	return st;
}

/* more: what the hard limit is beyond; one that is there cannot be raised. */
static bool set_limit(int resource, uint64_t value, uint64_t more)
{
	struct rlimit now, want = {(rlim_t)value, (rlim_t)(value + more)};

	if (getrlimit((__rlimit_resource_t)resource, &now) == 0 && now.rlim_max != RLIM_INFINITY) {
		want.rlim_max = now.rlim_max < want.rlim_max ? now.rlim_max : want.rlim_max;
		want.rlim_cur = want.rlim_max < want.rlim_cur ? want.rlim_max : want.rlim_cur;
	}
	return setrlimit((__rlimit_resource_t)resource, &want) == 0;
}

/* No file can be opened, no TCP port reached, no process outside signalled. */
static void landlock(void)
{
	struct {
		uint64_t fs, net, scoped;
	} rules = {0};
	static const uint64_t fs[] = {0, 0x1fff, 0x3fff, 0x7fff, 0x7fff, 0xffff};
	long abi = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, 1u);
	size_t size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
	long fd;

	if (abi < 1)
		return;
	rules.fs = fs[abi < 5 ? abi : 5];
	rules.net = 3;
	rules.scoped = 3;
	fd = syscall(SYS_landlock_create_ruleset, &rules, size, 0u);
	if (fd < 0)
		return;
	(void)syscall(SYS_landlock_restrict_self, (int)fd, 0u);
	(void)close((int)fd);
}

enum kith_status kith_sandbox_limit(const struct kith_wire_limits *limits, struct kith_err *err)
{
	bool ok = set_limit(RLIMIT_CORE, 0, 0) && set_limit(RLIMIT_NOFILE, FILES_MAX, 0) &&
		  set_limit(RLIMIT_FSIZE, limits->spool_member, 0);

	/* At the hard limit the kernel kills with SIGKILL, which does not tell what it was for. */
	if (limits->cpu_seconds > 0)
		ok = ok && set_limit(RLIMIT_CPU, limits->cpu_seconds, CPU_MORE);
#ifndef KITH_SANDBOX_RELAXED
	ok = ok && set_limit(RLIMIT_AS, limits->memory, 0);
	ok = ok && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
#endif
	if (!ok || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return kith_fail_errno(err, errno, "limiting a worker");
	landlock();
	return KITH_OK;
}

enum kith_status kith_sandbox_close(struct kith_err *err)
{
#ifndef KITH_SANDBOX_RELAXED
	long rc = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter);

	if (rc != 0)
		return kith_fail_errno(err, rc > 0 ? EBUSY : errno,
				       "closing a worker's system calls");
#endif
	(void)err;
	return KITH_OK;
}

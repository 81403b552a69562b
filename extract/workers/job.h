/* SPDX-License-Identifier: Apache-2.0 */
/* job.h: the life of a worker: one job, received through its socket. */
#ifndef KITH_EXTRACT_JOB_H
#define KITH_EXTRACT_JOB_H

#include "containers/container.h"

/* A row of the program's containers, and whether it can be used. */
struct kith_job_container {
	const struct kith_container_ops *ops;
	bool lacks; /* its preparation failed */
};

/* Does not return. The process has nothing open but the socket. */
_Noreturn void kith_job_run(int sock, const struct kith_job_container *containers, size_t n);

#endif

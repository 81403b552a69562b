/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io.h: the system calls that we make on files, without their traps: interrupted and short calls
 * are continued, descriptors are close-on-exec, and every failure has its words. Tests make the
 * N-th call fail through kith_io_fault.
 */
#ifndef KITH_BASE_IO_H
#define KITH_BASE_IO_H

#include <stddef.h>
#include <stdint.h>

#include "kith.h"

/*
 * Fault injection for tests: when not NULL it is asked before each call ("read", "write", "sync",
 * "rename", "open") and returns 0 or the errno to fail with. Set before any thread starts.
 */
extern int (*kith_io_fault)(const char *call);

/* Opens for reading; "-" is not special here. */
enum kith_status kith_io_open(const char *path, int *ret_fd, struct kith_err *err);

/* Reads up to n bytes, at least one unless the end is reached (then *ret_n is 0). */
enum kith_status kith_io_read(int fd, void *buf, size_t n, size_t *ret_n, struct kith_err *err);

/* Reads exactly n bytes at offset; KITH_E_CORRUPT when the file ends before. */
enum kith_status kith_io_pread(int fd, void *buf, size_t n, uint64_t offset, struct kith_err *err);

enum kith_status kith_io_write(int fd, const void *buf, size_t n, struct kith_err *err);
enum kith_status kith_io_pwrite(int fd, const void *buf, size_t n, uint64_t offset,
				struct kith_err *err);
enum kith_status kith_io_sync(int fd, struct kith_err *err);
enum kith_status kith_io_rename(const char *from, const char *to, struct kith_err *err);
/* Syncs a folder, so that a rename in it survives a power cut. Allocates nothing. */
enum kith_status kith_io_sync_folder(const char *folder, struct kith_err *err);
enum kith_status kith_io_size(int fd, uint64_t *ret_size, struct kith_err *err);

#endif

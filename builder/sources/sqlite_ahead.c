/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_ahead.c: a VFS in front of SQLite's own. What must hold: a read gives the very bytes that
 * the file underneath has there; whatever is not a plain read is the file's own business.
 */
#include "sqlite_ahead.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define PIECE (256 << 10)

struct ahead {
	sqlite3_file base;      /* must be first */
	sqlite3_file *under;    /* behind this struct, in the same allocation of SQLite's */
	sqlite3_int64 size;     /* of the file, which does not change */
	unsigned char *piece;   /* owned; NULL until something is read in order */
	sqlite3_int64 from, to; /* what is in piece */
	sqlite3_int64 expected; /* behind the last read that was not from the piece */
};

static struct ahead *ahead_of(sqlite3_file *file)
{
	return (struct ahead *)(void *)file;
}

static int ahead_close(sqlite3_file *file)
{
	struct ahead *ahead = ahead_of(file);
	int rc = ahead->under->pMethods == NULL ? SQLITE_OK
						: ahead->under->pMethods->xClose(ahead->under);

	free(ahead->piece);
	ahead->piece = NULL;
	return rc;
}

/* True when a piece that begins there is likely to be used: reads go forward in small steps. */
static int goes_on(const struct ahead *ahead, sqlite3_int64 offset)
{
	return (ahead->to > 0 && offset >= ahead->to && offset < ahead->to + PIECE) ||
	       (offset >= ahead->expected && offset < ahead->expected + PIECE / 4);
}

static int fill(struct ahead *ahead, sqlite3_int64 offset)
{
	sqlite3_int64 n = ahead->size - offset < PIECE ? ahead->size - offset : PIECE;
	int rc;

	if (ahead->piece == NULL)
		ahead->piece = malloc(PIECE);
	if (ahead->piece == NULL)
		return SQLITE_NOMEM;
	ahead->to = ahead->from = 0;
	rc = ahead->under->pMethods->xRead(ahead->under, ahead->piece, (int)n, offset);
	if (rc == SQLITE_OK) {
		ahead->from = offset;
		ahead->to = offset + n;
	}
	return rc;
}

static int ahead_read(sqlite3_file *file, void *out, int n, sqlite3_int64 offset)
{
	struct ahead *ahead = ahead_of(file);

	if (n > 0 && n <= PIECE && offset >= 0 && offset <= ahead->size - n) {
		if ((offset >= ahead->from && offset + n <= ahead->to) ||
		    (goes_on(ahead, offset) && fill(ahead, offset) == SQLITE_OK)) {
			memcpy(out, ahead->piece + (offset - ahead->from), (size_t)n);
			return SQLITE_OK;
		}
	}
	ahead->expected = offset + n;
	return ahead->under->pMethods->xRead(ahead->under, out, n, offset);
}

static int ahead_write(sqlite3_file *file, const void *data, int n, sqlite3_int64 offset)
{
	(void)file;
	(void)data;
	(void)n;
	(void)offset;
	return SQLITE_READONLY;
}

static int ahead_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	(void)file;
	(void)size;
	return SQLITE_READONLY;
}

static int ahead_sync(sqlite3_file *file, int flags)
{
	return ahead_of(file)->under->pMethods->xSync(ahead_of(file)->under, flags);
}

static int ahead_size(sqlite3_file *file, sqlite3_int64 *ret)
{
	return ahead_of(file)->under->pMethods->xFileSize(ahead_of(file)->under, ret);
}

static int ahead_lock(sqlite3_file *file, int level)
{
	return ahead_of(file)->under->pMethods->xLock(ahead_of(file)->under, level);
}

static int ahead_unlock(sqlite3_file *file, int level)
{
	return ahead_of(file)->under->pMethods->xUnlock(ahead_of(file)->under, level);
}

static int ahead_check_lock(sqlite3_file *file, int *ret)
{
	return ahead_of(file)->under->pMethods->xCheckReservedLock(ahead_of(file)->under, ret);
}

static int ahead_control(sqlite3_file *file, int op, void *arg)
{
	return ahead_of(file)->under->pMethods->xFileControl(ahead_of(file)->under, op, arg);
}

static int ahead_sector(sqlite3_file *file)
{
	return ahead_of(file)->under->pMethods->xSectorSize(ahead_of(file)->under);
}

static int ahead_device(sqlite3_file *file)
{
	return ahead_of(file)->under->pMethods->xDeviceCharacteristics(ahead_of(file)->under);
}

/* Version 1: no shared memory, no mapping. */
static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = ahead_close,
    .xRead = ahead_read,
    .xWrite = ahead_write,
    .xTruncate = ahead_truncate,
    .xSync = ahead_sync,
    .xFileSize = ahead_size,
    .xLock = ahead_lock,
    .xUnlock = ahead_unlock,
    .xCheckReservedLock = ahead_check_lock,
    .xFileControl = ahead_control,
    .xSectorSize = ahead_sector,
    .xDeviceCharacteristics = ahead_device,
};

static int ahead_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
		      int *ret_flags)
{
	sqlite3_vfs *own = vfs->pAppData;
	struct ahead *ahead = ahead_of(file);
	int rc;

	memset(ahead, 0, sizeof *ahead);
	ahead->under = (sqlite3_file *)(void *)(ahead + 1);
	rc = own->xOpen(own, name, ahead->under, flags, ret_flags);
	if (rc == SQLITE_OK)
		rc = ahead->under->pMethods->xFileSize(ahead->under, &ahead->size);
	/* SQLite calls xClose when there are methods, even after a failure. */
	ahead->base.pMethods = ahead->under->pMethods == NULL ? NULL : &methods;
	return rc;
}

static sqlite3_vfs ahead_vfs;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int registered;

static void make_vfs(void)
{
	sqlite3_vfs *own = sqlite3_vfs_find(NULL);

	if (own == NULL)
		return;
	ahead_vfs = *own; /* everything but opening is its business */
	ahead_vfs.pNext = NULL;
	ahead_vfs.zName = "kith-ahead";
	ahead_vfs.pAppData = own;
	ahead_vfs.szOsFile = (int)sizeof(struct ahead) + own->szOsFile;
	ahead_vfs.xOpen = ahead_open;
	registered = sqlite3_vfs_register(&ahead_vfs, 0) == SQLITE_OK;
}

const char *kith_sqlite_ahead(void)
{
	(void)pthread_once(&once, make_vfs);
	return registered ? ahead_vfs.zName : NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_ahead.c: a VFS in front of SQLite's own. What must hold: a read gives the very bytes that
 * the file underneath has there; whatever is not a plain read is the file's own business, but for
 * its size: of a file that is cut off inside a page SQLite would fill that page up with zeros, and
 * half a name would be a name.
 */
#include "sqlite_ahead.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define PIECE  (256 << 10)
#define PIECES 2 /* rows are read in order, and between them their containers are looked up */

struct piece {
	unsigned char *bytes;   /* owned; NULL until something is read in order */
	sqlite3_int64 from, to; /* of the file */
};

struct ahead {
	sqlite3_file base;   /* must be first */
	sqlite3_file *under; /* behind this struct, in the same allocation of SQLite's */
	sqlite3_int64 size;  /* of the file, in whole pages; it does not change */
	struct piece pieces[PIECES];
	int last;               /* the piece that was read from last */
	sqlite3_int64 expected; /* behind the last read that was not from a piece */
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
	int i;

	for (i = 0; i < PIECES; i++) {
		free(ahead->pieces[i].bytes);
		ahead->pieces[i].bytes = NULL;
	}
	return rc;
}

/* The number of the piece that has those bytes, or -1. */
static int find(const struct ahead *ahead, sqlite3_int64 offset, int n)
{
	int i;

	for (i = 0; i < PIECES; i++)
		if (offset >= ahead->pieces[i].from && offset + n <= ahead->pieces[i].to)
			return i;
	return -1;
}

/* The piece to be filled from there on, because reads go forward in small steps; -1: they do not.
 */
static int choose(const struct ahead *ahead, sqlite3_int64 offset)
{
	int i;

	for (i = 0; i < PIECES; i++)
		if (ahead->pieces[i].to > 0 && offset >= ahead->pieces[i].to &&
		    offset < ahead->pieces[i].to + PIECE)
			return i;
	if (offset >= ahead->expected && offset < ahead->expected + PIECE / 4)
		return (ahead->last + 1) % PIECES;
	return -1;
}

static int fill(struct ahead *ahead, struct piece *piece, sqlite3_int64 offset)
{
	sqlite3_int64 n = ahead->size - offset < PIECE ? ahead->size - offset : PIECE;
	int rc;

	if (piece->bytes == NULL)
		piece->bytes = malloc(PIECE);
	if (piece->bytes == NULL)
		return SQLITE_NOMEM;
	piece->to = piece->from = 0;
	rc = ahead->under->pMethods->xRead(ahead->under, piece->bytes, (int)n, offset);
	if (rc == SQLITE_OK) {
		piece->from = offset;
		piece->to = offset + n;
	}
	return rc;
}

static int ahead_read(sqlite3_file *file, void *out, int n, sqlite3_int64 offset)
{
	struct ahead *ahead = ahead_of(file);
	int i = -1;

	if (n > 0 && n <= PIECE && offset >= 0 && offset <= ahead->size - n) {
		i = find(ahead, offset, n);
		if (i < 0) {
			i = choose(ahead, offset);
			if (i >= 0 && fill(ahead, &ahead->pieces[i], offset) != SQLITE_OK)
				i = -1;
		}
	}
	if (i >= 0) {
		memcpy(out, ahead->pieces[i].bytes + (offset - ahead->pieces[i].from), (size_t)n);
		ahead->last = i;
		return SQLITE_OK;
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
	*ret = ahead_of(file)->size;
	return SQLITE_OK;
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

/* Forgets the rest of a page at the end. */
static int whole_pages(struct ahead *ahead)
{
	unsigned char head[18];
	sqlite3_int64 page;
	int rc;

	if (ahead->size < (sqlite3_int64)sizeof head)
		return SQLITE_OK;
	rc = ahead->under->pMethods->xRead(ahead->under, head, sizeof head, 0);
	page = (sqlite3_int64)head[16] << 8 | head[17];
	page = page == 1 ? 65536 : page;
	if (rc == SQLITE_OK && page >= 512)
		ahead->size -= ahead->size % page;
	return rc;
}

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
	if (rc == SQLITE_OK)
		rc = whole_pages(ahead);
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

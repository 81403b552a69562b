/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_ahead.h: files that are read ahead. SQLite reads a database page by page, one system call
 * for 4 KiB; a table that is walked from one end to the other is read in pieces of 256 KiB here,
 * which saves a tenth of an import's time. Only for databases that are opened as immutable.
 */
#ifndef KITH_SOURCES_SQLITE_AHEAD_H
#define KITH_SOURCES_SQLITE_AHEAD_H

/* The name of the VFS for sqlite3_open_v2, or NULL (SQLite's own) when it cannot be had. From any
 * thread. */
const char *kith_sqlite_ahead(void);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pe.h: the headers of a Windows program (PE): its sections, where it ends in the file, and where
 * its resources and its certificates are. Nothing of it is trusted: sections may overlap, lie
 * beyond the file, or claim any size.
 *
 * By Microsoft's "PE Format" specification.
 */
#ifndef KITH_EXTRACT_FACTS_PE_H
#define KITH_EXTRACT_FACTS_PE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kith.h"

/* Sections that are kept: the specification says that Windows loads no more. */
#define KITH_PE_SECTIONS 96u

/* Data directories that have a meaning ("Optional Header Data Directories"). */
enum kith_pe_directory {
	KITH_PE_RESOURCES = 2,
	KITH_PE_CERTIFICATES = 4 /* its address is an offset in the file */
};
#define KITH_PE_DIRECTORIES 16u

struct kith_pe_section {
	uint8_t name[8]; /* filled up with NUL */
	uint32_t rva, virtual_bytes;
	uint32_t offset, bytes; /* in the file; may lie beyond its end */
};

struct kith_pe {
	uint64_t file_bytes;
	bool plus; /* PE32+ */
	unsigned n_sections;
	struct kith_pe_section sections[KITH_PE_SECTIONS];
	struct {
		uint32_t address, bytes;
	} directories[KITH_PE_DIRECTORIES]; /* zero where there is none */
	/* Behind headers, sections and symbols: where an overlay begins. Never beyond file_bytes.
	 */
	uint64_t end;
};

/* All n bytes at offset; offset + n is never more than the file_bytes that kith_pe_read was given.
 */
typedef enum kith_status (*kith_pe_read_fn)(void *user, uint64_t offset, void *buf, size_t n,
					    struct kith_err *err);

/* KITH_E_CORRUPT: the bytes are no PE, or end within its headers. A negative result of `read` is
 * returned. */
enum kith_status kith_pe_read(struct kith_pe *ret, uint64_t file_bytes, kith_pe_read_fn read,
			      void *user, struct kith_err *err);

/* Where in the file the byte with that address in memory is, and how many bytes of its section
 * follow it there; false when it is in none. */
bool kith_pe_find(const struct kith_pe *pe, uint32_t rva, uint64_t *ret_offset,
		  uint64_t *ret_bytes);

/* The first section of that name, or NULL. */
const struct kith_pe_section *kith_pe_section(const struct kith_pe *pe, const char *name);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel.c: Linux kernels that carry the kernel proper compressed in themselves, and unified kernel
 * images. What is inside is reported where it lies, and opened by its magic like everything else.
 *
 *   bzImage   Linux, Documentation/arch/x86/boot.rst: payload_offset, payload_length (2.08 and
 *             later)
 *   zboot     Linux, drivers/firmware/efi/libstub/zboot-header.S: arm64, LoongArch, RISC-V
 *   UKI       UAPI group, "Unified Kernel Image": a PE whose sections are kernel, initrd and texts
 */
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/limits.h"
#include "containers/container.h"
#include "containers/fact_emit.h"
#include "facts/pe.h"

#define SETUP_N 0x250u /* up to payload_length, all that is read */

/* boot.rst, "The Real-Mode Kernel Header". */
#define SETUP_SECTS    0x1f1u
#define MAGIC_HDRS     0x202u
#define VERSION        0x206u
#define PAYLOAD_OFFSET 0x248u
#define PAYLOAD_LENGTH 0x24cu

/* zboot-header.S. */
#define ZBOOT_N        64u
#define ZBOOT_OFFSET   8u
#define ZBOOT_LENGTH   12u
#define ZBOOT_TYPE     24u
#define ZBOOT_TYPE_MAX 32u

#define PEEK_N    512u
#define SIZE_N    4u /* the size of what is packed, behind the stream */
#define FOOTER_XZ 2u /* "YZ" */

static enum kith_status note(const struct kith_container_in *in, enum kith_ledger_class class_,
			     const char *reason, struct kith_err *err)
{
	return kith_emit_note(in->emit, class_, reason, NULL, 0, err);
}

/*
 * The kernel's makefiles put the size of what is packed behind each stream but gzip's, which ends
 * with it anyway (scripts/Makefile.lib, "size_append"). bzImage counts these 4 bytes to the
 * payload, zboot does not; an xz stream tells itself where it ends. What is not part of the stream
 * would be taken for damage.
 */
static enum kith_status without_size(const struct kith_blob *blob, enum kith_format format,
				     bool has_size, struct kith_extent *extent,
				     struct kith_err *err)
{
	uint8_t footer[FOOTER_XZ];
	enum kith_status st;

	if (format == KITH_FORMAT_GZIP || format == KITH_FORMAT_NONE || extent->bytes <= SIZE_N)
		return KITH_OK;
	if (format == KITH_FORMAT_XZ) {
		st = kith_blob_read(blob, extent->offset + extent->bytes - FOOTER_XZ, footer,
				    sizeof footer, err);
		if (st < 0)
			return st;
		has_size = memcmp(footer, "YZ", sizeof footer) != 0;
	}
	if (has_size)
		extent->bytes -= SIZE_N;
	return KITH_OK;
}

/* As the file would be called: what is opened then is "vmlinux" again. */
static const char *name_of(enum kith_format format)
{
	static const struct {
		enum kith_format format;
		const char *name;
	} rows[] = {
	    {KITH_FORMAT_GZIP, "vmlinux.gz"},   {KITH_FORMAT_XZ, "vmlinux.xz"},
	    {KITH_FORMAT_ZSTD, "vmlinux.zst"},  {KITH_FORMAT_BZIP2, "vmlinux.bz2"},
	    {KITH_FORMAT_LZMA, "vmlinux.lzma"}, {KITH_FORMAT_LZ4, "vmlinux.lz4"},
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].format == format)
			return rows[i].name;
	return "vmlinux";
}

static enum kith_status emit_payload(const struct kith_container_in *in, struct kith_extent extent,
				     bool has_size, struct kith_err *err)
{
	struct kith_entry entry = {.kind = KITH_ENTRY_INNER, .has_size = true};
	enum kith_format format;
	const char *name;
	uint8_t head[PEEK_N];
	struct kith_peek peek = {.head = head, .has_size = true, .size = extent.bytes};
	enum kith_status st;

	if (extent.offset > in->blob->size || extent.bytes > in->blob->size - extent.offset)
		return kith_fail(err, KITH_E_CORRUPT,
				 "the payload is said to be %llu bytes at offset %llu of %llu",
				 (unsigned long long)extent.bytes,
				 (unsigned long long)extent.offset,
				 (unsigned long long)in->blob->size);
	peek.head_n = extent.bytes < sizeof head ? (size_t)extent.bytes : sizeof head;
	st = kith_blob_read(in->blob, extent.offset, head, peek.head_n, err);
	if (st < 0)
		return st;
	if (peek.head_n > 4 && memcmp(head, "\x89LZO", 4) == 0)
		return note(in, KITH_LEDGER_FAILED, "a kernel packed with LZO", err);
	format = kith_detect(&peek);
	st = without_size(in->blob, format, has_size, &extent, err);
	name = name_of(format);
	entry.name = (const uint8_t *)name;
	entry.name_n = strlen(name);
	entry.size = extent.bytes;
	return st < 0 ? st : kith_emit_in_place(in->emit, &entry, &extent, 1, err);
}

static enum kith_status walk_bzimage(const struct kith_container_in *in, struct kith_err *err)
{
	uint8_t setup[SETUP_N];
	uint64_t sectors;
	struct kith_extent payload;
	enum kith_status st = kith_blob_read(in->blob, 0, setup, sizeof setup, err);

	if (st < 0)
		return st;
	if (memcmp(setup + MAGIC_HDRS, "HdrS", 4) != 0)
		return kith_fail(err, KITH_E_CORRUPT, "no header of a Linux kernel");
	if (setup[VERSION + 1] < 2 || (setup[VERSION + 1] == 2 && setup[VERSION] < 8))
		return note(in, KITH_LEDGER_SKIPPED,
			    "a kernel that does not say where its payload is", err);
	sectors = setup[SETUP_SECTS] == 0 ? 4 : setup[SETUP_SECTS];
	payload.offset = (sectors + 1) * 512 + kith_get_le32(setup + PAYLOAD_OFFSET);
	payload.bytes = kith_get_le32(setup + PAYLOAD_LENGTH);
	if (payload.bytes == 0)
		return note(in, KITH_LEDGER_SKIPPED,
			    "a kernel that does not say where its payload is", err);
	return emit_payload(in, payload, true, err);
}

static enum kith_status walk_zboot(const struct kith_container_in *in, struct kith_err *err)
{
	uint8_t header[ZBOOT_N];
	enum kith_status st = kith_blob_read(in->blob, 0, header, sizeof header, err);

	if (st < 0)
		return st;
	if (memcmp(header, "MZ", 2) != 0 || memcmp(header + 4, "zimg", 4) != 0)
		return kith_fail(err, KITH_E_CORRUPT, "no header of a zboot kernel");
	if (memcmp(header + ZBOOT_TYPE, "lzo", 4) == 0)
		return note(in, KITH_LEDGER_FAILED, "a kernel packed with LZO", err);
	return emit_payload(in,
			    (struct kith_extent){kith_get_le32(header + ZBOOT_OFFSET),
						 kith_get_le32(header + ZBOOT_LENGTH)},
			    false, err);
}

/* -------------------------------------------------------------------------- UKI */

static enum kith_status read_blob(void *user, uint64_t offset, void *buf, size_t n,
				  struct kith_err *err)
{
	return kith_blob_read(user, offset, buf, n, err);
}

static bool is_section(const struct kith_pe_section *section, const char *name)
{
	char padded[sizeof section->name] = {0};

	memcpy(padded, name, strlen(name));
	return memcmp(section->name, padded, sizeof padded) == 0;
}

/* Its bytes in the file; what is behind the virtual size fills up the last page. */
static struct kith_extent extent_of(const struct kith_pe_section *section)
{
	uint32_t n = section->bytes;

	if (section->virtual_bytes > 0 && section->virtual_bytes < n)
		n = section->virtual_bytes;
	return (struct kith_extent){section->offset, n};
}

/* Whole files that were put into sections. The rest are texts and the stub's own code, which are
 * parts of the image and no files. */
static bool is_file(const struct kith_pe_section *section)
{
	static const char *const names[] = {".linux",   ".initrd", ".ucode",  ".dtb",
					    ".dtbauto", ".hwids",  ".splash", ".efifw"};
	size_t i;

	for (i = 0; i < sizeof names / sizeof *names; i++)
		if (strlen(names[i]) <= sizeof section->name && is_section(section, names[i]))
			return true;
	return false;
}

static enum kith_status emit_section(const struct kith_container_in *in,
				     const struct kith_pe_section *section, struct kith_err *err)
{
	struct kith_extent extent = extent_of(section);
	struct kith_entry entry = {
	    .kind = KITH_ENTRY_FILE,
	    .name = section->name,
	    .has_size = true,
	    .size = extent.bytes,
	};

	while (entry.name_n < sizeof section->name && section->name[entry.name_n] != 0)
		entry.name_n++;
	return kith_emit_in_place(in->emit, &entry, &extent, 1, err);
}

/* .osrel is the os-release of the system that the image boots. */
static enum kith_status facts_of(const struct kith_container_in *in, struct kith_extent extent,
				 struct kith_err *err)
{
	static const char path[] = "/etc/os-release";
	const struct kith_inspector *inspector;
	struct kith_fact_emit facts;
	struct kith_blob text;
	struct kith_err damage = {0};
	enum kith_status st = kith_blob_parts(&text, in->blob, &extent, 1, &damage);

	if (st < 0)
		return kith_emit_note(in->emit, KITH_LEDGER_FAILED, "a section beyond the end",
				      ".osrel", 6, err);
	kith_fact_emit_init(&facts, in->emit, err);
	inspector = kith_inspector_of((struct kith_bytes){(const uint8_t *)path, sizeof path - 1},
				      (struct kith_bytes){NULL, 0});
	if (inspector != NULL && text.size <= inspector->most)
		st = kith_inspect(inspector, &text, &facts.sink, err);
	kith_blob_done(&text);
	return st < 0 ? st : facts.st;
}

static enum kith_status walk_uki(const struct kith_container_in *in, struct kith_err *err)
{
	struct kith_blob blob = *in->blob; /* only read */
	struct kith_pe pe;
	enum kith_status st = kith_pe_read(&pe, in->blob->size, read_blob, &blob, err);
	unsigned i;

	for (i = 0; st >= 0 && i < pe.n_sections; i++) {
		if (is_file(&pe.sections[i]))
			st = emit_section(in, &pe.sections[i], err);
		else if (is_section(&pe.sections[i], ".osrel"))
			st = facts_of(in, extent_of(&pe.sections[i]), err);
	}
	return st < 0 ? st : KITH_OK;
}

static enum kith_status walk(const struct kith_container_in *in, struct kith_err *err)
{
	switch ((int)in->format) {
	case KITH_FORMAT_BZIMAGE: return walk_bzimage(in, err);
	case KITH_FORMAT_ZBOOT: return walk_zboot(in, err);
	case KITH_FORMAT_UKI: return walk_uki(in, err);
	default: return kith_fail(err, KITH_E_UNSUPPORTED, "not a kernel");
	}
}

const struct kith_container_ops kith_container_kernel = {.id = "kernel", .walk = walk};

/* SPDX-License-Identifier: Apache-2.0 */
#include "core/classify.h"

#include <string.h>

#include "base/hex.h"

static bool starts(const uint8_t *name, size_t n, const char *with)
{
	size_t len = strlen(with);

	return n >= len && memcmp(name, with, len) == 0;
}

/*
 * Names of ELF sections (gABI, the Linux gABI extensions, GNU binutils and gcc), whole or followed
 * by a dot and more, as in .text._ZNSt14overflow_errorC1ERKSs and .rela.dyn.
 */
static const char *const elf_sections[] = {
    ".ARM",
    ".bss",
    ".comment",
    ".ctors",
    ".data",
    ".data1",
    ".debug",
    ".debug_abbrev",
    ".debug_aranges",
    ".debug_frame",
    ".debug_info",
    ".debug_line",
    ".debug_loc",
    ".debug_macinfo",
    ".debug_macro",
    ".debug_pubnames",
    ".debug_pubtypes",
    ".debug_ranges",
    ".debug_str",
    ".debug_types",
    ".dtors",
    ".dynamic",
    ".dynstr",
    ".dynsym",
    ".eh_frame",
    ".eh_frame_hdr",
    ".exception_ranges",
    ".fini",
    ".fini_array",
    ".gcc_except_table",
    ".gnu",
    ".gnu_debuglink",
    ".got",
    ".group",
    ".hash",
    ".init",
    ".init_array",
    ".interp",
    ".jcr",
    ".line",
    ".modinfo",
    ".note",
    ".opd",
    ".plt",
    ".preinit_array",
    ".rel",
    ".rela",
    ".relro_padding",
    ".rodata",
    ".rodata1",
    ".sbss",
    ".sdata",
    ".shstrtab",
    ".stab",
    ".stabstr",
    ".strtab",
    ".symtab",
    ".symtab_shndx",
    ".tbss",
    ".tdata",
    ".text",
    ".toc",
};

static const char *const macho_segments[] = {
    "__TEXT__",       "__DATA__",   "__LINKEDIT",   "__OBJC__",       "__IMPORT__",
    "__DWARF__",      "__PAGEZERO", "__LLVM__",     "__DATA_CONST__", "__DATA_DIRTY__",
    "__AUTH_CONST__", "__AUTH__",   "__RESTRICT__",
};

bool kith_name_is_fragment(const uint8_t *name, size_t n)
{
	size_t i;

	if (n < 4)
		return false;
	if (name[0] == '.') {
		for (i = 0; i < sizeof elf_sections / sizeof elf_sections[0]; i++) {
			size_t len = strlen(elf_sections[i]);

			if (starts(name, n, elf_sections[i]) && (n == len || name[len] == '.'))
				return true;
		}
		return false;
	}
	if (name[0] == '_' && name[1] == '_') {
		for (i = 0; i < sizeof macho_segments / sizeof macho_segments[0]; i++)
			if (starts(name, n, macho_segments[i]))
				return true;
		return false;
	}
	/* MSI streams: "fil" and 32 hex digits. */
	return n == 35 && starts(name, n, "fil") && kith_hex_span((const char *)name + 3, 32) == 32;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mkrds_text.c: texts as functions of numbers. Everything here is invented, except for names of
 * file kinds and operating systems' families; companies end in a legal form that no country has.
 *
 * Equal numbers give equal texts, and different names of the pool differ, because each carries
 * its number. A few are of the kinds that real releases have and that break careless readers.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "mkrds.h"

#define COUNT(array) ((uint32_t)(sizeof(array) / sizeof((array)[0])))

static const char *const words[] = {
    "access",  "adapter", "anchor",  "archive", "arrow",   "asset",   "audio",   "backup",
    "banner",  "basic",   "binding", "bitmap",  "border",  "bridge",  "browser", "buffer",
    "button",  "cache",   "camera",  "canvas",  "catalog", "channel", "client",  "cluster",
    "codec",   "color",   "command", "common",  "config",  "console", "control", "core",
    "cursor",  "daemon",  "data",    "debug",   "default", "device",  "dialog",  "display",
    "driver",  "editor",  "engine",  "event",   "export",  "filter",  "font",    "format",
    "frame",   "gadget",  "graph",   "group",   "handler", "header",  "helper",  "icon",
    "image",   "import",  "index",   "input",   "kernel",  "key",     "label",   "layer",
    "layout",  "library", "link",    "list",    "loader",  "locale",  "logger",  "manager",
    "mapper",  "matrix",  "media",   "menu",    "message", "meta",    "module",  "monitor",
    "network", "object",  "option",  "package", "panel",   "parser",  "plugin",  "policy",
    "printer", "profile", "query",   "reader",  "render",  "report",  "runtime", "schema",
    "script",
};

/* Extensions, the frequent ones more than once. */
static const char *const extensions[] = {
    "dll", "dll", "dll",  "exe", "exe", "png",   "png", "html", "html", "js",  "js",
    "txt", "py",  "py",   "xml", "xml", "so",    "h",   "svg",  "json", "mui", "cat",
    "inf", "sys", "java", "gif", "jpg", "class", "css", "ttf",  "pyc",  "a",   "o",
};
static const char *const archives[] = {"zip", "cab", "msi", "deb", "rpm", "tar.gz", "7z", "jar"};

const struct rds_os rds_systems[] = {
    {"TBD", "none", {1, 1}},
    {"Harbor OS", "10", {2, 2}},
    {"Harbor OS", "11", {2, 2}},
    {"Meadow Linux", "12", {3, 4}},
    {"Meadow Linux", "13", {3, 4}},
    {"none", "none", {1, 1}},
    {"Orchard X", "14.2", {5, 5}},
    {"Pocket Robot", "9", {6, 6}},
    {"Harbor Server", "2019", {2, 2}},
    {"Unknown", "Unknown", {1, 1}},
    {"Cr\xc3\xa8me BSD", "7.1", {7, 7}},
};
const uint32_t rds_n_systems = COUNT(rds_systems);

const char *const rds_languages[] = {"English",  "German",  "French",        "Unknown",
				     "Japanese", "Spanish", "Multilanguage", "Portuguese, Brazil"};
const uint32_t rds_n_languages = COUNT(rds_languages);

const char *const rds_types[] = {"Operating System", "Office Suite", "Utility", "Game",
				 "Unknown",          "Security",     "Driver",  "Graphics/Drawing"};
const uint32_t rds_n_types = COUNT(rds_types);

uint64_t rds_mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

void rds_hex(char *out, const uint8_t *bytes, size_t n, bool upper)
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
}

static void add(struct rds_text *text, const char *s, size_t n)
{
	if (n > sizeof(text->s) - text->n)
		n = sizeof(text->s) - text->n;
	memcpy(text->s + text->n, s, n);
	text->n += n;
}

static void puts_to(struct rds_text *text, const char *s)
{
	add(text, s, strlen(s));
}

/* Names are made by the ten million, so without printf. */
static void put_number(struct rds_text *text, uint32_t number)
{
	char digits[10];
	size_t n = sizeof(digits);

	do {
		digits[--n] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	add(text, digits + n, sizeof(digits) - n);
}

static void putf(struct rds_text *text, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void putf(struct rds_text *text, const char *fmt, ...)
{
	char line[512];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	if (n > 0)
		add(text, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

#define ODD_KINDS 20u
static void odd_name(uint32_t kind, uint32_t id, struct rds_text *ret)
{
	switch (kind) {
	case 0: putf(ret, "say \"hello\" %u.txt", id); break;
	case 1: putf(ret, "Smith, John %u.doc", id); break;
	case 2: putf(ret, "Icon\r%u", id); break;
	case 3: putf(ret, "line\nbreak %u.txt", id); break;
	case 4: putf(ret, "tab\tbed %u.csv", id); break;
	case 5: putf(ret, "   ___%u", id); break;
	case 6: putf(ret, "trailing %u.dat  ", id); break;
	case 7: putf(ret, "caf\xe9 %u.txt", id); break;
	case 8:
		add(ret, "nul\0in ", 7);
		putf(ret, "%u.bin", id);
		break;
	case 9:
		putf(ret,
		     "\xc3\x9c"
		     "berblick %u.html",
		     id);
		break;
	case 10: putf(ret, "\xe6\x96\x87\xe4\xbb\xb6%u.txt", id); break;
	case 11: putf(ret, "a%u.dll,b%u.dll,c%u.dll", id, id, id); break;
	case 12: putf(ret, "dir\\sub\\file%u.sys", id); break;
	case 13: putf(ret, "\x1b[31mred %u\x1b[0m.sh", id); break;
	case 14:
		for (uint32_t i = 0; i < 30; i++)
			puts_to(ret, "long-name-");
		putf(ret, "%u.txt", id);
		break;
	case 15: putf(ret, "'; DROP TABLE FILE; --%u", id); break;
	case 16: putf(ret, "\"quoted %u\"", id); break;
	case 17: putf(ret, "-%u", id); break;
	case 18: putf(ret, "ends in backslash %u\\", id); break;
	default: putf(ret, "27.api-ms-win-dx-l1-1-%u.", id); break;
	}
}

/* Parts of files that releases list as files. */
static void fragment_name(uint64_t chance, uint32_t id, struct rds_text *ret)
{
	static const char *const sections[] = {
	    ".text", ".rodata", ".eh_frame", ".dynstr", "__DATA__mod_init_func", "__TEXT__text",
	};
	const char *word = words[chance % COUNT(words)];

	switch (chance >> 32 & 3) {
	case 0: puts_to(ret, sections[(chance >> 40) % COUNT(sections)]); break;
	case 1: putf(ret, ".text._ZNSt%zu%sC1ERKSs.%u", strlen(word), word, id); break;
	case 2: putf(ret, ".rodata._ZTI%zu%s%u", strlen(word), word, id); break;
	default:
		putf(ret, "fil%016llX%016llX", (unsigned long long)chance,
		     (unsigned long long)rds_mix(chance));
		break;
	}
}

static void plain_name(uint64_t chance, uint32_t id, struct rds_text *ret)
{
	uint32_t n = COUNT(words);
	size_t start = ret->n;

	puts_to(ret, words[id % n]);
	puts_to(ret, chance & 1 ? "_" : chance & 2 ? "-" : "");
	puts_to(ret, words[id / n % n]);
	/* The number is what makes names differ. */
	if (id >= n * n)
		put_number(ret, id / (n * n));
	if ((chance >> 3 & 7) == 0)
		ret->s[start] = (char)(ret->s[start] - 'a' + 'A');
}

void rds_name_text(uint64_t seed, uint32_t odd, uint32_t name, struct rds_text *ret)
{
	uint64_t chance = rds_mix(seed ^ (uint64_t)RDS_TAG_NAME << 56 ^ name);
	uint32_t pick = (uint32_t)(chance >> 32) % odd;

	ret->n = 0;
	if (name >= RDS_NAME_FIXED) {
		static const char *const fixed[] = {"editor.exe", "hello.txt",
						    "example-editor-2.1-setup.zip", "welcome.txt"};

		puts_to(ret, fixed[(name - RDS_NAME_FIXED) % COUNT(fixed)]);
	} else if (name >= RDS_NAME_ARCHIVES) {
		plain_name(chance, name - RDS_NAME_ARCHIVES, ret);
		puts_to(ret, ".");
		puts_to(ret, archives[(chance >> 8) % COUNT(archives)]);
	} else if (pick < ODD_KINDS) {
		odd_name(pick, name, ret);
	} else if ((chance >> 16 & 1023) < 30) {
		fragment_name(rds_mix(chance), name, ret);
	} else {
		plain_name(chance, name, ret);
		if ((chance >> 8 & 15) != 0) {
			puts_to(ret, ".");
			puts_to(ret, extensions[(chance >> 12) % COUNT(extensions)]);
		}
	}
}

void rds_path_text(uint64_t seed, uint32_t path, struct rds_text *ret)
{
	uint64_t chance = rds_mix(seed ^ (uint64_t)RDS_TAG_PATH << 56 ^ path);
	uint32_t parts = 3 + (uint32_t)(chance & 3);
	bool dos = (chance >> 2 & 3) == 0;

	ret->n = 0;
	if (path == RDS_PATH_EDITOR)
		puts_to(ret, "Program Files/Example Editor");
	if (path >= RDS_PATH_EDITOR)
		return;
	puts_to(ret, dos ? "Program Files\\" : (chance >> 4 & 1) ? "usr/share/" : "opt/example/");
	for (uint32_t i = 0; i < parts; i++) {
		puts_to(ret, words[(chance >> (8 + 9 * i) & 511) % COUNT(words)]);
		puts_to(ret, dos ? "\\" : "/");
	}
	if ((chance >> 57) == 0)
		puts_to(ret, "d\xe9"
			     "j\xe0, \"vu\" ");
	put_number(ret, path);
}

static const char *const company_words[] = {
    "Alder", "Birch",   "Cedar", "Dogwood", "Elm",    "Fir", "Ginkgo", "Hazel",
    "Ivy",   "Juniper", "Larch", "Maple",   "Nutmeg", "Oak", "Poplar", "Quince",
    "Rowan", "Spruce",  "Thorn", "Walnut",  "Willow", "Yew", "Aspen",  "Beech",
};
static const char *const company_trades[] = {"Software", "Systems", "Networks", "Games",
					     "Devices",  "Labs",    "Media"};

void rds_company_text(uint32_t company, struct rds_text *ret)
{
	static const char *const first[] = {
	    "Example Software Foundation",   "Unknown",
	    "Harbor Incorporated Example",   "Meadow Project",
	    "Meadow, Incorporated (\"MI\")", "Orchard Example Company",
	    "Pocket Robot Alliance",         "Soci\xc3\xa9t\xc3\xa9 Exemple",
	};
	uint32_t n = COUNT(company_words), t = COUNT(company_trades);

	ret->n = 0;
	if (company < COUNT(first)) {
		puts_to(ret, first[company]);
		return;
	}
	putf(ret, "%s %s", company_words[company % n], company_trades[company / n % t]);
	if (company >= n * t)
		putf(ret, " %u", company / (n * t));
	puts_to(ret, " Exampleworks");
}

void rds_company_url(uint32_t company, struct rds_text *ret)
{
	ret->n = 0;
	if (company != RDS_COMPANY_UNKNOWN && company % 3 != 2)
		putf(ret, "https://company%u.example/", company);
}

void rds_product_text(uint64_t seed, uint32_t product, struct rds_text *ret_name,
		      struct rds_text *ret_version)
{
	uint64_t chance = rds_mix(seed ^ (uint64_t)RDS_TAG_PACKAGE << 56 ^ product);
	const char *a = company_words[chance % COUNT(company_words)];
	const char *b = words[(chance >> 8) % COUNT(words)];

	ret_name->n = 0;
	ret_version->n = 0;
	if (product == 0) {
		puts_to(ret_name, "Example Editor");
		puts_to(ret_version, "2.1");
		return;
	}
	switch (product % 17) {
	case 4: putf(ret_name, "%s %s %u ", a, b, product); break; /* the space is meant */
	case 6: putf(ret_name, "\"%s\", the %s of %u", a, b, product); break;
	case 9:
		putf(ret_name,
		     "%s \xc3\x89"
		     "diteur %u",
		     a, product);
		break;
	case 11: puts_to(ret_name, "Unknown"); break;
	/* Two versions of one product. */
	case 13: putf(ret_name, "%s Twin %u", "Harbor", product / 17); break;
	case 14: putf(ret_name, "%s Twin %u", "Harbor", product / 17); break;
	default: putf(ret_name, "%s %s %u", a, b, product); break;
	}
	if (product % 19 == 8)
		puts_to(ret_version, "none");
	else if (product % 19 != 10)
		putf(ret_version, "%u.%u", (uint32_t)(chance >> 20 & 15),
		     (uint32_t)(chance >> 24 & 7));
}

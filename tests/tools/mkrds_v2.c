/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mkrds_v2.c: writes a release as RDS v2 text, a folder with five files whose lines end in CR LF.
 *
 * Lines cannot hold a line feed or a NUL, so in names these become a space; everything else stays,
 * a CR inside a name included. A quotation mark is doubled.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "mkrds.h"

static FILE *open_in(const char *folder, const char *name)
{
	char path[4096];
	FILE *f = NULL;

	if (snprintf(path, sizeof(path), "%s/%s", folder, name) < (int)sizeof(path))
		f = fopen(path, "wbe");
	if (f == NULL)
		fprintf(stderr, "mkrds: cannot write '%s/%s': %s\n", folder, name, strerror(errno));
	return f;
}

static bool close_out(FILE *f)
{
	bool ok = ferror(f) == 0;

	if (fclose(f) != 0 || !ok) {
		fprintf(stderr, "mkrds: writing failed: %s\n", strerror(errno));
		return false;
	}
	return true;
}

static void quoted(FILE *f, const char *s, size_t n)
{
	putc('"', f);
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '"')
			putc('"', f);
		putc(s[i] == '\n' || s[i] == '\0' ? ' ' : s[i], f);
	}
	putc('"', f);
}

static void quoted_text(FILE *f, const struct rds_text *text)
{
	quoted(f, text->s, text->n);
}

static void quoted_string(FILE *f, const char *s)
{
	quoted(f, s, strlen(s));
}

static bool write_companies(const struct rds_release *rel)
{
	FILE *f = open_in(rel->opt.out, "NSRLMfg.txt");

	if (f == NULL)
		return false;
	fputs("\"MfgCode\",\"MfgName\"\r\n", f);
	for (uint32_t c = 0; c < rel->n_companies; c++) {
		struct rds_text name;

		rds_company_text(c, &name);
		fprintf(f, "\"%u\",", rds_company_id(c));
		quoted_text(f, &name);
		fputs("\r\n", f);
	}
	return close_out(f);
}

static bool write_systems(const struct rds_release *rel)
{
	FILE *f = open_in(rel->opt.out, "NSRLOS.txt");

	if (f == NULL)
		return false;
	fputs("\"OpSystemCode\",\"OpSystemName\",\"OpSystemVersion\",\"MfgCode\"\r\n", f);
	for (uint32_t s = 0; s < rds_n_systems; s++) {
		const struct rds_os *os = &rds_systems[s];
		uint32_t n = os->companies[0] == os->companies[1] ? 1 : 2;

		for (uint32_t i = 0; i < n; i++) {
			fprintf(f, "\"%u\",", rds_system_id(s));
			quoted_string(f, os->name);
			putc(',', f);
			quoted_string(f, os->version);
			fprintf(f, ",\"%u\"\r\n", rds_company_id(os->companies[i]));
		}
	}
	return close_out(f);
}

static void write_product(FILE *f, uint32_t package, const struct rds_application *app)
{
	uint32_t n = app->systems.n * app->companies.n * app->languages.n * app->types.n;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t left = i, system, company, language;

		system = app->systems.id[left % app->systems.n];
		left /= app->systems.n;
		company = app->companies.id[left % app->companies.n];
		left /= app->companies.n;
		language = app->languages.id[left % app->languages.n];
		left /= app->languages.n;
		fprintf(f, "%u,", rds_package_id(package));
		quoted_text(f, &app->name);
		putc(',', f);
		quoted_text(f, &app->version);
		fprintf(f, ",\"%u\",\"%u\",", rds_system_id(system), rds_company_id(company));
		quoted_string(f, rds_languages[language]);
		putc(',', f);
		quoted_string(f, rds_types[app->types.id[left]]);
		fputs("\r\n", f);
	}
}

static bool write_products(const struct rds_release *rel)
{
	FILE *f = open_in(rel->opt.out, "NSRLProd.txt");

	if (f == NULL)
		return false;
	fputs("\"ProductCode\",\"ProductName\",\"ProductVersion\",\"OpSystemCode\",\"MfgCode\","
	      "\"Language\",\"ApplicationType\"\r\n",
	      f);
	for (uint32_t p = 0; p < rel->n_packages; p++) {
		for (uint32_t nth = 0; nth < rel->packages[p].n_applications; nth++) {
			struct rds_application app;

			rds_application(rel, p, nth, &app);
			write_product(f, p, &app);
		}
	}
	return close_out(f);
}

static bool write_version(const struct rds_release *rel)
{
	const char *r = rel->opt.release;
	FILE *f = open_in(rel->opt.out, "version.txt");
	char sha1[40];
	uint8_t bytes[20];
	uint64_t x = rel->opt.seed;
	bool dated = strlen(r) >= 7;

	if (f == NULL)
		return false;
	for (uint32_t i = 0; i < 20; i++) {
		x = rds_mix(x);
		bytes[i] = (uint8_t)x;
	}
	rds_hex(sha1, bytes, 20, true);
	fprintf(f, "\"%.40s\",\"%.4s/%.2s/01 %s\"\r\n", sha1, dated ? r : "2026",
		dated ? r + 5 : "03", r);
	return close_out(f);
}

static void write_line(FILE *f, const struct rds_release *rel, const struct rds_short *row,
		       enum rds_hostile bad)
{
	struct rds_digests digests;
	struct rds_text name;
	struct rds_application app;
	char sha1[40], md5[32], crc32[8], size[32];
	uint32_t system = 0, package = rds_package_id(row->package);

	rds_file_digests(rel, row->file, &digests);
	rds_hex(sha1, digests.sha1, 20, true);
	rds_hex(md5, digests.md5, 16, true);
	rds_hex(crc32, digests.crc32, 4, true);
	snprintf(size, sizeof(size), "%llu", (unsigned long long)digests.size);
	if (bad == RDS_BAD_SIZE_NEGATIVE)
		snprintf(size, sizeof(size), "-5");
	else if (bad == RDS_BAD_SIZE_TEXT)
		snprintf(size, sizeof(size), "many");
	else if (bad == RDS_BAD_SHA256_TEXT)
		sha1[7] = 'G';
	else if (bad == RDS_BAD_OBJECT)
		package = 1;
	rds_name_text(rel->opt.seed, rel->odd, row->name, &name);
	if (rel->packages[row->package].n_applications > 0) {
		rds_application(rel, row->package, 0, &app);
		system = app.systems.id[0];
	}
	fprintf(f, "\"%.*s\",\"%.*s\",\"%.8s\",", bad == RDS_BAD_SHA1 ? 39 : 40, sha1,
		bad == RDS_BAD_MD5 ? 0 : 32, md5, crc32);
	quoted_text(f, &name);
	fprintf(f, ",%s,%u,\"%u\",\"%s\"\r\n", size, package, rds_system_id(system),
		row->file % 499 == 60   ? "S"
		: row->file % 499 == 61 ? "M"
					: "");
}

static bool write_files(const struct rds_release *rel)
{
	FILE *f = open_in(rel->opt.out, "NSRLFile.txt");
	struct rds_short *rows;
	uint64_t n = 0;

	if (f == NULL)
		return false;
	rows = rds_short_rows(rel, true, &n);
	if (rows == NULL) {
		fprintf(stderr, "mkrds: out of memory\n");
		fclose(f);
		return false;
	}
	fputs("\"SHA-1\",\"MD5\",\"CRC32\",\"FileName\",\"FileSize\",\"ProductCode\","
	      "\"OpSystemCode\",\"SpecialCode\"\r\n",
	      f);
	for (uint64_t i = 0; i < n; i++)
		write_line(f, rel, &rows[i], RDS_BAD_KINDS);
	for (uint32_t i = 0; i < rds_n_hostile(rel); i++) {
		struct rds_short row = {.file = RDS_HOSTILE_FILE + i, .name = i % rel->name_pool};

		write_line(f, rel, &row, (enum rds_hostile)(i % RDS_BAD_KINDS));
	}
	free(rows);
	return close_out(f);
}

bool rds_write_v2(const struct rds_release *rel)
{
	if (mkdir(rel->opt.out, 0777) != 0 && errno != EEXIST) {
		fprintf(stderr, "mkrds: cannot make the folder '%s': %s\n", rel->opt.out,
			strerror(errno));
		return false;
	}
	return write_companies(rel) && write_systems(rel) && write_products(rel) &&
	       write_version(rel) && write_files(rel);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mkrds: makes invented NSRL releases of any size from a seed, for tests, samples and benchmarks.
 * scripts/mkrds builds and runs it, and packs what it made (--zip, --iso).
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mkrds.h"

static const char usage[] =
    "usage: mkrds --kind full|minimal|v2 [OPTION]... -o OUT\n"
    "  --kind K           full, minimal: RDS v3 database OUT; v2: folder OUT with text files\n"
    "  --rows N           rows before duplicates are dropped (default 3000)\n"
    "  --seed S           a number; the same seed and rows describe the same release in\n"
    "                     every kind (default 1)\n"
    "  --packages N       packages (default rows / 10000, at least 5)\n"
    "  --rows-per-file R  rows that share one content, on average (default 4)\n"
    "  --crc32 yes|no     a column crc32 in FILE (default: yes for minimal, no for full)\n"
    "  --nullable-ids     minimal: the older schema, with ids that are NULL\n"
    "  --hostile          add malformed rows\n"
    "  --set NAME         modern, legacy, android or ios (default modern)\n"
    "  --release V        default 2026.03.1\n"
    "  -o OUT             what to write; a database that exists is replaced\n";

static bool number(const char *text, double least, double most, double *ret)
{
	char *end;

	errno = 0;
	*ret = strtod(text, &end);
	return errno == 0 && end != text && *end == '\0' && *ret >= least && *ret <= most;
}

static bool wrong(const char *option, const char *value)
{
	fprintf(stderr, "mkrds: %s: '%s' is not a value that it takes; see --help\n", option,
		value);
	return false;
}

static bool parse(int argc, char **argv, struct rds_options *opt, bool *ret_have_kind)
{
	int crc32 = -1;
	double x;

	for (int i = 1; i < argc; i++) {
		const char *option = argv[i], *value = i + 1 < argc ? argv[i + 1] : "";

		if (strcmp(option, "--nullable-ids") == 0) {
			opt->nullable = true;
			continue;
		}
		if (strcmp(option, "--hostile") == 0) {
			opt->hostile = true;
			continue;
		}
		i++;
		if (strcmp(option, "--kind") == 0) {
			*ret_have_kind = true;
			if (strcmp(value, "full") == 0)
				opt->kind = RDS_FULL;
			else if (strcmp(value, "minimal") == 0)
				opt->kind = RDS_MINIMAL;
			else if (strcmp(value, "v2") == 0)
				opt->kind = RDS_V2;
			else
				return wrong(option, value);
		} else if (strcmp(option, "--rows") == 0) {
			if (!number(value, 10, 2e9, &x))
				return wrong(option, value);
			opt->rows = (uint64_t)x;
		} else if (strcmp(option, "--seed") == 0) {
			if (!number(value, 0, 4e15, &x))
				return wrong(option, value);
			opt->seed = (uint64_t)x;
		} else if (strcmp(option, "--packages") == 0) {
			if (!number(value, 1, 1e6, &x))
				return wrong(option, value);
			opt->packages = (uint32_t)x;
		} else if (strcmp(option, "--rows-per-file") == 0) {
			if (!number(value, 1, 1000, &opt->rows_per_file))
				return wrong(option, value);
		} else if (strcmp(option, "--crc32") == 0) {
			crc32 = strcmp(value, "yes") == 0 ? 1 : strcmp(value, "no") == 0 ? 0 : -2;
			if (crc32 == -2)
				return wrong(option, value);
		} else if (strcmp(option, "--set") == 0) {
			opt->set = value;
		} else if (strcmp(option, "--release") == 0) {
			opt->release = value;
		} else if (strcmp(option, "-o") == 0) {
			opt->out = value;
		} else {
			fprintf(stderr, "mkrds: unknown option '%s'; see --help\n", option);
			return false;
		}
	}
	opt->crc32 = crc32 >= 0 ? crc32 == 1 : opt->kind == RDS_MINIMAL && !opt->nullable;
	return true;
}

int main(int argc, char **argv)
{
	struct rds_options opt = {.rows = 3000,
				  .seed = 1,
				  .rows_per_file = 4,
				  .set = "modern",
				  .release = "2026.03.1",
				  .out = ""};
	struct rds_release rel;
	bool have_kind = false, ok;

	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		fputs(usage, stdout);
		return 0;
	}
	if (!parse(argc, argv, &opt, &have_kind))
		return 2;
	if (!have_kind || opt.out[0] == '\0') {
		fputs("mkrds: --kind and -o are needed; see --help\n", stderr);
		return 2;
	}
	/* Neighbouring seeds must not have neighbouring streams. */
	opt.seed = rds_mix(opt.seed);
	if (!rds_release_init(&rel, &opt)) {
		fputs("mkrds: out of memory\n", stderr);
		return 2;
	}
	ok = opt.kind == RDS_V2 ? rds_write_v2(&rel) : rds_write_v3(&rel);
	rds_release_done(&rel);
	return ok ? 0 : 2;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* verify.c: kith verify. Reads everything of a set and checks it, the set id too. */
#define _POSIX_C_SOURCE 200809L
#include <string.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/io.h"
#include "cli/cli.h"

static struct options {
	struct kith_opt_list sets;
} options;

static const struct kith_opt opts[] = {KITH_CLI_SET_OPTION};

static const struct kith_command command = {
    .name = "kith verify",
    .usage = "[-d] SET...",
    .summary = "read everything of a set and check it",
    .opts = opts,
    .n_opts = sizeof opts / sizeof *opts,
    .details =
	"Checks that every record decodes, that every number in it leads somewhere, that counts "
	"agree, that each file is found through each index, and that the set id is that of the "
	"content. A set that passes answers rightly.\n"
	"\n"
	"Exit status: 0 the sets are right, 2 usage, 3 a set is missing, damaged or wrong.",
};

static int progress(uint64_t done, uint64_t total, void *user)
{
	char line[32] = "\r  0 %";
	unsigned percent = total == 0 ? 0 : (unsigned)(done * 100 / total);
	int *last = user;

	if ((int)percent == *last)
		return 0;
	*last = (int)percent;
	line[1] = (char)(percent >= 100 ? '1' : ' ');
	line[2] = (char)(percent >= 10 ? '0' + percent / 10 % 10 : ' ');
	line[3] = (char)('0' + percent % 10);
	return kith_io_write(STDERR_FILENO, percent >= 100 ? "\r     \r" : line,
			     percent >= 100 ? 7 : strlen(line), NULL) < 0;
}

static enum kith_status check(kith_set *set, struct kith_err *err)
{
	kith_reader *reader = NULL;
	enum kith_status st = kith_reader_open(set, &reader, err);
	int last = -1;

	if (st != KITH_OK)
		return st;
	st = kith_reader_check(reader, isatty(STDERR_FILENO) ? progress : NULL, &last, err);
	kith_reader_close(reader);
	return st;
}

static int check_id(kith_set *set, const char *path)
{
	struct kith_err err = {.status = KITH_OK};
	struct kith_set_info info;
	uint8_t id[32];
	enum kith_status st = kith_digest_of_dump(set, id, &err);

	if (st != KITH_OK)
		return kith_cli_set_fault(path, st, &err);
	kith_set_info(set, &info);
	if (memcmp(id, info.id, sizeof id) != 0) {
		kith_cli_say("set '%s': its id is not that of its content", path);
		return KITH_EXIT_SET;
	}
	return KITH_EXIT_OK;
}

static bool print_good(struct kith_out *out, kith_set *set, const char *path)
{
	struct kith_buf buf = {NULL, 0, 0, false};
	struct kith_set_info info;
	char hex[64];
	bool ok;

	kith_set_info(set, &info);
	(void)kith_hex_encode(info.id, sizeof info.id, hex);
	(void)kith_escape_text(&buf, path, strlen(path));
	(void)kith_buf_add_str(&buf, ": OK, set id ");
	(void)kith_buf_add(&buf, hex, sizeof hex);
	(void)kith_buf_add_byte(&buf, '\n');
	ok = !buf.failed && kith_out_write(out, buf.data, buf.n);
	kith_buf_done(&buf);
	return ok;
}

static int run(int argc, char **argv)
{
	struct kith_sets sets;
	struct kith_out out;
	int first, status, i;
	bool opened;
	size_t k;

	if (!kith_cli_parse(&command, argc, argv, &first, &status))
		return status;
	for (i = first; i < argc && options.sets.n < KITH_OPT_LIST_MAX; i++)
		options.sets.items[options.sets.n++] = argv[i];
	kith_out_init(&out, STDOUT_FILENO);
	status = kith_sets_open(&sets, &options.sets);
	opened = status == KITH_EXIT_OK;
	for (k = 0; k < sets.n && opened; k++) {
		struct kith_err err = {.status = KITH_OK};
		enum kith_status st = check(sets.sets[k], &err);
		int one = st == KITH_OK ? check_id(sets.sets[k], sets.paths[k])
					: kith_cli_set_fault(sets.paths[k], st, &err);

		if (one == KITH_EXIT_OK)
			(void)print_good(&out, sets.sets[k], sets.paths[k]);
		status = one > status ? one : status;
	}
	kith_sets_close(&sets);
	return kith_cli_end(&out, status);
}

const struct kith_cli kith_cli_verify = {"verify", &command, run};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_image.c: kith-build image, a set from images, packages, updates and folders. First all inputs
 * are walked, several at a time; what was found goes into the set as from any source.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/limits.h"
#include "cli.h"
#include "core/publish.h"
#include "sources/image.h"
#include "sources/sources.h"

static struct build_args args;
static struct image_options image_options;
static struct image_walks walks;
static const char *into;
static bool strict;

/* As the options give them; 0: the default. */
static struct {
	uint64_t depth, entries, ratio, cpu_seconds, stall_seconds;
	size_t file_bytes, input_bytes, worker_memory, spool_bytes;
} limits;

static const struct kith_opt opts[] = {
    BUILD_OPTIONS(args),
    {KITH_OPT_TEXT, 0, "into", &into, "OLD",
     "add to what this set has; inputs that it has seen are skipped"},
    {KITH_OPT_TEXT, 0, "product", &image_options.product, "NAME",
     "what the inputs are (default: what they say)"},
    {KITH_OPT_TEXT, 0, "product-version", &image_options.version, "VERSION",
     "their version (default: what they say)"},
    {KITH_OPT_TEXT, 0, "distributor", &image_options.distributor, "NAME",
     "who ships them (default: what they say)"},
    {KITH_OPT_TEXT, 0, "source", &image_options.source, "NAME",
     "the data source that answers show (default: HashDB)"},
    {KITH_OPT_FLAG, 0, "strict", &strict, NULL, "exit 2 when anything was not covered"},
    {KITH_OPT_HEADING, 0, NULL, NULL, NULL, "Limits; what is over one is in the ledger:"},
    {KITH_OPT_NUMBER, 0, "max-depth", &limits.depth, "N", "containers in containers (default: 16)"},
    {KITH_OPT_NUMBER, 0, "max-entries", &limits.entries, "N",
     "entries of one container (default: 5242880)"},
    {KITH_OPT_SIZE, 0, "max-file", &limits.file_bytes, "SIZE", "one entry (default: 64G)"},
    {KITH_OPT_SIZE, 0, "max-input", &limits.input_bytes, "SIZE",
     "all that one input expands to (default: 2T)"},
    {KITH_OPT_NUMBER, 0, "max-ratio", &limits.ratio, "N",
     "expansion of one container beyond its first GiB (default: 40000)"},
    {KITH_OPT_NUMBER, 0, "max-cpu", &limits.cpu_seconds, "SECONDS",
     "processor time for one container (default: 600)"},
    {KITH_OPT_NUMBER, 0, "max-stall", &limits.stall_seconds, "SECONDS",
     "time without any progress in one container (default: 30)"},
    {KITH_OPT_SIZE, 0, "max-worker", &limits.worker_memory, "SIZE",
     "address space of one worker (default: 2G)"},
    {KITH_OPT_SIZE, 0, "max-spool", &limits.spool_bytes, "SIZE",
     "scratch space for containers that must be unpacked to be opened (default: 20G)"},
};

static const struct kith_command command = {
    .name = "kith-build image",
    .usage = "-o SET [OPTION]... INPUT...",
    .summary = "make a set from images, packages and folders",
    .details =
	"An INPUT is a file or a folder: operating-system images (ISO, UDF, WIM, squashfs), "
	"updates "
	"(MSU, CAB), packages (deb, rpm, apk, MSIX), archives, disk folders. What it is, is told "
	"by its "
	"content. Every file in it is hashed, and every container in it is opened, however deep. "
	"Products and distributors are what packages and images say of themselves, unless an "
	"option "
	"says otherwise.\n\n"
	"Containers are opened by worker processes that may open no file and reach no network. "
	"What "
	"was damaged, encrypted, unsupported or over a limit is in the ledger: 'kith info' shows "
	"it.\n\n"
	"A run that was stopped goes on where it was: inputs that were read are not read again. "
	"What "
	"is needed for that lies in the folder SET.walks until the set is written.\n\n"
	"SOURCE_DATE_EPOCH, when set, is written into the set as the time of the build.",
    .opts = opts,
    .n_opts = sizeof opts / sizeof opts[0],
};

static int on_progress(void *user, uint64_t bytes_done, uint64_t bytes_total)
{
	const struct kith_progress at = {"hashing", "bytes", bytes_done, bytes_total};

	(void)user;
	return build_progress(&at);
}

/* A limit as an option gives it, or the default. */
static void set_limit(uint64_t given, uint64_t *limit)
{
	if (given != 0)
		*limit = given;
}

static void set_number(uint64_t given, unsigned *limit)
{
	if (given != 0)
		*limit = given > UINT32_MAX ? UINT32_MAX : (unsigned)given;
}

static bool is_empty(const char *text, const char *option, struct kith_err *err)
{
	if (text == NULL || text[0] != '\0')
		return false;
	(void)kith_fail(err, KITH_E_ARG, "option '--%s': a name is missing", option);
	return true;
}

/* A walk can take hours: whether the set can be written at all is told before it. */
static bool can_write(const char *output, struct kith_err *err)
{
	struct kith_publish *publish = NULL;
	enum kith_status st = kith_publish_begin(output, &publish, err);

	kith_publish_free(publish);
	return st >= 0;
}

static int plan(char *const *inputs, size_t n, struct build_plan *ret_plan, struct kith_err *err)
{
	struct image_walk_options options = {
	    .output = args.output,
	    .scratch = args.scratch,
	    .old_set = into,
	    .workers = (unsigned)args.threads,
	    .progress = on_progress,
	    .stopped = build_stopped,
	    .message = build_message,
	};
	size_t i;

	if (is_empty(image_options.source, "source", err) ||
	    is_empty(image_options.product, "product", err) ||
	    is_empty(image_options.distributor, "distributor", err))
		return KITH_EXIT_USAGE;
	kith_walk_limits_default(&options.limits);
	set_number(limits.depth, &options.limits.depth);
	set_limit(limits.entries, &options.limits.entries);
	set_limit(limits.file_bytes, &options.limits.file_bytes);
	set_limit(limits.input_bytes, &options.limits.input_bytes);
	set_number(limits.ratio, &options.limits.ratio);
	set_number(limits.cpu_seconds, &options.limits.cpu_seconds);
	set_number(limits.stall_seconds, &options.limits.stall_seconds);
	set_limit(limits.worker_memory, &options.limits.worker_memory);
	set_limit(limits.spool_bytes, &options.limits.spool_bytes);
	if (options.limits.depth > KITH_LIMIT_CONTAINER_DEPTH) {
		(void)kith_fail(err, KITH_E_ARG, "option '--max-depth': at most %u",
				KITH_LIMIT_CONTAINER_DEPTH);
		return KITH_EXIT_USAGE;
	}
	if (into != NULL) {
		if (build_check_set(into, err) < 0)
			return KITH_EXIT_SET;
		if (!build_plan_add(ret_plan, &kith_source_kith_set, into)) {
			(void)kith_fail_nomem(err);
			return KITH_EXIT_USAGE;
		}
	}
	if (!can_write(args.output, err) || image_walk_inputs(&options, inputs, n, &walks, err) < 0)
		return KITH_EXIT_USAGE;
	if (walks.skipped > 0 && !args.quiet)
		build_say("%llu of %zu inputs are in '%s' already",
			  (unsigned long long)walks.skipped, n, into);
	for (i = 0; i < walks.n; i++) {
		if (!build_plan_add(ret_plan, &kith_source_image, walks.journals[i])) {
			(void)kith_fail_nomem(err);
			return KITH_EXIT_USAGE;
		}
	}
	ret_plan->source_options = &image_options;
	return KITH_EXIT_OK;
}

static int published(const struct kith_build_result *result)
{
	image_walks_remove(&walks);
	if (strict && (result->skipped > 0 || result->failed > 0)) {
		build_say("not everything was covered, and --strict was asked for");
		return KITH_EXIT_USAGE;
	}
	return KITH_EXIT_OK;
}

static void done(void)
{
	image_walks_done(&walks);
}

static int run(int argc, char **argv)
{
	static const struct build_command whole = {
	    .command = &command, .args = &args, .plan = plan, .published = published, .done = done};

	return build_command(&whole, argc, argv);
}

const struct kith_build_cli kith_build_cli_image = {&command, "image", run};

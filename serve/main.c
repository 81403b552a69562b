/* SPDX-License-Identifier: Apache-2.0 */
/* main.c: kith-serve: options, start, signals, end. */
#define _POSIX_C_SOURCE 200809L
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "address.h"
#include "base/err.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/opt.h"
#include "base/out.h"
#include "base/sha256.h"
#include "dns_server.h"
#include "guard.h"
#include "http.h"
#include "nsrlsvr.h"
#include "session.h"
#include "worker.h"

#define EXIT_USAGE  2
#define EXIT_SET    3
#define MAX_THREADS 256u
#define SPARE_FDS   256u /* beside connections: sets, old and new ones, listeners, pipes */

static struct options {
	struct kith_opt_list sets, listen, nsrlsvr, dns;
	const char *unix_path, *keys, *dns_zone;
	uint64_t threads, max_connections, sessions;
	bool log, version, no_tcp;
} options;

static const struct kith_opt opts[] = {
    {KITH_OPT_LIST, 'd', "set", &options.sets, "SET",
     "answer from this set, a file or a folder of *.kith files; may be given several times "
     "(default: KITH_PATH, then /var/lib/kith)"},
    {KITH_OPT_LIST, 0, "listen", &options.listen, "ADDR:PORT",
     "answer HTTP at this address; may be given several times (default 127.0.0.1:8080, unless "
     "systemd hands sockets over)"},
    {KITH_OPT_FLAG, 0, "no-tcp", &options.no_tcp, NULL, "answer HTTP on the Unix socket only"},
    {KITH_OPT_TEXT, 0, "unix", &options.unix_path, "PATH",
     "answer HTTP on this Unix socket too; POST /-/reload is taken only there"},
    {KITH_OPT_LIST, 0, "nsrlsvr", &options.nsrlsvr, "ADDR:PORT",
     "answer clients of nsrlsvr at this address, for example 127.0.0.1:9120"},
    {KITH_OPT_LIST, 0, "dns", &options.dns, "ADDR:PORT",
     "answer DNS over UDP at this address, for example 127.0.0.1:5353: TXT of <hash>.ZONE"},
    {KITH_OPT_TEXT, 0, "dns-zone", &options.dns_zone, "ZONE",
     "the zone of --dns, for example hashlookup.internal"},
    {KITH_OPT_NUMBER, 0, "sessions", &options.sessions, "SECONDS",
     "let clients of hashlookup begin sessions, which remember for so long what was asked "
     "(default: no sessions)"},
    {KITH_OPT_NUMBER, 0, "threads", &options.threads, "N",
     "threads that answer (default: one for each processor)"},
    {KITH_OPT_NUMBER, 0, "max-connections", &options.max_connections, "N",
     "of so many connections that are open the most silent makes room for a new one (default "
     "2048)"},
    {KITH_OPT_TEXT, 0, "api-keys", &options.keys, "FILE",
     "answer HTTP only with a key of this file in the header X-Apikey; one key a line"},
    {KITH_OPT_FLAG, 0, "log", &options.log, NULL,
     "write a line for each HTTP request on standard error; without it nothing tells what was "
     "asked"},
    {KITH_OPT_FLAG, 'V', "version", &options.version, NULL, "print the version and exit"},
};

static const struct kith_command command = {
    .name = "kith-serve",
    .usage = "[OPTION]...",
    .summary = "answer over HTTP, TCP and DNS in the dialects that clients already speak",
    .opts = opts,
    .n_opts = sizeof opts / sizeof *opts,
    .details =
	"VirusTotal API v3 below /api/v3, CIRCL hashlookup at /lookup and /bulk, kith's own "
	"answers "
	"below /v1, /healthz and /metrics. SIGHUP turns to new sets, SIGTERM ends.\n"
	"\n"
	"Exit status: 0 ended by a signal, 2 usage or an address that cannot be had, 3 a set is "
	"missing or damaged.",
};

KITH_PRINTF(1, 2) static void say(const char *fmt, ...)
{
	struct kith_buf buf = {NULL, 0, 0, false};
	char text[1024];
	va_list args;

	va_start(args, fmt);
	/* NOLINTNEXTLINE(clang-analyzer-valist.*): it is set */
	(void)vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	(void)kith_buf_add_str(&buf, "kith-serve: ");
	(void)kith_escape_text(&buf, text, strlen(text));
	if (kith_buf_add_byte(&buf, '\n'))
		(void)kith_io_write(STDERR_FILENO, buf.data, buf.n, NULL);
	kith_buf_done(&buf);
}

static enum kith_status read_keys(struct kith_server *server, struct kith_err *err)
{
	struct kith_lines lines;
	const uint8_t *line;
	enum kith_status st;
	size_t n;
	int fd;

	if (options.keys == NULL)
		return KITH_OK;
	if (kith_io_open(options.keys, &fd, err) < 0)
		return KITH_E_IO;
	kith_lines_init(&lines, fd, 4096);
	while ((st = kith_lines_next(&lines, &line, &n, NULL, err)) == KITH_OK) {
		struct kith_sha256 sha;
		uint8_t(*more)[KITH_SHA256_SIZE];

		while (n > 0 && (line[n - 1] == '\r' || line[n - 1] == ' '))
			n--;
		if (n == 0 || *line == '#')
			continue;
		more = realloc(server->keys, (server->n_keys + 1) * sizeof *more);
		if (more == NULL) {
			st = kith_fail_nomem(err);
			break;
		}
		server->keys = more;
		kith_sha256_init(&sha);
		kith_sha256_add(&sha, line, n);
		kith_sha256_end(&sha, server->keys[server->n_keys++]);
	}
	kith_lines_done(&lines);
	(void)close(fd);
	if (st != KITH_END)
		return st;
	if (server->n_keys == 0) /* an empty file must not open the door */
		return kith_fail(err, KITH_E_ARG, "'%s' has no keys", options.keys);
	return KITH_OK;
}

/* What the service manager opened (LISTEN_FDS); *ret_n gets their number. */
static enum kith_status listen_inherited(struct kith_server *server, unsigned *ret_n,
					 struct kith_err *err)
{
	struct kith_inherited in;
	enum kith_status st;

	for (*ret_n = 0; (st = kith_address_inherited(*ret_n, &in, err)) == KITH_OK; ++*ret_n) {
		bool nsrlsvr = strcmp(in.name, "nsrlsvr") == 0;

		if (!in.is_stream)
			return kith_fail(err, KITH_E_ARG, "'%s' was handed over, and is no stream",
					 in.shown);
		st = kith_net_fd(server->net, in.fd, in.is_local,
				 nsrlsvr ? &kith_nsrlsvr : &kith_http, err);
		(void)close(in.fd);
		if (st != KITH_OK)
			return st;
		say("%s on %s", nsrlsvr ? "nsrlsvr" : "http", in.shown);
	}
	return st == KITH_NOT_FOUND ? KITH_OK : st;
}

static enum kith_status listen_all(struct kith_server *server, struct kith_err *err)
{
	static const char *const usual[] = {"127.0.0.1:8080"};
	const struct {
		const struct kith_opt_list *list;
		const char *what;
	} lists[] = {{&options.listen, "http"}, {&options.nsrlsvr, "nsrlsvr"}};
	char shown[KITH_ADDRESS_SHOWN];
	unsigned n_inherited;
	enum kith_status st = listen_inherited(server, &n_inherited, err);
	size_t i, k;

	if (st != KITH_OK)
		return st;
	if (options.listen.n == 0 && !options.no_tcp && n_inherited == 0)
		options.listen.items[options.listen.n++] = usual[0];
	for (i = 0; i < 2; i++) {
		for (k = 0; k < lists[i].list->n && st == KITH_OK; k++) {
			const char *address = lists[i].list->items[k];

			st = kith_net_tcp(server->net, address, i == 0 ? &kith_http : &kith_nsrlsvr,
					  shown, err);
			if (st == KITH_OK)
				say("%s on %s", lists[i].what, shown);
		}
	}
	if (st == KITH_OK && options.unix_path != NULL) {
		st = kith_net_unix(server->net, options.unix_path, &kith_http, err);
		if (st == KITH_OK)
			say("http on %s", options.unix_path);
	}
	return st;
}

static enum kith_status prepare(struct kith_server *server, struct kith_err *err)
{
	unsigned i, n = (unsigned)options.threads;
	/* One more for DNS, behind those of the net. Without DNS nobody would turn it to new sets,
	 * and those that were replaced would stay open. */
	unsigned n_workers = n + (options.dns.n > 0);
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
		if (files.rlim_cur != RLIM_INFINITY && files.rlim_cur > SPARE_FDS &&
		    options.max_connections > files.rlim_cur - SPARE_FDS)
			options.max_connections = files.rlim_cur - SPARE_FDS;
	}
	if (options.sessions > 0) {
		server->sessions = kith_sessions_new(options.sessions);
		if (server->sessions == NULL)
			return kith_fail_nomem(err);
	}
	server->workers = calloc(n_workers, sizeof(void *));
	for (i = 0; server->workers != NULL && i < n_workers; i++) {
		server->workers[i] = kith_worker_new(server);
		if (server->workers[i] == NULL)
			break;
		server->n_workers = i + 1;
	}
	if (server->n_workers < n_workers)
		return kith_fail_nomem(err);
	return kith_net_new(server->workers, n, (unsigned)options.max_connections, &server->net,
			    err);
}

static enum kith_status prepare_dns(struct kith_server *server, struct kith_dns **ret,
				    struct kith_err *err)
{
	char shown[KITH_ADDRESS_SHOWN];
	enum kith_status st = KITH_OK;
	size_t i;

	if (options.dns.n > 0)
		st = kith_dns_new(server->workers[server->n_workers - 1], options.dns_zone, ret,
				  err);
	for (i = 0; st == KITH_OK && i < options.dns.n; i++) {
		st = kith_dns_listen(*ret, options.dns.items[i], shown, err);
		if (st == KITH_OK)
			say("dns on %s", shown);
	}
	return st;
}

/* Until a signal says to end. */
static void wait_for_signals(struct kith_server *server, const sigset_t *signals)
{
	int number;

	while (sigwait(signals, &number) == 0) {
		struct kith_err err = {.status = KITH_OK};

		if (number != SIGHUP)
			return;
		if (kith_server_reload(server, &err) == KITH_OK)
			say("the sets were loaded again");
		else
			say("the sets stay as they are: %s", err.msg);
	}
}

static int serve(struct kith_server *server)
{
	struct kith_err err = {.status = KITH_OK};
	struct kith_dns *dns = NULL;
	sigset_t signals;
	int status = EXIT_USAGE;

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGHUP);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	(void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	kith_guard_init();
	if (read_keys(server, &err) != KITH_OK)
		goto out;
	if (kith_server_open(server, &err) != KITH_OK) {
		if (err.status != KITH_E_NOMEM && err.status != KITH_E_LIMIT)
			status = EXIT_SET;
		goto out;
	}
	if (prepare(server, &err) != KITH_OK || listen_all(server, &err) != KITH_OK ||
	    prepare_dns(server, &dns, &err) != KITH_OK)
		goto out;
	kith_net_on_tick(server->net, kith_worker_tick);
	if (kith_net_start(server->net, &err) == KITH_OK &&
	    (dns == NULL || kith_dns_start(dns, &err) == KITH_OK)) {
		say("ready");
		wait_for_signals(server, &signals);
		status = 0;
	}
out:
	if (status != 0)
		say("%s", err.msg);
	kith_dns_free(dns);
	if (server->net != NULL) {
		kith_net_stop(server->net);
		kith_net_free(server->net);
	}
	while (server->n_workers > 0)
		kith_worker_free(server->workers[--server->n_workers]);
	free(server->workers);
	kith_sessions_free(server->sessions);
	kith_server_close(server);
	return status;
}

int main(int argc, char **argv)
{
	struct kith_err err = {.status = KITH_OK};
	struct kith_server server;
	bool help = false;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	int first = 1;

	options.max_connections = KITH_LIMIT_SERVE_CONNECTIONS;
	options.threads = cores > 0 ? (uint64_t)cores : 1;
	if (options.threads > MAX_THREADS)
		options.threads = MAX_THREADS;
	if (kith_opt_parse(&command, argc, argv, &first, &help, &err) < 0) {
		say("%s", err.msg);
		return EXIT_USAGE;
	}
	if (help || options.version) {
		bool told = help ? kith_opt_help(&command)
				 : printf("kith-serve %s\nset format %d\n", kith_version(),
					  KITH_SET_FORMAT) > 0 &&
				       fflush(stdout) == 0;

		if (!told)
			say("cannot write to standard output");
		return told ? 0 : EXIT_USAGE;
	}
	if ((options.dns.n > 0) != (options.dns_zone != NULL)) {
		say("--dns and --dns-zone need each other, see 'kith-serve --help'");
		return EXIT_USAGE;
	}
	if (first < argc || options.threads == 0 || options.threads > MAX_THREADS ||
	    options.max_connections == 0 || options.max_connections > 1000000 ||
	    options.sessions > UINT32_MAX ||
	    (options.no_tcp && (options.unix_path == NULL || options.listen.n > 0))) {
		say(first < argc ? "'%s' is not expected, see 'kith-serve --help'"
				 : "options that do not go together or are out of range, see "
				   "'kith-serve --help'%.0s",
		    first < argc ? argv[first] : "");
		return EXIT_USAGE;
	}
	memset(&server, 0, sizeof server);
	server.paths = &options.sets;
	server.log = options.log;
	return serve(&server);
}

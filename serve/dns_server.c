/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "dns_server.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "answer/list.h"
#include "base/err.h"
#include "dns.h"

#define SOCKETS   8u
#define AT_A_TIME 64u /* datagrams of one socket before the others have their turn */

struct kith_dns {
	struct kith_worker *worker;
	struct kith_dns_zone zone;
	struct pollfd fds[1 + SOCKETS]; /* the first wakes the thread up, to end */
	nfds_t n_fds;
	int wake;
	pthread_t thread;
	bool started;
};

enum kith_status kith_dns_new(struct kith_worker *worker, const char *zone, struct kith_dns **ret,
			      struct kith_err *err)
{
	struct kith_dns *dns = calloc(1, sizeof *dns);
	enum kith_status st;
	int fds[2];

	if (dns == NULL)
		return kith_fail_nomem(err);
	st = kith_dns_zone_parse(zone, &dns->zone, err);
	if (st == KITH_OK && pipe(fds) != 0)
		st = kith_fail_errno(err, errno, "cannot make a pipe");
	if (st != KITH_OK) {
		free(dns);
		return st;
	}
	(void)fcntl(fds[0], F_SETFD, FD_CLOEXEC);
	(void)fcntl(fds[1], F_SETFD, FD_CLOEXEC);
	dns->worker = worker;
	dns->fds[0].fd = fds[0];
	dns->fds[0].events = POLLIN;
	dns->wake = fds[1];
	dns->n_fds = 1;
	*ret = dns;
	return KITH_OK;
}

enum kith_status kith_dns_listen(struct kith_dns *dns, const char *text,
				 char ret_shown[KITH_ADDRESS_SHOWN], struct kith_err *err)
{
	struct kith_address address;
	socklen_t n = sizeof address.at;
	enum kith_status st = kith_address_parse(text, &address, err);
	int fd, e;

	if (st != KITH_OK)
		return st;
	if (dns->n_fds == 1 + SOCKETS)
		return kith_fail(err, KITH_E_LIMIT, "more than %u addresses", SOCKETS);
	fd = kith_address_socket(&address, SOCK_DGRAM);
	if (fd >= 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0 &&
	    bind(fd, (const struct sockaddr *)&address.at, address.n) == 0 &&
	    getsockname(fd, (struct sockaddr *)&address.at, &n) == 0) {
		dns->fds[dns->n_fds].fd = fd;
		dns->fds[dns->n_fds++].events = POLLIN;
		kith_address_show(&address, ret_shown);
		return KITH_OK;
	}
	e = errno;
	if (fd >= 0)
		(void)close(fd);
	return kith_fail_errno(err, e, "cannot listen on '%s'", text);
}

/* ----------------------------------------------------------------- answers */

struct call {
	struct kith_dns *dns;
	struct kith_view *view;
	const struct kith_dns_question *question;
	enum kith_dns_rcode rcode;
};

/* TXT records of all files that have the hash; in the guard. */
static enum kith_status add_records(void *arg)
{
	struct call *c = arg;
	struct kith_worker *worker = c->dns->worker;
	struct kith_asker *asker = c->view->asker;
	struct kith_bytes text = {c->question->hash, c->question->hash_n};
	struct kith_entry entry;
	struct kith_query query;
	struct kith_facts facts;
	enum kith_status st;
	size_t i;

	if (kith_query_parse(text, &entry, &query) != KITH_OK)
		return KITH_E_ARG;
	st = kith_view_ask(worker, c->view, &query, 1);
	if (st == KITH_OK)
		st = kith_ask_facts(asker, 0, &facts);
	if (st != KITH_OK)
		return st;
	if (facts.n_contents == 0)
		c->rcode =
		    facts.in_sets == KITH_NOT_INDEXED ? KITH_DNS_SERVFAIL : KITH_DNS_NXDOMAIN;
	for (i = 0; i < facts.n_contents && c->question->wants_txt; i++) {
		worker->scratch.n = 0;
		st = kith_hashlookup_record(asker, &facts.contents[i], &worker->scratch);
		if (st != KITH_OK)
			return st;
		/* More could never be sent: the reply is cut off and says so. */
		if (worker->out.n <= KITH_DNS_UDP &&
		    !kith_dns_add_txt(worker->scratch.data, worker->scratch.n, &worker->out))
			return KITH_E_NOMEM;
	}
	return KITH_OK;
}

/* The reply to a question in worker->out. False: there is none. */
static bool answer(struct kith_dns *dns, const struct kith_dns_question *question)
{
	struct kith_worker *worker = dns->worker;
	struct kith_buf *out = &worker->out;
	struct call c = {.dns = dns, .question = question, .rcode = question->rcode};
	bool has_soa = c.rcode == KITH_DNS_OK && question->at_zone && question->wants_soa;
	uint32_t serial = (uint32_t)atomic_load(&worker->server->number);

	kith_worker_fresh(worker);
	out->n = 0;
	if (!kith_dns_begin(question, out))
		return false;
	if (c.rcode == KITH_DNS_OK && question->may_go_on && !question->wants_txt) {
		/* Resolvers that ask label by label (RFC 9156) would take the name's absence for
		 * that of all below it (RFC 8020), where the other half of a SHA-256 is. */
	} else if (c.rcode == KITH_DNS_OK && question->hash_n > 0) {
		c.view = kith_worker_view(worker);
		if (c.view == NULL) {
			c.rcode = KITH_DNS_SERVFAIL;
		} else {
			c.view = kith_view_hold(c.view);
			if (kith_view_guarded(worker, c.view, add_records, &c) != KITH_OK)
				c.rcode = KITH_DNS_SERVFAIL;
			kith_view_drop(c.view);
		}
	} else if (c.rcode == KITH_DNS_OK && !question->at_zone) {
		c.rcode = KITH_DNS_NXDOMAIN;
	}
	if (c.rcode == KITH_DNS_SERVFAIL && !kith_dns_begin(question, out))
		return false; /* half of an answer is none */
	if (c.rcode == KITH_DNS_NXDOMAIN ||
	    (c.rcode == KITH_DNS_OK && !(question->hash_n > 0 && question->wants_txt)))
		(void)kith_dns_add_soa(question, &dns->zone, serial, !has_soa, out);
	kith_worker_count(worker, KITH_FRONT_DNS,
			  c.rcode == KITH_DNS_OK         ? 200
			  : c.rcode == KITH_DNS_SERVFAIL ? 503
							 : 404);
	return kith_dns_end(question, c.rcode, out);
}

/* False: nothing was there. */
static bool take_one(struct kith_dns *dns, int fd)
{
	uint8_t message[KITH_DNS_UDP];
	struct kith_dns_question question;
	struct sockaddr_storage from;
	socklen_t from_n = sizeof from;
	ssize_t n = recvfrom(fd, message, sizeof message, 0, (struct sockaddr *)&from, &from_n);

	if (n < 0)
		return false;
	if (kith_dns_parse(message, (size_t)n, &dns->zone, &question) && answer(dns, &question)) {
		const struct kith_buf *out = &dns->worker->out;

		(void)sendto(fd, out->data, out->n, 0, (const struct sockaddr *)&from, from_n);
	}
	return true;
}

static void *run(void *arg)
{
	struct kith_dns *dns = arg;
	unsigned k;
	nfds_t i;

	while (dns->fds[0].revents == 0) {
		int n = poll(dns->fds, dns->n_fds, 1000);

		kith_worker_tick(dns->worker); /* lets go of sets that were replaced */
		for (i = 1; n > 0 && i < dns->n_fds; i++) {
			for (k = 0; dns->fds[i].revents != 0 && k < AT_A_TIME; k++) {
				if (!take_one(dns, dns->fds[i].fd))
					break;
			}
		}
		if (n < 0)
			dns->fds[0].revents = 0;
	}
	return NULL;
}

enum kith_status kith_dns_start(struct kith_dns *dns, struct kith_err *err)
{
	int e = pthread_create(&dns->thread, NULL, run, dns);

	if (e != 0)
		return kith_fail_errno(err, e, "cannot start a thread");
	dns->started = true;
	return KITH_OK;
}

void kith_dns_free(struct kith_dns *dns)
{
	nfds_t i;

	if (dns == NULL)
		return;
	(void)close(dns->wake); /* its other end becomes readable */
	if (dns->started)
		(void)pthread_join(dns->thread, NULL);
	for (i = 0; i < dns->n_fds; i++)
		(void)close(dns->fds[i].fd);
	free(dns);
}

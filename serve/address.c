/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "address.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"

#define BACKLOG 1024

enum kith_status kith_address_parse(const char *text, struct kith_address *ret,
				    struct kith_err *err)
{
	const char *colon = strrchr(text, ':');
	struct addrinfo hints, *found = NULL;
	char host[64];
	size_t n = colon == NULL ? 0 : (size_t)(colon - text);
	int e;

	if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
		text++;
		n -= 2;
	}
	/* getaddrinfo() takes a port above 65535 modulo 65536: something else would be listened on
	 */
	if (n == 0 || n >= sizeof host || colon[1] < '0' || colon[1] > '9' ||
	    strspn(colon + 1, "0123456789") != strlen(colon + 1) || strlen(colon + 1) > 5 ||
	    atoi(colon + 1) > 65535) /* NOLINT(cert-err34-c): five digits */
		return kith_fail(err, KITH_E_ARG,
				 "'%s' is not an address such as 127.0.0.1:8080 or [::1]:8080",
				 text);
	memcpy(host, text, n);
	host[n] = '\0';
	memset(&hints, 0, sizeof hints);
	hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
	hints.ai_socktype = SOCK_STREAM;
	e = getaddrinfo(host, colon + 1, &hints, &found);
	if (e != 0)
		return kith_fail(err, KITH_E_ARG, "'%s' is not an address: %s", text,
				 gai_strerror(e));
	memset(ret, 0, sizeof *ret);
	memcpy(&ret->at, found->ai_addr, found->ai_addrlen);
	ret->n = found->ai_addrlen;
	freeaddrinfo(found);
	return KITH_OK;
}

void kith_address_show(const struct kith_address *address, char ret[KITH_ADDRESS_SHOWN])
{
	char host[64], port[8];

	if (getnameinfo((const struct sockaddr *)&address->at, address->n, host, sizeof host, port,
			sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		(void)snprintf(ret, KITH_ADDRESS_SHOWN, "?");
	else
		(void)snprintf(ret, KITH_ADDRESS_SHOWN, strchr(host, ':') ? "[%s]:%s" : "%s:%s",
			       host, port);
}

int kith_address_socket(const struct kith_address *address, int type)
{
	int fd = socket(address->at.ss_family, type | SOCK_CLOEXEC, 0), on = 1;

	/* Whether [::] is IPv4 too would be the system's setting, and then 0.0.0.0 with the same
	 * port could not be had. */
	if (fd >= 0 && address->at.ss_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) {
		int e = errno;

		(void)close(fd);
		errno = e;
		return -1;
	}
	return fd;
}

enum kith_status kith_address_free(const struct kith_address *address, struct kith_err *err)
{
	char shown[KITH_ADDRESS_SHOWN];
	int on = 1, e = 0;
	int fd = kith_address_socket(address, SOCK_STREAM);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
	    bind(fd, (const struct sockaddr *)&address->at, address->n) != 0)
		e = errno;
	if (fd >= 0)
		(void)close(fd);
	if (e == 0)
		return KITH_OK;
	kith_address_show(address, shown);
	if (e == EADDRINUSE)
		return kith_fail(err, KITH_E_BUSY, "another server listens on %s", shown);
	return kith_fail_errno(err, e, "cannot listen on %s", shown);
}

enum kith_status kith_address_bind(struct kith_address *address, int *ret_fd, struct kith_err *err)
{
	char shown[KITH_ADDRESS_SHOWN];
	socklen_t n = sizeof address->at;
	int on = 1, e;
	int fd = kith_address_socket(address, SOCK_STREAM | SOCK_NONBLOCK);

	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0 &&
	    bind(fd, (const struct sockaddr *)&address->at, address->n) == 0 &&
	    listen(fd, BACKLOG) == 0 && getsockname(fd, (struct sockaddr *)&address->at, &n) == 0) {
		*ret_fd = fd;
		return KITH_OK;
	}
	e = errno;
	if (fd >= 0)
		(void)close(fd);
	kith_address_show(address, shown);
	return kith_fail_errno(err, e, "cannot listen on %s", shown);
}

enum kith_status kith_address_bind_unix(const char *path, int *ret_fd, struct kith_err *err)
{
	struct sockaddr_un at;
	struct stat there;
	int fd, e;

	memset(&at, 0, sizeof at);
	at.sun_family = AF_UNIX;
	if (strlen(path) >= sizeof at.sun_path)
		return kith_fail(err, KITH_E_ARG,
				 "'%s': the path of a socket has at most %zu bytes", path,
				 sizeof at.sun_path - 1);
	memcpy(at.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && lstat(path, &there) == 0 && S_ISSOCK(there.st_mode)) {
		/* Left over from a server that is gone? */
		if (connect(fd, (const struct sockaddr *)&at, sizeof at) == 0 || errno == EAGAIN) {
			(void)close(fd);
			return kith_fail(err, KITH_E_BUSY, "another server listens on '%s'", path);
		}
		(void)unlink(path);
	}
	if (fd >= 0 && bind(fd, (const struct sockaddr *)&at, sizeof at) == 0 &&
	    chmod(path, 0660) == 0 && listen(fd, BACKLOG) == 0) {
		*ret_fd = fd;
		return KITH_OK;
	}
	e = errno;
	if (fd >= 0)
		(void)close(fd);
	return kith_fail_errno(err, e, "cannot listen on '%s'", path);
}

void kith_address_no_delay(int fd)
{
	int on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* ------------------------------------------------------- sockets from outside */

#define FIRST_FD 3 /* the protocol of sd_listen_fds(3) */

/* A number of the environment; 0 where it is missing or none. */
static unsigned long environment(const char *name)
{
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): asked before there are threads */
	const char *text = getenv(name);
	char *end;
	unsigned long v;

	if (text == NULL || *text < '0' || *text > '9')
		return 0;
	v = strtoul(text, &end, 10);
	return *end == '\0' ? v : 0;
}

enum kith_status kith_address_inherited(unsigned i, struct kith_inherited *ret,
					struct kith_err *err)
{
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): as above */
	const char *names = getenv("LISTEN_FDNAMES");
	struct kith_address address;
	socklen_t n = sizeof(int), at_n = sizeof address.at;
	int type = 0, listens = 0, flags;
	unsigned k;

	if (environment("LISTEN_PID") != (unsigned long)getpid() || i >= environment("LISTEN_FDS"))
		return KITH_NOT_FOUND;
	memset(ret, 0, sizeof *ret);
	memset(&address, 0, sizeof address);
	ret->fd = FIRST_FD + (int)i;
	for (k = 0; names != NULL && k < i; k++) {
		names = strchr(names, ':');
		names = names == NULL ? NULL : names + 1;
	}
	if (names != NULL && strcspn(names, ":") < sizeof ret->name)
		memcpy(ret->name, names, strcspn(names, ":"));
	flags = fcntl(ret->fd, F_GETFL);
	if (flags < 0 || fcntl(ret->fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
	    fcntl(ret->fd, F_SETFD, FD_CLOEXEC) != 0 ||
	    getsockopt(ret->fd, SOL_SOCKET, SO_TYPE, &type, &n) != 0 ||
	    getsockname(ret->fd, (struct sockaddr *)&address.at, &at_n) != 0)
		return kith_fail(err, KITH_E_ARG,
				 "descriptor %d, which was handed over, is no socket", ret->fd);
	n = sizeof(int);
	ret->is_stream = type == SOCK_STREAM;
	if (ret->is_stream &&
	    (getsockopt(ret->fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &n) != 0 || listens == 0))
		return kith_fail(
		    err, KITH_E_ARG,
		    "the socket at descriptor %d, which was handed over, does not listen", ret->fd);
	address.n = at_n;
	ret->is_local = address.at.ss_family == AF_UNIX;
	if (ret->is_local)
		(void)snprintf(ret->shown, sizeof ret->shown, "a Unix socket");
	else
		kith_address_show(&address, ret->shown);
	return KITH_OK;
}

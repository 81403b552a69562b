/* SPDX-License-Identifier: Apache-2.0 */
/*
 * distributors.c: one name for each distributor, however a package or a system names it: by the ID
 * of os-release(5), by the Origin of an archive, by the domain of a packager's mail.
 */
#include "facts/inspect.h"

struct known {
	const char *name;   /* as answers show it */
	const char *ids;    /* IDs and names in lower case, blanks around each */
	const char *domain; /* of packagers' mails, or "" */
};

static const struct known table[] = {
    {"Debian", " debian debian-security debian-backports ", "debian.org"},
    {"Debian", "", "debian.net"},
    {"Canonical", " ubuntu kubuntu xubuntu lubuntu ubuntu-server ubuntu-studio ", "ubuntu.com"},
    {"Canonical", " canonical ", "canonical.com"},
    {"Kali Linux", " kali ", "kali.org"},
    {"Linux Mint", " linuxmint ", "linuxmint.com"},
    {"Raspberry Pi", " raspbian ", "raspberrypi.com"},
    {"Devuan", " devuan ", "devuan.org"},
    {"Proxmox", " proxmox ", "proxmox.com"},
    {"Fedora Project", " fedora ", "fedoraproject.org"},
    {"Red Hat", " rhel redhat ", "redhat.com"},
    {"CentOS", " centos ", "centos.org"},
    {"Rocky Linux", " rocky ", "rockylinux.org"},
    {"AlmaLinux", " almalinux ", "almalinux.org"},
    {"Oracle", " ol oracle ", "oracle.com"},
    {"Amazon", " amzn amazon ", "amazon.com"},
    {"openSUSE", " opensuse opensuse-leap opensuse-tumbleweed ", "opensuse.org"},
    {"SUSE", " sles sled suse ", "suse.com"},
    {"Alpine Linux", " alpine ", "alpinelinux.org"},
    {"Arch Linux", " arch archlinux ", "archlinux.org"},
    {"Arch Linux ARM", " archarm ", "archlinuxarm.org"},
    {"Manjaro", " manjaro ", "manjaro.org"},
    {"Gentoo", " gentoo ", "gentoo.org"},
    {"NixOS", " nixos ", ""},
    {"Void Linux", " void ", "voidlinux.org"},
    {"VMware", " photon ", "vmware.com"},
    {"Microsoft", " mariner azurelinux microsoft ", "microsoft.com"},
    {"Intel", " clear-linux-os ", "intel.com"},
    {"Google", " cos google ", "google.com"},
    {"Chainguard", " wolfi chainguard ", "chainguard.dev"},
    {"postmarketOS", " postmarketos ", "postmarketos.org"},
    {"System76", " pop ", "system76.com"},
    {"OpenWrt", " openwrt ", "openwrt.org"},
};
#define KNOWN (sizeof table / sizeof *table)

struct kith_bytes kith_distributor_of_name(struct kith_bytes name)
{
	char id[64];
	size_t i, n = 0;

	if (name.n == 0 || name.n > sizeof id - 3)
		return name;
	id[n++] = ' ';
	for (i = 0; i < name.n; i++) {
		uint8_t c = name.data[i];

		id[n++] = (char)(c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c == ' ' ? '-' : c);
	}
	id[n++] = ' ';
	for (i = 0; i < KNOWN; i++) {
		id[n] = '\0';
		if (strlen(id) == n && strstr(table[i].ids, id) != NULL)
			return bytes_of(table[i].name);
	}
	return name;
}

/* The domain itself, or one below it. */
static bool is_in(struct kith_bytes host, const char *domain)
{
	size_t n = strlen(domain);

	return n > 0 && text_ends_nocase(host, domain) &&
	       (host.n == n || host.data[host.n - n - 1] == '.');
}

bool kith_distributor_of_mail(struct kith_bytes maintainer, struct kith_bytes *ret, bool *ret_known)
{
	const uint8_t *open = NULL, *at, *close;
	struct kith_bytes host, name = text_trim(maintainer);
	size_t i;

	*ret_known = false;
	if (name.n == 0)
		return false;
	open = memchr(name.data, '<', name.n);
	at = open == NULL ? NULL : memchr(open, '@', (size_t)(name.data + name.n - open));
	if (at != NULL) {
		host.data = at + 1;
		host.n = (size_t)(name.data + name.n - at - 1);
		close = host.n == 0 ? NULL : memchr(host.data, '>', host.n);
		if (close != NULL)
			host.n = (size_t)(close - host.data);
		for (i = 0; i < KNOWN; i++) {
			if (!is_in(host, table[i].domain))
				continue;
			*ret = bytes_of(table[i].name);
			*ret_known = true;
			return true;
		}
	}
	if (open != NULL)
		name = text_trim((struct kith_bytes){name.data, (size_t)(open - name.data)});
	if (name.n == 0 || text_is_nocase(name, "unknown packager"))
		return false;
	*ret = name;
	return true;
}

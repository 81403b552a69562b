#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Makes one small container of every format, from one small tree, with Debian's own tools:
#
#   data-samples/containers.sh FOLDER [SAMPLE...]
#
#   FOLDER/tree, plain, flat   the tree; without what not every format has (links, holes); its top files alone
#   FOLDER/samples/NAME        the containers
#   FOLDER/made                a line for each: NAME, which of the trees it holds, and how: = as it is, + with more,
#                              ~ with other names, ! cannot be read, which must be said
#   FOLDER/missing             a line for each that could not be made: NAME, why
#
# Nothing depends on time, user or order, as far as the tools let it. What is not a tool's job (boot
# headers, a package's signature) is written by craft.py.
# shellcheck disable=SC2016 # eval and sh -c get $to and the like as they are
set -eu
export LC_ALL=C.UTF-8 TZ=UTC SOURCE_DATE_EPOCH=1700000000
umask 022

here=$(cd "$(dirname "$0")" && pwd)
out=${1:?usage: containers.sh FOLDER [SAMPLE...]}
shift
wanted=$*
mkdir -p "$out/samples"
out=$(cd "$out" && pwd)
tree=$out/tree plain=$out/plain flat=$out/flat
samples=$out/samples
PATH=$PATH:/usr/sbin:/sbin
: >"$out/made"
: >"$out/missing"

# ------------------------------------------------------------------------ the trees
rm -rf "$tree" "$plain" "$flat"
python3 "$here/craft.py" tree "$tree"
cp -a "$tree" "$plain"
rm "$plain/link-to-hello" "$plain/docs/hard" "$plain/holes.bin" "$plain"/docs/longer-*
mkdir "$flat"
find "$plain" -maxdepth 1 -type f -exec cp -p {} "$flat" \;
find "$tree" "$plain" "$flat" -exec touch -h -d @$SOURCE_DATE_EPOCH {} +

# sample NAME TREE HOW TOOLS COMMAND...: the command, run in an empty folder, makes the sample at $to. What it prints
# is shown when it fails.
sample() {
	name=$1 which=$2 how=$3 tools=$4
	shift 4
	case " $wanted " in "  " | *" $name "*) ;; *) return 0 ;; esac
	for tool in $tools; do
		if ! command -v "$tool" >/dev/null; then
			echo "$name: no program $tool" | tee -a "$out/missing" >&2
			return 0
		fi
	done
	to=$samples/$name
	rm -rf "$to" "$out/work"
	mkdir "$out/work"
	if (cd "$out/work" && "$@") >"$out/log" 2>&1 </dev/null; then
		printf '%s\t%s\t%s\n' "$name" "$which" "$how" >>"$out/made"
	else
		echo "$name: its maker failed" | tee -a "$out/missing" >&2
		sed 's/^/	/' "$out/log" >&2
		rm -rf "$to"
	fi
	rm -rf "$out/work" "$out/log"
}

# ------------------------------------------------------------------ tar, compressed
tar_of() { # FORMAT FOLDER TO [OPTION...]
	format=$1 folder=$2 file=$3
	shift 3
	tar --format="$format" --sort=name --owner=0 --group=0 --numeric-owner --mtime=@$SOURCE_DATE_EPOCH \
		--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime "$@" -C "$folder" -cf "$file" .
}
plain_tar_of() { # as above, for formats without pax options
	format=$1 folder=$2 file=$3
	shift 3
	tar --format="$format" --sort=name --owner=0 --group=0 --numeric-owner --mtime=@$SOURCE_DATE_EPOCH "$@" \
		-C "$folder" -cf "$file" .
}
compressed_tar() { # COMMAND...: a filter
	plain_tar_of gnu "$tree" x.tar
	"$@" <x.tar >"$to"
}
bsd_filter() { bsdtar -c "$1" -f - @-; }
sample tar-v7.tar plain = tar plain_tar_of v7 "$plain" "$samples/tar-v7.tar"
sample tar-ustar.tar plain = tar plain_tar_of ustar "$plain" "$samples/tar-ustar.tar"
sample tar-gnu.tar tree = tar plain_tar_of gnu "$tree" "$samples/tar-gnu.tar"
sample tar-pax.tar tree = tar tar_of pax "$tree" "$samples/tar-pax.tar"
sample tar-gnu-sparse.tar tree = tar plain_tar_of gnu "$tree" "$samples/tar-gnu-sparse.tar" -S
sample tar-pax-sparse.tar tree = tar tar_of pax "$tree" "$samples/tar-pax-sparse.tar" -S
sample tar.tar.gz tree = 'tar gzip' compressed_tar gzip -n
sample tar.tar.xz tree = 'tar xz' compressed_tar xz
sample tar.tar.zst tree = 'tar zstd' compressed_tar zstd -q
sample tar.tar.bz2 tree = 'tar bzip2' compressed_tar bzip2
sample tar.tar.lz4 tree = 'tar lz4' compressed_tar lz4 -q
sample tar.tar.lz tree = 'tar lzip' compressed_tar lzip -q
sample tar.tar.lzma tree = 'tar lzma' compressed_tar lzma
sample tar.tar.Z tree = 'tar bsdtar' compressed_tar bsdtar -c --format=gnutar --compress -f - @-
one_of() { "$@" <"$plain/notes.txt" >"$to"; }
for row in 'gz gzip -n' 'xz xz' 'zst zstd -q' 'bz2 bzip2' 'lz4 lz4 -q' 'lz lzip -q' 'lzma lzma'; do
	# shellcheck disable=SC2086 # its words
	set -- $row
	suffix=$1
	shift
	sample "notes.txt.$suffix" notes = "$1" one_of "$@"
done
sample notes-legacy.lz4 notes '~' lz4 one_of lz4 -q -l

# ------------------------------------------------------------------------- cpio, ar
cpio_of() { # FORMAT FOLDER
	(cd "$2" && find . -mindepth 1 -print | sort | cpio -o -H "$1" -R 0:0 --reproducible --quiet)
}
cpio_sample() { cpio_of "$1" "$2" >"$to"; }
initramfs() {
	mkdir -p ucode/kernel/x86
	echo microcode >ucode/kernel/x86/GenuineIntel.bin
	find ucode -exec touch -d @$SOURCE_DATE_EPOCH {} +
	{
		cpio_of newc ucode
		cpio_of newc "$tree" | gzip -n
	} >"$to"
}
sample cpio-newc.cpio tree = cpio cpio_sample newc "$tree"
sample cpio-crc.cpio tree = cpio cpio_sample crc "$tree"
sample cpio-odc.cpio tree = cpio cpio_sample odc "$tree"
sample cpio-bin.cpio tree = cpio cpio_sample bin "$tree"
sample initramfs.img tree = 'cpio gzip' initramfs
ar_sample() { (cd "$flat" && ar rcD "$to" -- *); }
sample ar.a flat = ar ar_sample

# ---------------------------------------------------------------- zip, 7z, rar, xar
zip_sample() { (cd "$plain" && find . -type f | sort | zip -q -X -D "$@" "$to" -@); }
sevenzip() { # FOLDER OPTION...
	folder=$1
	shift
	(cd "$folder" && 7z a -bd -mmt=1 "$@" "$to" .)
}
sample zip-deflate.zip plain = zip zip_sample -9
sample zip-stored.zip plain = zip zip_sample -0
sample zip-64.zip plain = zip zip_sample -fz
sample zip-bzip2.zip plain = 7z sevenzip "$plain" -tzip -mm=BZip2
sample zip-lzma.zip plain = 7z sevenzip "$plain" -tzip -mm=LZMA
sample 7z-lzma2.7z plain = 7z sevenzip "$plain" -t7z
sample 7z-lzma-bcj.7z plain = 7z sevenzip "$plain" -t7z -m0=BCJ -m1=LZMA
sample 7z-ppmd.7z plain = 7z sevenzip "$plain" -t7z -m0=PPMd -mf=off
sample 7z-stored.7z plain = 7z sevenzip "$plain" -t7z -mx=0
sample 7z-headers-open.7z plain = 7z sevenzip "$plain" -t7z -mhc=off
sample rar5-stored.rar plain = python3 python3 "$here/craft.py" rar5 "$plain" "$samples/rar5-stored.rar"
xar_sample() { bsdtar --format=xar --uid 0 --gid 0 -C "$tree" -cf "$to" .; }
sample xar.xar tree = bsdtar xar_sample

# -------------------------------------------------------------------------- optical
xorriso_sample() {
	xorriso -as mkisofs -quiet -V SAMPLE -R "$@" -o "$to" "$plain"
}
# As Windows media are: all in UDF, nothing in ISO 9660.
udf_only() { genisoimage -quiet -input-charset UTF-8 -udf -V SAMPLE -hide '*' -o "$to" "$plain"; }
sample iso-rockridge.iso plain = xorriso xorriso_sample
sample iso-rockridge-joliet.iso plain = xorriso xorriso_sample -J -joliet-long
sample iso-links.iso tree = xorriso sh -c 'exec xorriso -as mkisofs -quiet -V SAMPLE -R -o "$0" "$1"' \
	"$samples/iso-links.iso" "$tree"
joliet_only() { genisoimage -quiet -input-charset UTF-8 -J -joliet-long -V SAMPLE -o "$to" "$plain"; }
sample iso-joliet.iso plain = genisoimage joliet_only
sample udf.iso plain = genisoimage udf_only
udf_bridge() { genisoimage -quiet -input-charset UTF-8 -udf -J -joliet-long -V SAMPLE -o "$to" "$plain"; }
sample udf-bridge.iso plain = genisoimage udf_bridge
# A boot image with a FAT in it, and the same as a partition, as install media have them.
fat_of() { # FILE FOLDER
	mkfs.fat -C -i 12345678 --invariant "$1" 2048
	(cd "$2" && MTOOLS_SKIP_CHECK=1 mcopy -s -i "$1" -- * ::)
}
hybrid() {
	cp -r "$plain" iso
	mkdir esp
	cp "$plain/program.exe" esp/BOOTX64.EFI
	fat_of "$PWD/iso/efi.img" esp
	xorriso -as mkisofs -quiet -V SAMPLE -R -J -joliet-long -e efi.img -no-emul-boot -isohybrid-gpt-basdat -o "$to" iso
}
sample iso-hybrid.iso plain + 'xorriso mkfs.fat mcopy' hybrid
sample fat.img plain = 'mkfs.fat mcopy' eval 'fat_of "$to" "$plain"'

# ------------------------------------------------------------------ Windows updates
wim_of() { wimlib-imagex capture "$plain" "$to" Sample --threads=1 --no-acls "$@"; }
wim_split() { # three parts at least
	wimlib-imagex capture "$plain" whole.wim Sample --threads=1 --no-acls --compress=none
	mkdir "$to"
	wimlib-imagex split whole.wim "$to/sample.swm" 0.1
}
sample wim-lzx.wim plain = wimlib-imagex wim_of --compress=LZX
sample wim-xpress.wim plain = wimlib-imagex wim_of --compress=XPRESS
sample wim-none.wim plain = wimlib-imagex wim_of --compress=none
sample wim-solid.esd plain = wimlib-imagex wim_of --compress=LZMS --solid
sample wim-split plain = wimlib-imagex wim_split
cab_of() { # TO FOLDER OPTION...
	cab=$1 folder=$2
	shift 2
	(cd "$folder" && find . -type f | sed 's,^\./,,' | sort | tr '\n' '\0' | xargs -0 gcab -c "$@" "$cab")
}
# gcab cuts nothing away: the paths are those that it is given
sample cab-mszip.cab plain = gcab eval 'cab_of "$to" "$plain" -z'
sample cab-stored.cab plain = gcab eval 'cab_of "$to" "$plain"'
msu() {
	mkdir msu
	cab_of "$PWD/msu/Windows10.0-KB5000001-x64.cab" "$plain" -z
	echo 'KB Article Number="5000001"' >msu/Windows10.0-KB5000001-x64-pkgProperties.txt
	touch -d @$SOURCE_DATE_EPOCH msu/*
	cab_of "$to" msu -z
}
sample windows10.0-kb5000001-x64.msu plain + gcab msu
sample msix.msix plain + 'zip python3' eval \
	'cp -r "$plain" appx && python3 "$here/craft.py" appx appx && cd appx && find . -type f | sort | zip -q -X -D "$to" -@'
msi() {
	cp -r "$plain" files
	python3 "$here/craft.py" wxs files sample.wxs
	wixl -o "$to" sample.wxs
}
sample msi.msi plain '~' 'wixl python3' msi
nsis() {
	printf 'Name Sample\nOutFile "%s"\nUnicode true\nSetCompressor lzma\nSection\nSetOutPath $INSTDIR\nFile /r "%s/*"\nSectionEnd\n' \
		"$to" "$plain" >sample.nsi
	makensis -V2 sample.nsi
}
sample nsis.exe plain '~' makensis nsis
pe_with() { # FILE: behind a program
	python3 "$here/craft.py" pe stub.exe
	cat stub.exe "$1" >"$to"
}
sample sfx-7z.exe plain + '7z python3' eval \
	'(cd "$plain" && 7z a -bd -mmt=1 -t7z "$OLDPWD/x.7z" .) && pe_with x.7z'
sample sfx-zip.exe plain + 'zip python3' eval \
	'(cd "$plain" && find . -type f | sort | zip -q -X -D "$OLDPWD/x.zip" -@) && pe_with x.zip'
sample sfx-cab.exe plain + 'gcab python3' eval 'cab_of "$PWD/x.cab" "$plain" -z && pe_with x.cab'

# ------------------------------------------------------------------------- packages
deb_of() { # COMPRESSION
	cp -a "$tree" deb
	mkdir deb/DEBIAN
	printf 'Package: sample\nVersion: 1.0-1\nArchitecture: all\nMaintainer: Example <e@example.org>\nHomepage: https://example.org/\nDescription: sample\n' \
		>deb/DEBIAN/control
	(cd deb && find . -path ./DEBIAN -prune -o -type f -printf '%P\n' | sort | tr '\n' '\0' | xargs -0 md5sum) >md5sums
	mv md5sums deb/DEBIAN/
	dpkg-deb --root-owner-group -Z"$1" -b deb "$to"
}
for z in xz gzip zstd none; do
	sample "deb-$z.deb" tree = dpkg-deb deb_of $z
done
rpm_of() { # PAYLOAD [MACRO VALUE]...
	payload=$1
	shift
	mkdir top
	cat >sample.spec <<-EOF
		Name: sample
		Version: 1.0
		Release: 1
		Summary: sample
		License: none
		Vendor: Example
		URL: https://example.org/
		BuildArch: noarch
		%global _binaries_in_noarch_packages_terminate_build 0
		%global __os_install_post %{nil}
		%global _build_id_links none
		%description
		%install
		mkdir -p %{buildroot}
		cp -a "$tree/." %{buildroot}/
		%{?more}
		%files
		/*
	EOF
	rpmbuild -bb --define "_topdir $PWD/top" --define "_binary_payload $payload" "$@" \
		--define 'use_source_date_epoch_as_buildtime 1' --define '_buildhost localhost' \
		--define 'clamp_mtime_to_source_date_epoch 1' sample.spec
	mv top/RPMS/noarch/*.rpm "$to"
}
sample rpm-gzip.rpm tree = rpmbuild rpm_of w9.gzdio
sample rpm-zstd.rpm tree = rpmbuild rpm_of w3.zstdio
sample rpm-xz.rpm tree = rpmbuild rpm_of w6.xzdio
sample rpm-bzip2.rpm tree = rpmbuild rpm_of w9.bzdio
sample rpm-lzma.rpm tree = rpmbuild rpm_of w6.lzdio
sample rpm-none.rpm tree = rpmbuild rpm_of w.ufdio
sample rpm-md5.rpm tree = rpmbuild rpm_of w9.gzdio --define '_binary_filedigest_algorithm 1'
# A file of more than 4 GiB, so that the payload is stripped of names; it packs to almost nothing.
sample rpm-4gib.rpm tree + rpmbuild rpm_of w1.zstdio \
	--define 'more truncate -s 4294967300 %{buildroot}/4gib.bin'
sample alpine.apk tree + 'python3 tar gzip' eval 'plain_tar_of gnu "$tree" data.tar && python3 "$here/craft.py" apk data.tar "$to"'
arch() {
	cp -a "$tree" arch
	printf 'pkgname = sample\npkgver = 1.0-1\npackager = Example\nurl = https://example.org/\n' >arch/.PKGINFO
	(cd arch && bsdtar -czf .MTREE --format=mtree --options='!all,use-set,type,size,sha256' -- .PKGINFO *)
	tar --sort=name --owner=0 --group=0 --mtime=@$SOURCE_DATE_EPOCH -C arch -cf x.tar .MTREE .PKGINFO .
	zstd -q x.tar -o "$to"
}
sample arch.pkg.tar.zst tree + 'bsdtar tar zstd' arch

# ---------------------------------------------------------- Linux images and kernels
squash() { mksquashfs "$tree" "$to" -quiet -no-progress -all-root -noappend -processors 1 "$@"; }
for z in gzip zstd xz lz4; do
	sample "squashfs-$z.squashfs" tree = mksquashfs squash -comp $z
done
# Debian's libsquashfs is built without LZO.
sample squashfs-lzo.squashfs tree '!' mksquashfs squash -comp lzo
appimage() {
	squash -comp gzip -root-mode 755
	python3 "$here/craft.py" elf stub
	cat stub "$to" >x
	mv x "$to"
}
sample appimage.AppImage tree = 'mksquashfs python3' appimage
oci() {
	umoci init --layout layout
	umoci new --image layout:sample
	plain_tar_of gnu "$tree" layer.tar
	umoci raw add-layer --image layout:sample layer.tar
	tar --sort=name --owner=0 --group=0 --mtime=@$SOURCE_DATE_EPOCH -C layout -cf "$to" .
}
sample oci.tar tree + 'umoci tar' oci
docker() {
	mkdir docker docker/layer
	plain_tar_of gnu "$tree" docker/layer/layer.tar
	echo '{"architecture":"amd64","os":"linux","rootfs":{"type":"layers"}}' >docker/config.json
	echo '[{"Config":"config.json","RepoTags":["sample:1"],"Layers":["layer/layer.tar"]}]' >docker/manifest.json
	tar --sort=name --owner=0 --group=0 --mtime=@$SOURCE_DATE_EPOCH -C docker -cf "$to" manifest.json config.json layer
}
sample docker.tar tree + tar docker
kernel() { # KIND COMMAND...: the tree as the kernel's payload, in a tar
	kind=$1
	shift
	plain_tar_of gnu "$tree" x.tar
	"$@" <x.tar >packed
	python3 "$here/craft.py" "$kind" packed "$to"
}
sample bzimage-gzip tree + python3 kernel bzimage-plain gzip -n
sample bzimage-xz tree + 'python3 xz' kernel bzimage xz --check=crc32
sample bzimage-zstd tree + 'python3 zstd' kernel bzimage zstd -q
sample bzimage-lz4 tree + 'python3 lz4' kernel bzimage lz4 -q -l
sample bzimage-lzma tree + 'python3 lzma' kernel bzimage lzma
sample bzimage-bzip2 tree + 'python3 bzip2' kernel bzimage bzip2
sample zboot-gzip tree + python3 kernel zboot gzip -n
sample zboot-zstd tree + 'python3 zstd' kernel zboot zstd -q
uki() {
	plain_tar_of gnu "$tree" x.tar
	gzip -n <x.tar >packed
	python3 "$here/craft.py" bzimage-plain packed linux
	mkdir root
	echo init >root/init
	cpio_of newc root | gzip -n >initrd
	python3 "$here/craft.py" uki linux initrd "$to"
}
sample uki.efi tree + 'python3 cpio' uki

# ------------------------------------------------------------------------- folders
sample folder tree = cp eval 'cp -a "$tree" "$to"'

for name in dmg uefi-volume; do
	case " $wanted " in "  " | *" $name "*) echo "$name: Debian has no maker" | tee -a "$out/missing" >&2 ;; esac
done
rm -rf "$out/work"

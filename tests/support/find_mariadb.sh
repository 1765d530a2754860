#!/bin/sh
# Prints the path of a MariaDB server: the installed one, else Debian's package unpacked below build/mariadb, which needs apt-get and
# a network once, and not to be root. Prints nothing and fails where there is none to be had.
set -eu
cd "$(dirname "$0")/../.."
home=$PWD/build/mariadb

for server in "$(command -v mariadbd || true)" /usr/sbin/mariadbd /usr/local/sbin/mariadbd "$home/usr/sbin/mariadbd"; do
    [ ! -x "$server" ] || { echo "$server"; exit 0; }
done
command -v apt-get >/dev/null && command -v dpkg >/dev/null || exit 1

# What would be installed for it here: the server, and the libraries that it lacks.
packages=$(apt-get --simulate --no-install-recommends install mariadb-server-core 2>/dev/null | sed -n 's/^Inst \([^ ]*\).*/\1/p')
[ -n "$packages" ] || exit 1
rm -rf "$home" "$home.new"
mkdir -p "$home.new/packages"
cd "$home.new/packages"
# shellcheck disable=SC2086 # a list of names
apt-get download $packages >"$home.new/log" 2>&1 || exit 1
for package in *.deb; do dpkg -x "$package" "$home.new"; done
mv "$home.new" "$home"
echo "$home/usr/sbin/mariadbd"

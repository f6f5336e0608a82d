#!/usr/bin/env bash
# Builds the SFTP servers of the tests that are written in Go and in Java, into target/servers:
# each where its language is installed (Go; a JDK and Maven), and never twice. Where one is missing, its
# test says that it was skipped.
set -euo pipefail
cd "$(dirname "$0")"
servers=$(cd ../.. && pwd)/target/servers
mkdir -p "$servers"

if [ -x "$servers/go-sftpd" ]; then
    :
elif command -v go >/dev/null; then
    (cd go && go build -o "$servers/go-sftpd" .) \
        || echo "The SFTP server in Go could not be built: its test says that it was skipped."
else
    echo "Go is not installed: one SFTP server less is tried."
fi

if [ -d "$servers/mina" ]; then
    :
elif command -v mvn >/dev/null && command -v javac >/dev/null; then
    if mvn -q -B -Dstyle.color=never -f java/pom.xml dependency:copy-dependencies -DoutputDirectory="$servers/mina.part" \
        && javac -cp "$servers/mina.part/*" -d "$servers/mina.part" java/Sftpd.java; then
        mv "$servers/mina.part" "$servers/mina"
    else
        echo "Apache MINA SSHD could not be built: its test says that it was skipped."
    fi
else
    echo "Maven or a JDK is not installed: one SFTP server less is tried."
fi

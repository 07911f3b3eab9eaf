#!/bin/sh
# Installs what the optional tests need and this machine may have: Spark by pip; Chromium, curl, Redis
# and RabbitMQ by apt where we are root.  Best effort: a test whose tool is absent is skipped and says why.
python=$1
export DEBIAN_FRONTEND=noninteractive

try() { # try NAME COMMAND...: run quietly, say one line if it fails
	name=$1; shift
	"$@" >/dev/null 2>&1 || echo "provision: $name could not be installed; its tests will be skipped"
}

"$python" -c 'import pyspark' 2>/dev/null || { command -v java >/dev/null && try spark "$python" -m pip install --quiet -e '.[spark]'; }

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	wanted=
	command -v chromium >/dev/null || wanted="$wanted chromium"
	command -v curl >/dev/null || wanted="$wanted curl"
	command -v redis-server >/dev/null || wanted="$wanted redis-server"
	command -v rabbitmq-server >/dev/null || wanted="$wanted rabbitmq-server"
	if [ -n "$wanted" ]; then
		try "package lists" apt-get update -q
		# policy-rc.d: the packages must not start services of their own on this machine.
		for package in $wanted; do
			RUNLEVEL=1 try "$package" apt-get install -q -y --no-install-recommends "$package"
		done
	fi
fi
exit 0

#!/usr/bin/env bash
# Images of the servers that tests start in containers, made without a registry: programs of this machine's Debian packages, the
# libraries that they load, and busybox for a shell. An image that is there is left as it is; `--again` makes all anew.
#
#   apt-get install -y docker.io iptables busybox-static postgresql-15 redis-server rabbitmq-server nats-server mosquitto
set -euo pipefail

DOCKER=${DOCKER:-docker}
PG=/usr/lib/postgresql/15
[ "${1:-}" = --again ] && again=yes || again=no
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

need() {
  command -v "$1" >/dev/null || { echo "images: $1 is missing: apt-get install -y $2" >&2; exit 1; }
}
need "$DOCKER" docker.io
need busybox busybox-static
need "$PG/bin/postgres" postgresql-15
need redis-server redis-server
need rabbitmq-server rabbitmq-server
need nats-server nats-server
need mosquitto mosquitto
need iptables iptables
"$DOCKER" info >/dev/null 2>&1 || { echo 'images: Docker does not answer: start dockerd' >&2; exit 1; }

# wanted TAG: whether an image is to be made
wanted() {
  [ $again = yes ] || ! "$DOCKER" image inspect "$1" >/dev/null 2>&1
}

# tree: a new root with a shell in it, as $root
tree() {
  root=$scratch/$RANDOM
  mkdir -p "$root"/{bin,etc,tmp,data,run,var}
  ln -s ../run "$root/var/run"
  chmod 1777 "$root/tmp"
  chown 999:999 "$root/data"
  printf '%s\n' 'root:x:0:0::/:/bin/sh' 'server:x:999:999::/data:/bin/sh' >"$root/etc/passwd"
  printf '%s\n' 'root:x:0:' 'server:x:999:' >"$root/etc/group"
  add busybox /bin/busybox
  local name
  for name in $(busybox --list); do [ "$name" = busybox ] || ln -sf busybox "$root/bin/$name"; done
}

# add PROGRAM|FILE|FOLDER [PATH]: a copy at the same or another path, with the libraries that it loads
add() {
  local from to file
  from=$(readlink -f "$(command -v "$1" || echo "$1")")
  to=$root${2:-$1}
  mkdir -p "$(dirname "$to")"
  cp -rL "$from" "$to"
  find "$from" -type f \( -perm -u+x -o -name '*.so*' \) | while read -r file; do
    { ldd "$file" 2>/dev/null || true; } | { grep -oE '/[^ )]+\.so[^ )]*' || true; }
  done | sort -u | while read -r file; do
    [ -e "$root$file" ] && continue
    mkdir -p "$root$(dirname "$file")"
    cp -L "$file" "$root$file"
  done
}

# image TAG CHANGE…: makes an image of $root
image() {
  local tag=$1 changes=() change
  shift
  for change in 'ENV PATH=/usr/bin:/bin' "$@"; do changes+=(--change "$change"); done
  tar -C "$root" --numeric-owner -c . | "$DOCKER" import "${changes[@]}" - "$tag" >/dev/null
  rm -rf "$root"
}

# A database cluster is made as the image is: a container then starts in a moment. User and password are holdfast.
if wanted holdfast/postgres:15; then
  tree
  for program in postgres initdb pg_ctl psql; do add "$PG/bin/$program"; done
  for library in plpgsql dict_snowball; do add "$PG/lib/$library.so"; done
  add /usr/share/postgresql/15
  add /usr/share/zoneinfo
  echo holdfast >"$root/etc/password"
  cat >"$root/bin/born" <<'BORN'
#!/bin/sh
set -e
initdb -D /data/cluster -U holdfast --pwfile=/etc/password --auth-local=trust --auth-host=scram-sha-256 --encoding=UTF8 --locale=C
echo 'host all all all scram-sha-256' >>/data/cluster/pg_hba.conf
BORN
  chmod +x "$root/bin/born"
  image holdfast/unborn:15 'USER 999' "ENV PATH=$PG/bin:/usr/bin:/bin"
  # The kernel keeps what a killed server wrote: without fsync only a crash of the machine would lose anything.
  "$DOCKER" build -q --network none -t holdfast/postgres:15 - >"$scratch/build" 2>&1 <<'BUILD' || { cat "$scratch/build" >&2; exit 1; }
FROM holdfast/unborn:15
RUN ["born"]
EXPOSE 5432
STOPSIGNAL SIGINT
CMD ["postgres","-D","/data/cluster","-c","listen_addresses=*","-c","unix_socket_directories=/tmp","-c","fsync=off"]
BUILD
  "$DOCKER" rmi holdfast/unborn:15 >/dev/null
  echo 'images: made holdfast/postgres:15'
fi

if wanted holdfast/redis:7; then
  tree
  for program in redis-server redis-cli; do add "$program" "/bin/$program"; done
  image holdfast/redis:7 'USER 999' 'WORKDIR /data' 'EXPOSE 6379' \
    'CMD ["redis-server","--protected-mode","no","--save","","--dir","/data"]'
  echo 'images: made holdfast/redis:7'
fi

# The server and the Erlang that it runs on, without the tools around them: user and password are guest, from any address.
if wanted holdfast/rabbitmq:3; then
  tree
  rabbit=$(dirname "$(dirname "$(readlink -f /usr/lib/rabbitmq/bin/rabbitmq-server)")")
  add /usr/lib/erlang
  add "$rabbit"
  mkdir -p "$root/etc/rabbitmq"
  printf '%s\n' 'loopback_users = none' 'log.console.level = info' >"$root/etc/rabbitmq/rabbitmq.conf"
  image holdfast/rabbitmq:3 'USER 999' 'WORKDIR /data' 'EXPOSE 5672' 'ENV HOME=/data' "ENV PATH=/usr/lib/erlang/bin:/usr/bin:/bin" \
    'ENV RABBITMQ_MNESIA_BASE=/data/mnesia' 'ENV RABBITMQ_LOG_BASE=/data/log' 'ENV RABBITMQ_LOGS=-' \
    'ENV RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="+sbwt none"' \
    "CMD [\"$rabbit/sbin/rabbitmq-server\"]"
  echo 'images: made holdfast/rabbitmq:3'
fi

# Who gives no name may do everything, and so may holdfast; the writer may listen to nothing. Passwords are the names.
if wanted holdfast/nats:2; then
  tree
  add nats-server /bin/nats-server
  cat >"$root/etc/nats.conf" <<'CONF'
max_payload: 8MB
no_auth_user: holdfast
authorization {
  users: [
    { user: holdfast, password: holdfast }
    { user: writer, password: writer, permissions: { subscribe: { deny: ">" } } }
  ]
}
CONF
  image holdfast/nats:2 'USER 999' 'EXPOSE 4222' 'CMD ["nats-server","-c","/etc/nats.conf"]'
  echo 'images: made holdfast/nats:2'
fi

# Who gives a name has to have the password.
if wanted holdfast/mosquitto:2; then
  tree
  add mosquitto /bin/mosquitto
  mosquitto_passwd -c -b "$root/etc/mosquitto.password" holdfast holdfast
  chmod 644 "$root/etc/mosquitto.password"
  printf '%s\n' 'listener 1883' 'allow_anonymous true' 'password_file /etc/mosquitto.password' >"$root/etc/mosquitto.conf"
  image holdfast/mosquitto:2 'USER 999' 'EXPOSE 1883' 'CMD ["mosquitto","-c","/etc/mosquitto.conf"]'
  echo 'images: made holdfast/mosquitto:2'
fi

# What cuts a container off, from inside its network.
if wanted holdfast/tools:1; then
  tree
  for program in iptables ip6tables; do add "$program" "/bin/$program"; done
  add "$(dirname "$(find /usr/lib -name libxt_standard.so | head -1)")"
  image holdfast/tools:1 'CMD ["/bin/sh"]'
  echo 'images: made holdfast/tools:1'
fi

# What testcontainers wants to run beside: it removes the containers of a run whose process is gone. Each process keeps a connection
# open and says on it which label is its own; when none is open for ten seconds, all with these labels go, and then it goes itself.
if wanted holdfast/reaper:1; then
  tree
  add "$(command -v "$DOCKER")" /bin/docker
  mkdir -p "$root/open" "$root/labels"
  cat >"$root/bin/session" <<'SESSION'
#!/bin/sh
touch "/open/$$"
while read -r line; do
  label=$(printf %s "$line" | tr -d '\r')
  case $label in label=*) echo "${label#label=}" >>/labels/all && echo ACK ;; esac
done
rm -f "/open/$$"
sleep 10
[ -z "$(ls /open)" ] || exit 0
# What is there now goes, and nothing younger: who comes as the door is being shut has the same label, and is not to lose what it starts.
left=$(sort -u /labels/all | while read -r label; do docker ps -aq --filter "label=$label" --filter label=org.testcontainers=true; done)
networks=$(sort -u /labels/all | while read -r label; do docker network ls -q --filter "label=$label"; done)
kill "$(cat /door)"
sleep 1
if [ -n "$(ls /open)" ]; then
  /bin/door
  exit 0
fi
for id in $left; do [ "$id" = "$(hostname)" ] || docker rm -fv "$id"; done
for id in $networks; do docker network rm "$id"; done
kill 1
SESSION
  cat >"$root/bin/door" <<'DOOR'
#!/bin/sh
nc -ll -p 8080 -e /bin/session &
echo $! >/door
DOOR
  cat >"$root/bin/reaper" <<'REAPER'
#!/bin/sh
trap 'exit 0' TERM
/bin/door
echo Started
while :; do
  sleep 3600 &
  wait $!
done
REAPER
  chmod +x "$root/bin/door"
  chmod +x "$root/bin/session" "$root/bin/reaper"
  image holdfast/reaper:1 'EXPOSE 8080' 'CMD ["/bin/reaper"]'
  echo 'images: made holdfast/reaper:1'
fi

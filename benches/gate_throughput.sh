#!/bin/bash
# The throughput of the gate with programs as they are installed: nginx has a blob of 512 MiB over TLS, and curl fetches it
# directly, through tunnels of the gate and of squid, and through the gate's endpoint and nginx as a reverse proxy. Rounds
# take turns, since the machine may be busy otherwise. Prints medians: MiB/s, the share of the direct fetch in the same
# round, and the seconds of processor time of curl, of the server, and of what is between them.
#
# benches/gate_throughput.sh target/release/pullgate [ROUNDS]
set -eu
gate=$(realpath "$1") rounds=${2:-9}
export PATH=$PATH:/usr/sbin
here=$(mktemp -d)
trap 'kill $(jobs -p) 2> /dev/null; wait; rm -rf "$here" /dev/shm/pullgate-bench-$$' EXIT
cd "$here"
key="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
openssl req -x509 $key -keyout ca.key -out ca.pem -days 9 -subj /CN=authority 2> /dev/null
openssl req $key -keyout server.key -out server.csr -subj /CN=localhost 2> /dev/null
echo "subjectAltName=IP:127.0.0.1,DNS:localhost" > names
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 9 -extfile names -out server.pem 2> /dev/null

files=/dev/shm/pullgate-bench-$$ registry=127.0.0.1:19443
mkdir -p $files/v2/app/blobs
head -c 512M /dev/urandom > $files/blob
blob=v2/app/blobs/sha256:$(sha256sum < $files/blob | cut -d ' ' -f 1)
mv $files/blob $files/$blob
temporary=$(for kind in client_body proxy fastcgi uwsgi scgi; do echo "${kind}_temp_path $here/$kind;"; done)
head="daemon off; worker_processes 1; master_process off; error_log $here/nginx.log; events {}"
cat > server.conf << CONF
$head pid $here/server.pid; http { access_log off; $temporary output_buffers 2 512k;
server { listen $registry ssl; ssl_certificate $here/server.pem; ssl_certificate_key $here/server.key; root $files; } }
CONF
cat > proxy.conf << CONF
$head pid $here/proxy.pid; http { access_log off; $temporary
server { listen 127.0.0.1:19080; location / { proxy_pass https://$registry; proxy_http_version 1.1; proxy_buffering off;
proxy_ssl_verify on; proxy_ssl_name localhost; proxy_ssl_trusted_certificate $here/ca.pem; } } }
CONF
cat > squid.conf << CONF
http_port 127.0.0.1:19128
http_access allow all
pid_filename none
cache_log /dev/null
access_log none
cache deny all
shutdown_lifetime 0 seconds
CONF
python3 -c "import json; print(json.dumps({'whitelist': ['$registry'],
    'certificate_authorities': [{'pem': open('ca.pem').read()}]}))" > policy.json
nginx -p . -c "$here/server.conf" 2> /dev/null & server=$!
nginx -p . -c "$here/proxy.conf" 2> /dev/null & proxy=$!
squid -N -n pullgatebench$$ -f squid.conf > /dev/null 2>&1 & squid=$!
"$gate" serve --no-dns --listen "unix:$here/api.sock" --gate 127.0.0.1:19733 --policy policy.json --audit off \
    > gate.log 2>&1 & gate=$!
sleep 3

# Fetches by curl, and writes what it took: NAME PROCESS ARGUMENTS...
fetch() {
    name=$1 between=$2
    shift 2
    cat /proc/$server/stat /proc/$between/stat > before
    TIMEFORMAT='%U %S'
    { time curl --silent --fail --cacert ca.pem --output /dev/null --write-out '%{speed_download} ' "$@" > speed; } 2> own
    echo "$name $(cat speed own | tr '\n' ' ') $(cat before /proc/$server/stat /proc/$between/stat |
        awk '{ time[NR] = $14 + $15 } END { print (time[3] - time[1]) / 100, (time[4] - time[2]) / 100 }')" >> results
}

for round in $(seq 0 "$rounds"); do
    fetch direct $server https://$registry/$blob
    fetch gate-tunnel $gate --proxy http://127.0.0.1:19733 https://$registry/$blob
    fetch squid-tunnel $squid --proxy http://127.0.0.1:19128 https://$registry/$blob
    fetch gate-pull $gate "http://127.0.0.1:19733/$blob?ns=$registry"
    fetch nginx-pull $proxy http://127.0.0.1:19080/$blob
    # The first round opens what is opened once.
    [ "$round" -gt 0 ] || rm results
done
python3 - << 'PYTHON'
from statistics import median
rows = {}
for line in open("results"):
    name, *numbers = line.split()
    rows.setdefault(name, []).append([float(number) for number in numbers])
direct = [row[0] for row in rows["direct"]]
print(f"{'':14}{'MiB/s':>7}{'share':>7}{'curl':>7}{'server':>7}{'between':>8}")
for name, row in rows.items():
    speed = median(each[0] for each in row) / (1 << 20)
    share = median(each[0] / other for each, other in zip(row, direct))
    curl, server, between = (median(each) for each in zip(*((one[1] + one[2], one[3], one[4]) for one in row)))
    between = "" if name == "direct" else f"{between:8.2f}"
    print(f"{name:14}{speed:7.0f}{share:7.2f}{curl:7.2f}{server:7.2f}{between}")
PYTHON

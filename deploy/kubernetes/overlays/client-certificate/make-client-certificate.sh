#!/bin/sh
# Makes the API server's client certificate for the webhook with OpenSSL 3.
#
#   client-ca.key, client-ca.crt  an authority for this one client, for ten years; made once, and kept
#   client.key, client.crt        the API server's certificate, for one year; new with every run
#
# client.key and client.crt go to every control plane node: see admission-configuration.yaml here.
set -eu
umask 077
cd "$(dirname "$0")"

if [ ! -f client-ca.key ]; then
  openssl ecparam -name prime256v1 -genkey -noout -out client-ca.key
  openssl req -x509 -new -key client-ca.key -sha256 -days 3650 -out client-ca.crt -subj "/CN=pullgate client CA" \
    -addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign,cRLSign"
fi

openssl ecparam -name prime256v1 -genkey -noout -out client.key
openssl req -new -key client.key -subj "/CN=kube-apiserver" |
  openssl x509 -req -CA client-ca.crt -CAkey client-ca.key -sha256 -days 365 -out client.crt -extfile /dev/fd/3 3<<END
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=clientAuth
END
echo "made client.crt and client.key: put them on the control plane nodes, and apply with 'kubectl apply -k .'"

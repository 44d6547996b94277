#!/bin/sh
# Makes the webhook's certificate with OpenSSL 3, and tells the webhook's configuration of its CA.
#
#   ca.key, ca.crt    a CA for this one service, for ten years; made once, and kept
#   tls.key, tls.crt  the certificate of the service, for one year; new with every run
#   ca-bundle.yaml    the CA, where the API server looks for it
#
# To renew: run it again, and apply the overlay again. The replicas read the new certificate within a minute or two. As
# long as ca.key stays where it is, both the old and the new certificate are good meanwhile.
set -eu
umask 077
cd "$(dirname "$0")"

service=pullgate.pullgate-system.svc

if [ ! -f ca.key ]; then
  openssl ecparam -name prime256v1 -genkey -noout -out ca.key
  openssl req -x509 -new -key ca.key -sha256 -days 3650 -out ca.crt -subj "/CN=pullgate webhook CA" \
    -addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign,cRLSign"
fi

openssl ecparam -name prime256v1 -genkey -noout -out tls.key
openssl req -new -key tls.key -subj "/CN=$service" |
  openssl x509 -req -CA ca.crt -CAkey ca.key -sha256 -days 365 -out tls.crt -extfile /dev/fd/3 3<<END
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=serverAuth
subjectAltName=DNS:$service,DNS:$service.cluster.local
END

cat > ca-bundle.yaml <<END
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata:
  name: pullgate
webhooks:
  - name: images.pullgate.internal
    clientConfig:
      caBundle: $(openssl base64 -A -in ca.crt)
END
echo "made tls.crt and tls.key for $service, and ca-bundle.yaml: apply with 'kubectl apply -k .'"

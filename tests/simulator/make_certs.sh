#!/bin/sh
# Makes certificates for tests: make_certs.sh DIRECTORY
#   ca.pem         the authority to trust
#   good.pem       for 127.0.0.1 and localhost
#   expired.pem    the same, over since 2021
#   tenant.pem     for acme.ghe.com and its services
#   wrong_name.pem for another host
#   untrusted.pem  for 127.0.0.1, signed by itself
# Each NAME.pem has its NAME.key beside it. Needs openssl.
set -eu

if [ $# -ne 1 ]; then
  echo "usage: $0 DIRECTORY" >&2
  exit 2
fi
mkdir -p "$1"
cd "$1"
umask 077

local_names='subjectAltName=IP:127.0.0.1,DNS:localhost'

new_key() {
  openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"
}

# sign NAME SUBJECT_ALT_NAME START END (times as YYYYMMDDHHMMSSZ, or empty for now and ten years)
sign() {
  new_key "$1"
  openssl req -new -key "$1.key" -subj "/CN=$1.jumpseat.test" -out "$1.csr"
  : > index.txt
  printf '%s\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n' "$2" > "$1.ext"
  if [ -n "$3" ]; then
    dates="-startdate $3 -enddate $4"
  else
    dates='-days 3650'
  fi
  # shellcheck disable=SC2086
  openssl ca -batch -config ca.cnf -in "$1.csr" -out "$1.pem" -extfile "$1.ext" -notext $dates \
    2> ca.log || { cat ca.log >&2; exit 1; }
  rm -f "$1.csr" "$1.ext"
}

mkdir -p issued
cat > ca.cnf <<'CONFIG'
[ca]
default_ca = tests
[tests]
database = index.txt
new_certs_dir = issued
certificate = ca.pem
private_key = ca.key
default_md = sha256
rand_serial = yes
unique_subject = no
policy = anything
[anything]
commonName = supplied
CONFIG

new_key ca
openssl req -x509 -new -key ca.key -subj '/CN=Jumpseat test authority' -days 3650 -out ca.pem \
  -addext 'basicConstraints=critical,CA:TRUE' -addext 'keyUsage=critical,keyCertSign,cRLSign'

sign good "$local_names" '' ''
sign expired "$local_names" 20200101000000Z 20210101000000Z
sign tenant 'subjectAltName=DNS:acme.ghe.com,DNS:api.acme.ghe.com,DNS:copilot-api.acme.ghe.com' '' ''
sign wrong_name 'subjectAltName=DNS:elsewhere.example' '' ''

new_key untrusted
openssl req -x509 -new -key untrusted.key -subj '/CN=untrusted.jumpseat.test' -days 3650 \
  -out untrusted.pem -addext "$local_names"

rm -rf issued ca.cnf ca.log index.txt*

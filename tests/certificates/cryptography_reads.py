"""Says of every file in a folder which certificates Python's cryptography reads in it: one line of JSON for each."""

import json
import pathlib
import sys
import warnings

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

# It warns of serial numbers and the like, and reads them all the same.
warnings.simplefilter("ignore")


def certificates(data):
    if b"-----BEGIN" in data:
        return x509.load_pem_x509_certificates(data)
    return [x509.load_der_x509_certificate(data)]


folder = pathlib.Path(sys.argv[1])
for path in sorted(path for path in folder.rglob("*") if path.is_file()):
    said = {"file": path.relative_to(folder).as_posix(), "certificates": [], "error": None}
    try:
        said["certificates"] = [read.fingerprint(SHA256()).hex() for read in certificates(path.read_bytes())]
    except Exception as error:  # Whatever it says of a file that is damaged on purpose.
        said["error"] = f"{type(error).__name__}: {error}".splitlines()[0]
    print(json.dumps(said))

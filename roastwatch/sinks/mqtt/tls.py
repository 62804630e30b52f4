"""Encrypted connections to a broker, and explanations of certificate errors."""

import ssl

from roastwatch.errors import LostError
from roastwatch.sinks.mqtt.options import MqttOptions

# The numbers of OpenSSL's x509_vfy.h.
_NOT_YET_VALID, _EXPIRED = 9, 10
_UNTRUSTED = (2, 18, 19, 20, 21)
_WRONG_NAME = (62, 64)
_FORMALITIES = range(79, 96)
"""Errors of VERIFY_X509_STRICT alone: missing fields of RFC 5280, not missing trust."""


def tls_context(options: MqttOptions) -> ssl.SSLContext | None:
    """How to verify the broker and identify ourselves; None without encryption.

    Raises:
        LostError: a certificate or key can't be used.
    """
    if not options.tls:
        return None
    try:
        context = ssl.create_default_context(cafile=options.ca_file)
        if options.client_cert_file:
            # A key that needs a password fails with this one; without it OpenSSL would ask the
            # terminal, and wait.
            context.load_cert_chain(options.client_cert_file, options.client_key_file, "")
    except OSError as error:  # an SSLError is one too
        raise LostError(
            f"The certificates for MQTT can't be used ({error}): check ca_file, client_cert_file "
            "and client_key_file."
        ) from error
    if not options.tls_strict:
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def tls_problem(error: BaseException, options: MqttOptions) -> str | None:
    """A sentence on why an encrypted connection failed; None if TLS is not the reason."""
    if not options.tls:
        return None
    place = f"The MQTT broker at {options.host}:{options.port}"
    found = _cause(error)
    if isinstance(found, ssl.SSLCertVerificationError):
        code, reason = found.verify_code, found.verify_message
        if code in _FORMALITIES:
            return (
                f"{place} shows a certificate that does not follow RFC 5280 strictly ({reason}), "
                "as those made by Mosquitto's manual don't: make authority and certificate anew "
                "with their extensions (docs/how-to/home-assistant.md), or set "
                "`tls_strict: false`, which leaves only this out and still verifies who it is."
            )
        if code in _UNTRUSTED:
            which = f"of {options.ca_file}" if options.ca_file else "that this system knows"
            return (
                f"{place} shows a certificate that no authority {which} has signed ({reason}): "
                "set ca_file to the authority that signed it."
            )
        if code in _WRONG_NAME:
            return (
                f"{place} shows a certificate for another name ({reason}): set host to a name in "
                "the certificate, or make one with this name as its subjectAltName."
            )
        if code in (_EXPIRED, _NOT_YET_VALID):
            return (
                f"{place} shows a certificate that is not valid now ({reason}): renew it, or check "
                "this machine's clock."
            )
        return f"{place} shows a certificate that is not accepted ({reason}): replace it."
    if isinstance(found, ssl.SSLError):
        reason = (found.reason or str(found)).replace("_", " ").lower()
        if "wrong version" in reason or "unexpected eof" in reason or "record layer" in reason:
            return _no_tls(place, reason)
        return (
            f"{place} refuses the encrypted connection ({reason}): does it ask for a certificate "
            "(client_cert_file and client_key_file)?"
        )
    return _no_tls(place, "connection reset") if found else None


def _no_tls(place: str, reason: str) -> str:
    return f"{place} does not speak TLS on this port ({reason}): 8883 is usual with TLS."


def _cause(error: BaseException | None) -> ssl.SSLError | ConnectionResetError | None:
    """The TLS error behind an error; aiomqtt hides it behind its own."""
    seen = 0
    while error is not None and seen < 10:
        if isinstance(error, ssl.SSLError | ConnectionResetError):
            return error
        error, seen = error.__cause__ or error.__context__, seen + 1
    return None

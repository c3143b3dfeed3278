#!/usr/bin/env python3
"""Verifies a journal of Conclave, or an excerpt of one, with Python's standard library and the openssl command.

Written from FORMAT.md, not from the product's programs, so that two readers of one text check each other. Nothing that
the file brings is believed: the log's id, its identity key and the root certificate come from the command line, from the
site card that people compared on paper. What is checked: the one spelling of every byte, the Merkle tree, the log's
signatures, its rolled keys, every author's signature, every certificate's path, order, numbers and times.
What is NOT judged: who was allowed to do what, save in a whole journal for the acts that the log itself hangs on:
successions, what a log continues, its time set back, and who admits, suspends and revokes officers. The rest follows from
the product's rules (`conclave-audit verify`).

Ends with 0 verified and anchored; 1 not read, because it is no such file; 2 invalid; 3 two heads contradict each other;
4 consistent, not compared with a head from outside; 5 incomplete, and for every selection: it proves presence, not
completeness; 64 wrong command line; 69 openssl is missing; 74 the file cannot be read; 130 stopped.
"""
import argparse
import base64
import binascii
import bisect
import concurrent.futures
import datetime
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile

YES, INVALID, DIVERGED, UNANCHORED, INCOMPLETE, USAGE, MISSING, IO, STOPPED = 0, 2, 3, 4, 5, 64, 69, 74, 130
ENTRY_MAX, NOTE_MAX, NOTES_MAX, LINES_MAX = 60 * 1024, 128 * 1024, 16, 16
ASKED_MAX, ASKED_BYTES_MAX, LINKS_MAX, PROOF_MAX = 64, 1040, 16, 64 << 20
TREE_MAX, DEPTH_MAX, CHUNK = 1 << 63, 16, 512
HOUR_MS, DAY_MS = 3600000, 86400000
TRACES_MAX, GIVEN_UP_MAX, CELLS_MAX, SUCCESSIONS_MAX, PLAN_GOOD_MS = 16, 256, 2, 32, 30 * DAY_MS
CLOCK_SETS_MAX, CLOCK_BACK_MS_MAX, CLOCK_DRIFT, OFFICERS_MAX = 64, 3653 * DAY_MS, 288, 64
ZERO = bytes(32)


class Bad(Exception):
    """A judgement against: exit code, words, the first bad index if it is an entry's."""

    def __init__(self, why, code=INVALID, index=None, name=None):
        super().__init__(why)
        self.why, self.code, self.index, self.name = why, code, index, name


def sha(*parts):
    h = hashlib.sha256()
    for part in parts:
        h.update(part)
    return h.digest()


# --- Canonical CBOR (FORMAT 1) -----------------------------------------------------------------------------------------

def cbor(data):
    """The one value that these bytes spell; an int, bytes, str, bool, None or list."""
    value, at = _item(data, 0, 0)
    if at != len(data):
        raise Bad("bytes after the value")
    return value


def _item(data, at, depth):
    if depth > DEPTH_MAX or at >= len(data):
        raise Bad("not canonical CBOR")
    major, low = data[at] >> 5, data[at] & 31
    at += 1
    if major == 7:
        if low in (20, 21, 22):
            return {20: False, 21: True, 22: None}[low], at
        raise Bad("not canonical CBOR: a float, a break or an unknown simple value")
    if low < 24:
        number = low
    elif low < 28:
        size = 1 << (low - 24)
        if at + size > len(data):
            raise Bad("not canonical CBOR: cut off")
        number = int.from_bytes(data[at:at + size], "big")
        at += size
        if number < (24, 1 << 8, 1 << 16, 1 << 32)[low - 24]:
            raise Bad("not canonical CBOR: a head that is longer than needed")
    else:
        raise Bad("not canonical CBOR: an indefinite length")
    if major == 0:
        return number, at
    if major in (2, 3):
        if at + number > len(data):
            raise Bad("not canonical CBOR: cut off")
        raw = bytes(data[at:at + number])
        if major == 2:
            return raw, at + number
        try:
            return raw.decode("utf-8"), at + number
        except UnicodeDecodeError:
            raise Bad("not canonical CBOR: text that is no UTF-8") from None
    if major == 4:
        if number > len(data) - at:
            raise Bad("not canonical CBOR: cut off")
        items = []
        for _ in range(number):
            value, at = _item(data, at, depth + 1)
            items.append(value)
        if items and items[-1] is None:
            raise Bad("not canonical CBOR: a null ends an array")
        return items, at
    raise Bad("not canonical CBOR: a negative number, a map or a tag")


def shape(value, form, what):
    """Checks a value: u unsigned, h 32 bytes, b bytes, t text, B bool, a array, * anything, trailing ? may be null or
    left out; a tuple is an array of such fields, a list of one form any number of those."""
    if isinstance(form, tuple):
        if not isinstance(value, list) or len(value) > len(form):
            raise Bad(f"{what}: not the fields that belong here")
        for i, part in enumerate(form):
            if i < len(value):
                shape(value[i], part, what)
            elif not (isinstance(part, str) and part.endswith("?")):
                raise Bad(f"{what}: a field is missing")
        return
    if isinstance(form, list):
        if not isinstance(value, list):
            raise Bad(f"{what}: not a list")
        for item in value:
            shape(item, form[0], what)
        return
    if value is None and form.endswith("?"):
        return
    kind = form[0]
    fits = {
        "u": lambda: type(value) is int and value < 1 << 64,
        "h": lambda: type(value) is bytes and len(value) == 32,
        "b": lambda: type(value) is bytes,
        "t": lambda: type(value) is str,
        "B": lambda: type(value) is bool,
        "a": lambda: type(value) is list,
        "*": lambda: True,
    }[kind]
    if not fits():
        raise Bad(f"{what}: a field is not of its kind")


# --- Statements, Facts, entries (FORMAT 3 and 4) -----------------------------------------------------------------------

HEAD = ("u", "h")
CLAIM = ("b", "h", "u")
# number: name, fields
KINDS = {
    1: ("genesis", ("t", "u", "b", "b", "h", ["h"], "u", "a", "u")),
    2: ("submit", ("u", "h")), 3: ("propose", ("b",)), 4: ("approve", ("u",)), 5: ("withdraw", ("u",)),
    6: ("succession", ("u", HEAD, [("u", "u", "h?")], "B", "u", "u", "B", "u", "u", "B", [("u", "u")], ["b"])),
    7: ("continues", ("h", "u", "h", "u", HEAD, "b")),
    10: ("login", ("h", "h", "h", "B")), 11: ("logout", ()), 12: ("set-password", ()),
    20: ("enrol", ("b", "b")), 21: ("revoke", ("u", "u", "t")), 22: ("crl", ("b",)), 23: ("crl-part", ("u", "u", "h", "b")),
    24: ("envelope-print", ("u", "u", "u", "h")), 25: ("envelope-hand-over", ("u",)), 26: ("envelope-void", ("u",)),
    28: ("suspend", ("u",)), 29: ("resume", ("u",)), 30: ("unlock", ("u",)), 31: ("end-session", ("u", "h")),
    32: ("hold", ("a", "a", "u")), 33: ("clock-attest", ("u",)), 34: ("alarm-acknowledge", ("u",)),
    35: ("alarm-close", ("u", "u")),
    40: ("create", ("b", "u", "u", "u", ["u"])), 41: ("invite", ("h", "h", "u")), 42: ("accept", ("h", "h")),
    43: ("leave", ("h",)), 44: ("remove", ("h", "h", "u")), 45: ("hand-over", ("h", "h", "u")),
    46: ("epoch", ("h", "u", "h", "h", CLAIM)), 47: ("share-history", ("h", "u", "u", "u", CLAIM)),
    48: ("bad-wrap", ("h", "u")), 49: ("title", ("h", "u", "h", "u")),
    60: ("reserve", ("b", "h", "u", "u", "u")),
    61: ("message", ("h", "u", "u?", "h", "u", "u", "u", "B", "u", "a?")),
    62: ("read", ("h", "u")), 63: ("acknowledge", ("u",)), 64: ("report", ("u", "u")), 65: ("disclose", ("u",)), 70: ("erase", ("a",)), 71: ("object", ("u",)),
    80: ("export", ("u", "u")), 81: ("backup", ("u", "u", "u", "h", "h")), 82: ("finding", ("u", "u", "u")),
}
FACTS = {
    1: ("start", ("b", "u", "t", "u", "u", "u")), 2: ("stop", ()), 3: ("session-end", ("h", "u")),
    4: ("clock-step", ("u", "u")), 5: ("failed-login", ("u", "h", "u", "u")), 6: ("tick", ()),
    7: ("erased", ("u", "u")), 8: ("key-roll", ("u", "u", "b", "b")), 9: ("alarm", ("u", "u?", "b")),
    10: ("period-end", ("u", [("u", "u")], "h")), 11: ("retention-run", ("u", "u", "B", "u", ["u"], "u")),
}
HEADER = ("u", "u", "h", "u", "h", "h", "u", "u", "h", HEAD)
START, STOP, SESSION_END, KEY_ROLL, PERIOD_END = 1, 2, 3, 8, 10
GENESIS, SUBMIT, SUCCESSION, LOGIN, LOGOUT, ENROL, REVOKE, CRL, MESSAGE, TITLE = 1, 2, 6, 10, 11, 20, 21, 22, 61, 49
CRL_PART, PROPOSE, APPROVE, WITHDRAW, CONTINUES, SUSPEND, RESUME = 23, 3, 4, 5, 7, 28, 29
# On these the rest of what is judged here hangs: who is an officer, and what the time is.
OFFICERS_ACTS = (PROPOSE, APPROVE, REVOKE, SUSPEND, RESUME)
# What two officers decide: number, fields behind it
POLICY, ADMIT, SET_CLOCK, CLOSE = 1, 2, 6, 7
DUAL = {1: ("u", "a"), 2: ("u", "h"), 3: ("u", "a"), 4: ("u", "u"), 5: ("u", "b"), 6: ("u", "u"), 7: ("u", ("h", "u"))}


class Entry:
    """One entry, read whole: `kind` is a statement's number, or 1000 + a Fact's."""

    def __init__(self, raw):
        if len(raw) > ENTRY_MAX:
            raise Bad("longer than an entry may be")
        if len(raw) > 1 and 1 < raw[1] < 24:
            raise Bad("written by a newer version")
        value = cbor(raw)
        shape(value, ("u", "u", "u", "a"), "the entry")
        version, self.wall_ms, self.boot_ms, content = value
        if version != 1:
            raise Bad("not an entry of version 1")
        self.leaf = sha(b"\0", raw)
        self.header = self.signed = self.signature = self.id = None
        if content[:1] == [0]:
            shape(content, ("u", ("b", "b")), "the statement")
            self._statement(*content[1])
        elif content[:1] == [1]:
            shape(content, ("u", "a"), "the Fact")
            self.kind, self.name, self.fields = choice(content[1], FACTS, "Fact")
            self.kind += 1000
        else:
            raise Bad("neither statement nor Fact")

    def _statement(self, statement, signature):
        if len(statement) > 2 and 1 < statement[2] < 24:
            raise Bad("its statement was written by a newer version")
        value = cbor(statement)
        shape(value, ("a", "a"), "the statement")
        shape(value[0], HEADER, "the header")
        if value[0][0] != 1:
            raise Bad("not a statement of version 1")
        self.header = Header(value[0])
        self.kind, self.name, self.fields = choice(value[1], KINDS, "statement")
        if self.kind == SUCCESSION:
            succession_words(*self.fields)
        self.signed = context(self.name) + statement
        self.signature = signature
        self.id = sha(self.signed)


class Header:
    def __init__(self, fields):
        (_, self.suite, self.log, self.person, self.certificate, self.chain, self.sequence, self.attempt,
         self.previous, (self.size, self.root)) = fields


def choice(value, table, what):
    shape(value, ("u", "a"), what)
    number, fields = value
    if number not in table:
        raise Bad(f"{what} of kind {number}, which this program does not know")
    name, form = table[number]
    shape(fields, form, name)
    return number, name, fields


def succession_words(era, kept, lost, bodies, cause, _time_ms, period_key, _missing, passwords, let_go, given_up, cells):
    """What a succession says must be possible by itself."""
    if not 1 <= era < 1 << 32:
        raise Bad("a succession that begins no era")
    if not 1 <= len(lost) <= TRACES_MAX or any(not 1 <= trace[0] <= 4 for trace in lost):
        raise Bad("a succession that does not say from where the loss is known")
    if not 1 <= cause <= 4 or not 1 <= passwords <= 3:
        raise Bad("a succession of a cause, or about passwords, that there is not")
    if bodies and (given_up or not period_key):
        raise Bad("a succession that loses all bodies and keeps the period key, or names some of them")
    behind = 0
    for first, last in given_up:
        if not behind <= first <= last < kept[0]:
            raise Bad("what a succession gives up is not in order, touches, or is not kept")
        behind = last + 2
    if len(given_up) > GIVEN_UP_MAX or any(len(cell) != 8 for cell in cells):
        raise Bad("a succession that names too much, or a cell by what is no name")
    if len(cells) > (CELLS_MAX if let_go else 0):
        raise Bad("a succession that names cells which are not let go of")


def context(name):
    return b" " * 64 + b"conclave/1 " + name.encode() + b"\0"


# --- Ed25519 (RFC 8032), cofactorless, strict --------------------------------------------------------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_M1 = pow(2, (P - 1) // 4, P)


def recover_x(y, sign):
    xx = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(xx, (P + 3) // 8, P)
    if x * x % P != xx:
        x = x * ROOT_M1 % P
    if x * x % P != xx or (x == 0 and sign):
        return None
    return P - x if x & 1 != sign else x


def point_add(a, b):
    x1, y1, z1, t1 = a
    x2, y2, z2, t2 = b
    e, f = (y1 - x1) * (y2 - x2) % P, (y1 + x1) * (y2 + x2) % P
    c, d = 2 * t1 * t2 * D % P, 2 * z1 * z2 % P
    g, h, i, j = f - e, d - c, d + c, f + e
    return g * h % P, i * j % P, h * i % P, g * j % P


NEUTRAL = (0, 1, 1, 0)


class Comb:
    """Multiples of one point, so that a product costs 64 additions: sixteen of each 16th power."""

    def __init__(self, point):
        self.rows = []
        for _ in range(64):
            row = [NEUTRAL]
            for _ in range(15):
                row.append(point_add(row[-1], point))
            self.rows.append(row)
            point = point_add(row[-1], point)

    def times(self, number):
        out = NEUTRAL
        for row in self.rows:
            if number & 15:
                out = point_add(out, row[number & 15])
            number >>= 4
        return out


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE_X = recover_x(BASE_Y, 0)
_base = []


def base():
    if not _base:
        _base.append(Comb((BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)))
    return _base[0]


def times(point, number):
    out = NEUTRAL
    for bit in bin(number)[2:]:
        out = point_add(out, out)
        if bit == "1":
            out = point_add(out, point)
    return out


class Ed25519:
    """A public key: canonical and not of small order, or `Bad`."""

    suite = 1

    def __init__(self, raw):
        y = int.from_bytes(raw, "little")
        sign, y = y >> 255, y & ((1 << 255) - 1)
        x = recover_x(y, sign) if y < P else None
        if len(raw) != 32 or x is None:
            raise Bad("an Ed25519 key that is not canonical")
        point = (x, y, 1, x * y % P)
        eight = times(point, 8)
        if eight[0] % P == 0 and (eight[1] - eight[2]) % P == 0:
            raise Bad("an Ed25519 key of small order")
        self.raw = raw
        self.minus = (P - x if x else 0, y, 1, (P - x) * y % P)
        self.comb, self.used = None, 0

    def verify(self, message, signature):
        if len(signature) != 64:
            return False
        s = int.from_bytes(signature[32:], "little")
        if s >= L:
            return False
        k = int.from_bytes(hashlib.sha512(signature[:32] + self.raw + message).digest(), "little") % L
        self.used += 1
        # A table costs as much as five products without one.
        if self.comb is None and self.used > 4:
            self.comb = Comb(self.minus)
        second = self.comb.times(k) if self.comb else times(self.minus, k)
        x, y, z, _ = point_add(base().times(s), second)
        inverse = pow(z, P - 2, P)
        x, y = x * inverse % P, y * inverse % P
        return (y | (x & 1) << 255).to_bytes(32, "little") == signature[:32]


# --- ECDSA P-256 through openssl ---------------------------------------------------------------------------------------

Q = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def der_integer(number):
    raw = number.to_bytes(number.bit_length() // 8 + 1, "big")
    return bytes([2, len(raw)]) + raw


def der_signature(r, s):
    body = der_integer(r) + der_integer(s)
    return bytes([0x30, len(body)]) + body


class P256:
    """A public key; signatures are r‖s with 0 < r, s < n and low s."""

    suite = 2

    def __init__(self, spki):
        self.spki = spki
        done = openssl(["pkey", "-pubin", "-inform", "DER", "-noout", "-pubcheck"], spki)
        if done.returncode != 0:
            raise Bad("a P-256 key that is no point of the curve")

    def verify(self, message, signature, low=True):
        if len(signature) != 64:
            return False
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        if not (0 < r < Q and 0 < s <= (Q // 2 if low else Q - 1)):
            return False
        with tempfile.TemporaryDirectory() as place:
            put = lambda name, data: write(os.path.join(place, name), data)
            key, sig, text = put("key", pem("PUBLIC KEY", self.spki)), put("sig", der_signature(r, s)), put("text", message)
            done = openssl(["dgst", "-sha256", "-verify", key, "-signature", sig, text])
        return done.returncode == 0

    def verify_der(self, message, signature, low=True):
        try:
            r, s = (integer(part) for part in children(signature, 0x30))
            # One spelling: what we would write.
            if der_signature(r, s) != signature:
                return False
            return self.verify(message, r.to_bytes(32, "big") + s.to_bytes(32, "big"), low)
        except (Bad, ValueError, OverflowError):
            return False


def openssl(words, data=None):
    try:
        return subprocess.run(["openssl"] + words, input=data, capture_output=True, check=False)
    except OSError as error:
        raise Bad(f"openssl is needed: {error}", MISSING) from None


def write(path, data):
    with open(path, "wb") as out:
        out.write(data)
    return path


def pem(label, der):
    text = base64.b64encode(der).decode()
    lines = "\n".join(text[i:i + 64] for i in range(0, len(text), 64))
    return f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n".encode()


# --- DER, keys and certificates (FORMAT 10, RFC 5280) ------------------------------------------------------------------

def der(data, at=0):
    """Tag, whole and content of the next value, and where it ends."""
    if at + 2 > len(data):
        raise Bad("not DER")
    tag, length, start = data[at], data[at + 1], at + 2
    if length > 0x80:
        count = length & 0x7F
        length = int.from_bytes(data[start:start + count], "big")
        start += count
        if count > 4 or length < 0x80:
            raise Bad("not DER")
    elif length == 0x80:
        raise Bad("not DER")
    end = start + length
    if end > len(data):
        raise Bad("not DER")
    return tag, data[at:end], data[start:end], end


def children(data, tag=None):
    found, _, content, end = der(data)
    if end != len(data) or (tag is not None and found != tag):
        raise Bad("not DER")
    out, at = [], 0
    while at < len(content):
        _, whole, _, at = der(content, at)
        out.append(whole)
    return out


def content(data, tag=None):
    found, _, inner, _ = der(data)
    if tag is not None and found != tag:
        raise Bad("not DER")
    return inner


def integer(data):
    raw = content(data, 2)
    if not raw or raw[0] & 0x80 or (len(raw) > 1 and raw[0] == 0 and not raw[1] & 0x80):
        raise Bad("not a positive number")
    return int.from_bytes(raw, "big")


ED25519_SPKI = bytes.fromhex("302a300506032b6570032100")
P256_SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")
SERIAL_NUMBER, KEY_USAGE, BASIC = b"\x06\x03\x55\x04\x05", b"\x06\x03\x55\x1d\x0f", b"\x06\x03\x55\x1d\x13"
# Extended key usages 2.25.1923840517.1.n: the roles of an officer, and of those who talk, operators and bots.
EXTENDED_USAGE, OFFICER = b"\x06\x03\x55\x1d\x25", bytes.fromhex("0608698795adf4050104")
TALKERS = {bytes.fromhex("0608698795adf4050103"), bytes.fromhex("0608698795adf4050107")}
_keys = {}


def public_key(spki):
    """The key of a SubjectPublicKeyInfo; made once, because tables are kept with it."""
    if spki not in _keys:
        if len(spki) == 44 and spki.startswith(ED25519_SPKI):
            _keys[spki] = Ed25519(spki[12:])
        elif len(spki) == 91 and spki.startswith(P256_SPKI) and spki[26] == 4:
            _keys[spki] = P256(spki)
        else:
            raise Bad("a key of a kind that is not ours")
    return _keys[spki]


def moment(data):
    tag, _, text, _ = der(data)
    form = {0x17: "%y%m%d%H%M%SZ", 0x18: "%Y%m%d%H%M%SZ"}.get(tag)
    try:
        found = datetime.datetime.strptime(text.decode("ascii"), form or "")
    except ValueError:
        raise Bad("not a time") from None
    # RFC 5280 4.1.2.5.1: two digits from 50 on are of the last century.
    if tag == 0x17:
        found = found.replace(year=1900 + found.year % 100 if found.year % 100 >= 50 else 2000 + found.year % 100)
    return int(found.replace(tzinfo=datetime.timezone.utc).timestamp())


class Certificate:
    def __init__(self, raw):
        self.der = raw
        self.id = sha(raw)
        self.tbs, _, self.bits = children(raw, 0x30)
        parts = children(self.tbs, 0x30)
        if parts[0][0] != 0xA0:
            raise Bad("a certificate that is not of version 3")
        self.serial, self.issuer, self.subject, self.spki = parts[1], parts[3], parts[5], parts[6]
        integer(self.serial)
        self.first, self.last = (moment(part) for part in children(parts[4], 0x30))
        self.person = self._person()
        self.is_ca, self.signs, self.is_officers, self.talks = False, False, False, False
        for block in parts[7:]:
            if block[0] == 0xA3:
                self._extensions(children(block)[0])

    def _person(self):
        for one in children(self.subject, 0x30):
            for pair in children(one, 0x31):
                kind, value = children(pair, 0x30)
                if kind == SERIAL_NUMBER:
                    text = content(value).decode("ascii", "replace")
                    if not re.fullmatch("[0-9a-f]{16}", text):
                        raise Bad("a serialNumber that is no person's")
                    return int(text, 16)
        return None

    def _extensions(self, block):
        for one in children(block, 0x30):
            parts = children(one, 0x30)
            if parts[0] == KEY_USAGE:
                bits = content(content(parts[-1], 4), 3)
                self.signs = len(bits) > 1 and bool(bits[1] & 0x80)
            if parts[0] == EXTENDED_USAGE:
                usages = children(content(parts[-1], 4), 0x30)
                self.is_officers, self.talks = OFFICER in usages, not TALKERS.isdisjoint(usages)
            if parts[0] == BASIC:
                inner = children(content(parts[-1], 4), 0x30)
                self.is_ca = inner[:1] == [b"\x01\x01\xff"]

    def key(self):
        return public_key(self.spki)

    def holds_at(self, wall_ms):
        return self.first <= wall_ms // 1000 <= self.last


def pem_certificates(path):
    text = read(path).decode("ascii", "replace")
    blocks = re.findall("-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", text, re.S)
    try:
        return [base64.b64decode("".join(block.split()), validate=True) for block in blocks]
    except (binascii.Error, ValueError):
        raise Bad(f"{path} holds no certificates", USAGE) from None


def check_path(leaf, issuing, root, at):
    """The path by stock openssl, at a time: for it a certificate's last second is over, by RFC 5280 4.1.2.5 it is not."""
    at -= at in {Certificate(raw).last for raw in (leaf, issuing, root) if raw is not None}
    with tempfile.TemporaryDirectory() as place:
        put = lambda name, cert: write(os.path.join(place, name), pem("CERTIFICATE", cert))
        # Nothing of the system's own store: its authorities are no site's.
        words = ["verify", "-no-CApath", "-no-CAstore", "-attime", str(at), "-CAfile", put("root", root)]
        if issuing is not None:
            words += ["-untrusted", put("issuing", issuing)]
        done = openssl(words + [put("leaf", leaf)])
    if done.returncode != 0:
        last = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()
        raise Bad("a certificate's path does not hold: " + plain(" ".join(last)[:200]))


def revocation_list(raw):
    """Issuer, signed part, signature and serial numbers of a CRL."""
    tbs, _, bits = children(raw, 0x30)
    parts = children(tbs, 0x30)
    # version, algorithm, issuer, this update, [next update], [entries], [extensions]
    serials = set()
    for part in parts[4:]:
        if part[0] == 0x30:
            serials |= {children(row, 0x30)[0] for row in children(part, 0x30)}
    return parts[2], tbs, content(bits, 3)[1:], serials


def signed_by(certificate, message, signature):
    key = certificate.key()
    if key.suite == 2:
        return key.verify_der(message, signature, low=False)
    return key.verify(message, signature)


# --- Notes and checkpoints (C2SP signed-note, tlog-checkpoint; FORMAT 5) -----------------------------------------------

def base64_strict(text):
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if base64.b64encode(raw).decode() == text else None


def decimal(text):
    if re.fullmatch("0|[1-9][0-9]{0,19}", text) and int(text) < 1 << 64:
        return int(text)
    return None


class Checkpoint:
    def __init__(self, raw):
        if len(raw) > NOTE_MAX:
            raise Bad("a note that is too long")
        try:
            note = raw.decode("utf-8")
        except UnicodeDecodeError:
            raise Bad("a note that is no text") from None
        end = note.rfind("\n\n")
        if end < 0:
            raise Bad("a note without signatures")
        self.text, signatures = note[:end + 1], note[end + 2:]
        if any(c < " " and c != "\n" for c in self.text):
            raise Bad("a note with control characters")
        if not signatures.endswith("\n"):
            raise Bad("a note whose last line does not end")
        lines = signatures[:-1].split("\n")
        if len(lines) > LINES_MAX:
            raise Bad("a note with too many signature lines")
        self.lines = [self._line(line) for line in lines]
        parts = self.text[:-1].split("\n")
        if len(parts) != 3:
            raise Bad("a checkpoint that has not exactly three lines")
        self.origin, size, root = parts[0], decimal(parts[1]), base64_strict(parts[2])
        found = re.fullmatch("conclave/([0-9a-f]{64})(?:/([1-9][0-9]{0,9}))?", self.origin)
        if not found or int(found[2] or 0) >= 1 << 32:
            raise Bad("a checkpoint whose origin names no log")
        if size is None or size > TREE_MAX:
            raise Bad("a checkpoint whose size is no number in its one spelling")
        if root is None or len(root) != 32 or (size == 0 and root != sha()):
            raise Bad("a checkpoint whose root is malformed")
        self.log, self.era, self.size, self.root = bytes.fromhex(found[1]), int(found[2] or 0), size, root

    @staticmethod
    def _line(line):
        parts = line.split(" ")
        if len(parts) != 3 or parts[0] != "\u2014" or not key_name(parts[1]):
            raise Bad("a malformed signature line")
        raw = base64_strict(parts[2])
        if raw is None or len(raw) < 5:
            raise Bad("a malformed signature line")
        return parts[1], raw[:4], raw[4:]

    def signed(self, number, key):
        """Whether this line (from 0) is by this key under the checkpoint's own name."""
        if number >= len(self.lines):
            return False
        name, ident, signature = self.lines[number]
        if name != self.origin or ident != key_id(name, key):
            return False
        text = self.text.encode()
        return key.verify_der(text, signature) if key.suite == 2 else key.verify(text, signature)

    def is_signed_by(self, key):
        """Whether a line is by this key, and every line that claims to be."""
        claimed = [number for number, (name, ident, _) in enumerate(self.lines)
                   if name == self.origin and ident == key_id(name, key)]
        return bool(claimed) and all(self.signed(number, key) for number in claimed)


def key_name(name):
    return bool(name) and not any(c.isspace() or c == "+" or c < " " or c == "\x7f" for c in name)


def key_id(name, key):
    if key.suite == 2:
        return sha(key.spki)[:4]
    return sha(name.encode(), b"\n\x01", key.raw)[:4]


def identity_key(text):
    """A verifier key NAME+ID+BASE64 of type 01; its log and key."""
    parts = text.strip().split("+", 2)
    raw = base64_strict(parts[2]) if len(parts) == 3 else None
    found = re.fullmatch("conclave/([0-9a-f]{64})", parts[0])
    if not found or raw is None or len(raw) != 33 or raw[0] != 1:
        raise Bad("--identity: NAME+ID+BASE64 of an Ed25519 key is needed", USAGE)
    try:
        key = Ed25519(raw[1:])
    except Bad as bad:
        raise Bad(bad.why, USAGE) from None
    if key_id(parts[0], key).hex() != parts[1]:
        raise Bad("--identity: the id does not belong to this key", USAGE)
    return bytes.fromhex(found[1]), key


# --- The Merkle tree (RFC 9162) ----------------------------------------------------------------------------------------

def node(left, right):
    return sha(b"\1", left, right)


def split(size):
    return 1 << ((size - 1).bit_length() - 1)


class Tree:
    """The root after every entry, from the complete subtrees alone."""

    def __init__(self):
        self.parts, self.size = [], 0

    def append(self, leaf):
        self.size += 1
        height = 0
        while self.parts and self.parts[-1][0] == height:
            leaf = node(self.parts.pop()[1], leaf)
            height += 1
        self.parts.append((height, leaf))

    def root(self):
        if not self.parts:
            return sha()
        out = self.parts[-1][1]
        for _, part in reversed(self.parts[:-1]):
            out = node(part, out)
        return out


def multiproof(leaves, size, hashes):
    """The root of `size` leaves from those that are there, ascending by index, and a hash for each subtree without one."""
    hashes = iter(hashes)

    def climb(start, end, some):
        if not some:
            return next(hashes, None)
        if end - start == 1:
            return some[0][1]
        middle = start + split(end - start)
        cut = next((i for i, (index, _) in enumerate(some) if index >= middle), len(some))
        left = climb(start, middle, some[:cut])
        right = climb(middle, end, some[cut:])
        return None if left is None or right is None else node(left, right)

    root = climb(0, size, leaves)
    return None if next(hashes, None) is not None else root


def consistent(old, new, path, old_root, new_root):
    """RFC 9162 2.1.4.2."""
    if old == new:
        return not path and old_root == new_root
    if not 0 < old < new:
        return False
    if old & (old - 1) == 0:
        path = [old_root] + path
    if not path:
        return False
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for hash_ in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node(hash_, fr), node(hash_, sr)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node(sr, hash_)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == old_root and sr == new_root


def hashes_of(raw):
    if len(raw) % 32:
        raise Bad("a proof that is no list of hashes")
    return [raw[i:i + 32] for i in range(0, len(raw), 32)]


# --- What the entries say of each other --------------------------------------------------------------------------------

class Period:
    def __init__(self, index, number, key):
        self.index, self.number, self.key, self.ended = index, number, key, False


class Era:
    """A succession: what its officers signed, who of them is here, and the index behind the last of their statements."""

    def __init__(self, fields, threshold):
        self.fields, self.number, self.kept, self.key_lost = fields, fields[0], fields[1][0], fields[6]
        self.signed, self.end = [], self.kept + threshold


class Proposal:
    """What an officer proposes, and until when another may approve it."""

    def __init__(self, person, act, wall_ms, proposal_ms):
        self.person, self.act = person, act
        self.until_ms = wall_ms + self.open_ms(proposal_ms)

    def open_ms(self, proposal_ms):
        return min(proposal_ms, HOUR_MS) if self.act[0] == SET_CLOCK else proposal_ms


class Journal:
    """Entries in order. `whole`: none is missing; else only what is here is held against each other."""

    def __init__(self, trust, whole, span=None):
        self.trust, self.whole, self.span = trust, whole, span
        self.root = self.issuing = self.suite = None
        self.issuing_revoked = None
        self.certificates, self.valid, self.revoked, self.gone = {}, {}, {}, {}
        self.parts = []
        self.chains, self.logins, self.live = {}, {}, {}
        self.periods, self.eras, self.counts = [], [], {}
        self.leaves, self.stamps, self.tree, self.roots = [], [], Tree(), [sha()]
        self.running, self.submit, self.commitments, self.repeated = False, None, {}, 0
        self.era_open, self.continued, self.threshold = None, None, 0
        self.floor_ms, self.boot_ms, self.ran_ms, self.founded_ms = 0, 0, 0, 0
        self.proposed, self.proposal_ms, self.sets = {}, 0, []
        self.officer, self.unadmitted, self.suspended = {}, set(), set()
        self.closed = False

    # Certificates first: whose key verifies what comes behind, also within one batch.
    def learn_certificates(self, entry):
        try:
            if entry.kind == GENESIS and self.issuing is None:
                self.certificates.setdefault(sha(entry.fields[3]), Certificate(entry.fields[3]))
            elif entry.kind == ENROL:
                self.certificates.setdefault(sha(entry.fields[0]), Certificate(entry.fields[0]))
        except (Bad, ValueError, IndexError):
            pass  # told at its entry

    def verify(self, entry):
        """The author's signature; `None` or why not."""
        if entry.header is None:
            return None
        try:
            found = self.certificates.get(entry.header.certificate)
            if found is None:
                return "it is signed with a certificate that the journal never made known"
            key = found.key()
            if key.suite != entry.header.suite:
                return "it names another signature algorithm than the signer's certificate"
            if not key.verify(entry.signed, entry.signature):
                return "the signature does not verify"
        except Bad as bad:
            return bad.why
        return None

    def take(self, index, entry):
        last = self.leaves[-1][0] if self.leaves else -1
        if index != (last + 1 if self.whole else index) or index <= last or (last < 0 and index != 0):
            raise Bad("it stands out of order")
        if entry.wall_ms < self.floor_ms:
            raise Bad("its time is before that of the entry before it")
        before_ms, self.floor_ms = self.floor_ms, entry.wall_ms
        if self.running and entry.kind not in (1000 + START, SUCCESSION):
            self.ran_ms += max(entry.boot_ms - self.boot_ms, 0)
        self.boot_ms = entry.boot_ms
        self.let_fall(lambda found: found.until_ms <= entry.wall_ms)
        if index != last + 1:
            self.counts = None
            if self.periods and self.periods[-1].ended is False:
                self.periods[-1].ended = None
        if (index == 0) != (entry.kind == GENESIS):
            raise Bad("a log has one genesis, at index 0")
        if entry.kind != SUCCESSION and (self.era_open or (self.eras and index < self.eras[-1].end)):
            raise Bad("something stands between the statements of a succession")
        if self.whole and self.parts and entry.kind != CRL_PART:
            raise Bad("something stands between the parts of a revocation list")
        if entry.header:
            self.statement(index, entry, before_ms)
        else:
            self.fact(index, entry)
        if self.whole and self.parts and self.running and not self.submit:
            raise Bad("a Submit that ends within a revocation list")
        if entry.kind != 1000 + PERIOD_END and self.counts is not None:
            self.counts[entry.kind] = self.counts.get(entry.kind, 0) + 1
        self.leaves.append((index, entry.leaf))
        self.stamps.append((index, entry.wall_ms))
        if self.whole:
            self.tree.append(entry.leaf)
            self.roots.append(self.tree.root())

    # - statements

    def statement(self, index, entry, before_ms):
        header, offline = entry.header, entry.header.person == 0
        if entry.kind == GENESIS:
            return self.genesis(entry)
        if header.log != self.trust.log and not (offline and header.log == ZERO):
            raise Bad("it is for another log")
        if header.suite != self.suite:
            raise Bad("it is not of the site's suite")
        self.certificate(header, entry.wall_ms)
        if header.size > index:
            raise Bad("it names a head that was not yet")
        if self.whole and not offline and header.root != self.roots[header.size]:
            raise Bad("the head that it names is not this log's")
        self.place(index, entry)
        if self.whole and not offline and entry.kind in OFFICERS_ACTS:
            self.acts_as_officer(entry)
        if entry.kind in (MESSAGE, TITLE):
            commitment = entry.fields[3 if entry.kind == MESSAGE else 2]
            self.repeated += commitment in self.commitments
            self.commitments[commitment] = index
        if entry.kind == ENROL:
            self.enrol(entry)
        elif entry.kind == REVOKE:
            # Of whom nothing is known (an Enrol that had run out made nobody known) it has no effect.
            if entry.fields[0] in self.officer:
                self.gone.setdefault(entry.fields[0], index)
            for cert_id, found in self.valid.items():
                if found.person == entry.fields[0]:
                    self.revoked.setdefault(cert_id, index)
        elif entry.kind == CRL:
            self.take_list(index, entry.fields[0])
        elif entry.kind == CRL_PART:
            self.take_part(index, *entry.fields)
        elif entry.kind == SUCCESSION:
            self.succession(index, entry)
        elif entry.kind == CONTINUES:
            self.continues(entry)
        elif entry.kind == PROPOSE:
            self.propose(index, entry, before_ms)
        elif entry.kind == APPROVE:
            self.approve(index, entry, before_ms)
        elif entry.kind == WITHDRAW:
            own = self.proposed.get(entry.fields[0])
            self.let_fall(lambda found: found is own and found.person == header.person)
        elif entry.kind in (SUSPEND, RESUME):
            (self.suspended.add if entry.kind == SUSPEND else self.suspended.discard)(entry.fields[0])
        elif entry.kind == SUBMIT and self.whole:
            if not entry.fields[0]:
                raise Bad("a Submit of nothing")
            self.submit = [entry.fields[0], entry.fields[1], []]

    def genesis(self, entry):
        _, suite, root, issuing, identity, officers, self.threshold = entry.fields[:7]
        header = entry.header
        if (header.log, header.person, header.chain, header.sequence, header.attempt, header.previous, header.size,
                header.root) != (ZERO, 0, ZERO, 0, 0, ZERO, 0, sha()):
            raise Bad("the genesis names something before it")
        if entry.id != self.trust.log:
            raise Bad("this is another log than the one that was given")
        if root not in self.trust.roots or identity != self.trust.identity.raw or suite not in (1, 2):
            raise Bad("the genesis names another authority or identity key than was given", name="authorities")
        if self.trust.issuing and issuing not in self.trust.issuing:
            raise Bad("the genesis names another issuing authority than was given", name="authorities")
        self.root, self.issuing, self.suite, self.officers = Certificate(root), Certificate(issuing), suite, set(officers)
        if header.certificate != self.issuing.id or not self.issuing.is_ca:
            raise Bad("the genesis is not signed by the issuing authority that it names")
        enough = 2 <= self.threshold <= len(self.officers) == len(officers) <= OFFICERS_MAX
        if self.whole and not enough:
            raise Bad("the genesis does not name two officers, or asks fewer than two or more than all of them")
        shape(entry.fields[7][6:7], ("u",), "the policy")
        self.proposal_ms, self.founded_ms = entry.fields[7][6], entry.wall_ms // DAY_MS * DAY_MS
        check_path(issuing, None, root, entry.wall_ms // 1000)
        subject = self.issuing.subject
        self.authority_chain = sha(b"conclave/offline/1", self.issuing.id, subject)

    def certificate(self, header, wall_ms):
        if self.issuing is None:
            raise Bad("no genesis stands before it")
        if self.whole and not (self.root.holds_at(wall_ms) and self.issuing.holds_at(wall_ms)):
            raise Bad("the site's authorities were not valid at that time")
        if header.person == 0:
            if header.certificate != self.issuing.id:
                raise Bad("it is not signed by the issuing authority")
            if self.whole and self.issuing_revoked is not None:
                raise Bad(f"the issuing authority was revoked at entry #{self.issuing_revoked}")
            return
        found = self.valid.get(header.certificate)
        if found is None:
            raise Bad("its signer's certificate was not in the journal before it")
        if found.person != header.person:
            raise Bad("the certificate belongs to somebody else")
        revoked = self.revoked.get(header.certificate, self.issuing_revoked)
        if revoked is not None:
            raise Bad(f"its signer's certificate was revoked at entry #{revoked}")
        if not found.holds_at(wall_ms):
            raise Bad("its signer's certificate was not valid at that time")

    def place(self, index, entry):
        header, offline = entry.header, entry.header.person == 0
        if entry.kind in (SUCCESSION, CONTINUES):
            if (header.chain, header.sequence, header.attempt, header.previous) != (ZERO, 0, 0, ZERO):
                raise Bad("a succession, and what a log continues, stand in no chain")
            if offline:
                raise Bad("it is signed by none of the officers whom the genesis names")
            if [header.size, header.root] != (entry.fields[1] if entry.kind == SUCCESSION else [0, sha()]):
                raise Bad("it names another head than such a statement does")
            if self.whole and self.submit:
                raise Bad("the acts of a Submit must come first")
            if entry.kind == CONTINUES and (self.logins or (self.whole and self.running)):
                raise Bad("what a log continues is said before anybody has logged in")
            return
        if self.whole and not offline and not self.running:
            raise Bad("nobody can act while the daemon does not run")
        if self.whole and self.submit and not offline:
            raise Bad("the acts of a Submit must come first")
        if entry.kind == LOGIN:
            if (header.chain, header.sequence, header.previous) != (ZERO, 0, ZERO):
                raise Bad("a Login begins its chain")
            if entry.id in self.logins:
                raise Bad(f"it is the Login of entry #{self.logins[entry.id]} once more", name="login")
            self.logins[entry.id] = index
            self.live[header.person] = entry.leaf
            self.chains[entry.leaf] = (0, entry.id, index)
            return
        if offline:
            self.offline(entry)
        elif self.whole and self.live.get(header.person) != header.chain:
            raise Bad("its chain has ended, or never was its signer's")
        before = self.chains.get(header.chain)
        if before is None and self.whole and offline:
            before = (-1, ZERO, 0)
        if before is not None:
            expected = before[0] + 1
            whole = self.whole or self.all_between(before[2], index)
            if header.sequence < expected or (whole and header.sequence != expected):
                raise Bad(f"its number is {header.sequence}, expected was {expected}")
            if header.sequence == expected and header.previous != before[1]:
                raise Bad("the statement before it in its chain is another one")
        self.chains[header.chain] = (header.sequence, entry.id, index)
        if entry.kind == LOGOUT and self.live.get(header.person) == header.chain:
            del self.live[header.person]

    def all_between(self, first, behind):
        return len(self.leaves) - bisect.bisect_left(self.leaves, (first, b"")) == behind - first

    def offline(self, entry):
        if entry.header.chain != self.authority_chain:
            raise Bad("it is not of the authority's chain")
        if not self.whole:
            return
        if self.submit:
            self.submit[2].append(entry.id)
            if len(self.submit[2]) == self.submit[0]:
                if sha(*self.submit[2]) != self.submit[1]:
                    raise Bad("the acts are not those that the Submit names")
                self.submit = None
        elif self.running:
            raise Bad("an act of the authority comes inside a Submit only")

    def enrol(self, entry):
        found = Certificate(entry.fields[0])
        if found.person is None or found.is_ca or not found.signs:
            raise Bad("a certificate that is no person's signature certificate")
        if found.key().suite != self.suite:
            raise Bad("a certificate that is not of the site's suite")
        if found.issuer != self.issuing.subject:
            raise Bad("a certificate that the site's issuing authority did not issue")
        check_path(found.der, self.issuing.der, self.root.der, min(entry.wall_ms // 1000, found.last))
        if entry.wall_ms // 1000 > min(found.last, Certificate(entry.fields[1]).last):
            return  # The authority's word, overtaken: it stands without effect.
        if self.closed and found.talks and found.person not in self.officer:
            return  # Nobody joins a closed log to talk.
        self.valid.setdefault(found.id, found)
        self.officer[found.person] = found.is_officers
        if found.is_officers and found.id not in self.officers:
            self.unadmitted.add(found.id)
        if found.person in self.gone:
            self.revoked.setdefault(found.id, self.gone[found.person])

    def take_part(self, index, number, of, whole, raw):
        """A part of a list: they stand directly behind each other, and take effect with the last."""
        if not 1 <= number <= of or not 2 <= of <= 8:
            raise Bad("a part of a revocation list that is none of its parts")
        before = self.parts[-1][:4] if self.parts else None
        if self.whole and number == 1 and self.parts:
            raise Bad("a part of a revocation list within another list")
        if number != 1 and before != (index - 1, number - 1, of, whole):
            if self.whole:
                raise Bad("a part of a revocation list without those before it")
            self.parts = []
            return
        self.parts = (self.parts if number != 1 else []) + [(index, number, of, whole, raw)]
        if number == of:
            joined = b"".join(part[4] for part in self.parts)
            self.parts = []
            if hashlib.sha256(joined).digest() != whole:
                raise Bad("the parts of a revocation list do not make the whole that they name")
            self.take_list(index, joined)

    def take_list(self, index, raw):
        issuer, tbs, signature, serials = revocation_list(raw)
        if issuer == self.issuing.subject and signed_by(self.issuing, tbs, signature):
            # A list names again what those before it named: only what is new in it does anything.
            fresh = [cert_id for cert_id, found in self.valid.items()
                     if found.serial in serials and cert_id not in self.revoked]
            self.revoked.update((cert_id, index) for cert_id in fresh)
            if self.whole:
                self.revoke_listed(index, {self.valid[cert_id].person for cert_id in fresh})
        elif issuer == self.root.subject and signed_by(self.root, tbs, signature):
            if self.issuing.serial in serials and self.issuing_revoked is None:
                self.issuing_revoked = index
        else:
            raise Bad("a revocation list that no authority of this site signed")

    def revoke_listed(self, index, people):
        """Whoever has no other certificate that is valid is revoked whole, for ever."""
        left = {found.person for cert_id, found in self.valid.items()
                if cert_id not in self.revoked and found.holds_at(self.floor_ms)}
        for person in people - left:
            self.gone.setdefault(person, index)

    def continues(self, entry):
        """What the log continues: by that other log's own note; in a whole journal by its first officers, all the same, and once."""
        log, suite, identity, closed, (size, root), raw = entry.fields
        if log == self.trust.log or suite not in (1, 2, 3, 4) or closed >= size:
            raise Bad("what the log continues is no log that was closed before")
        note, key = Checkpoint(raw), Ed25519(identity)
        if (note.log, note.size, note.root) != (log, size, root):
            raise Bad("the note of what the log continues is of another log or head")
        if not note.is_signed_by(key):
            raise Bad("the note of what the log continues is not signed by that log's identity key")
        if not self.whole:
            return
        fields, signed = self.continued or (entry.fields, [])
        if len(signed) >= self.threshold or fields != entry.fields:
            raise Bad("what the log continues was said already, or otherwise")
        if entry.header.person in signed:
            raise Bad("what the log continues, said by one officer twice")
        self.first_officer(entry)
        self.continued = fields, signed + [entry.header.person]

    def succession(self, index, entry):
        """One statement of a succession. Of a part of a journal some may be missing: those that are here say the same."""
        fields, kept, by = entry.fields, entry.fields[1][0], entry.header.person
        newest = self.eras[-1] if self.eras else None
        again = self.era_open
        if not self.whole and newest and (newest.number, newest.kept) == (fields[0], kept):
            again = newest
        if again and (again.fields != fields or by in again.signed):
            raise Bad("of a succession the officers sign the same, and each of them once")
        if not again and newest and kept < newest.end:
            raise Bad("a succession that begins within another one")
        if not again and newest and fields[0] <= newest.number:
            raise Bad("an era that was")
        if index >= kept + self.threshold or (not again and self.leaves[-1][0] >= kept):
            raise Bad("a succession that does not stand directly behind what it keeps")
        if not again and any(trace[1] < kept for trace in fields[2]):
            raise Bad("what the succession says is lost is kept")
        if index == kept and entry.wall_ms - fields[5] > PLAN_GOOD_MS:
            raise Bad("the succession's plan is older than 30 days")
        if not again and len(self.eras) >= SUCCESSIONS_MAX:
            raise Bad("the log has had as many successions as it may have")
        if self.whole:
            self.first_officer(entry)
        again = again or Era(fields, self.threshold)
        again.signed.append(by)
        self.era_open = again if self.whole and len(again.signed) < self.threshold else None
        if not self.era_open and newest is not again:
            self.eras.append(again)
        self.live, self.running = {}, False

    def first_officer(self, entry):
        """Signed by one of the officers whom the genesis names, in good standing."""
        self.acts_as_officer(entry)
        if entry.header.person not in {self.valid[c].person for c in self.officers if c in self.valid}:
            raise Bad("it is signed by none of the officers whom the genesis names")

    def acts_as_officer(self, entry):
        found = self.valid.get(entry.header.certificate)
        if found is None or not (found.is_officers and self.officer.get(found.person)):
            raise Bad("it is signed by no officer")
        if found.id in self.unadmitted:
            raise Bad("it is signed with a certificate that two officers have not admitted")
        if found.person in self.suspended:
            raise Bad("its signer was suspended")

    def stands_as_officer(self, person, wall_ms):
        acts = (found.is_officers and found.holds_at(wall_ms) for found in self.valid.values() if found.person == person
                and found.id not in self.revoked and found.id not in self.unadmitted)
        return bool(self.officer.get(person)) and person not in self.suspended and any(acts)

    # - what two officers decide

    def let_fall(self, over):
        """In a part of a journal it is not known what became of a proposal."""
        if self.whole:
            self.proposed = {index: found for index, found in self.proposed.items() if not over(found)}

    def propose(self, index, entry, before_ms):
        """Of what is proposed only a time, and who is to be admitted, is judged."""
        try:
            act = cbor(entry.fields[0])
            shape(act, "a", "the proposal")
            shape(act[:1], ("u",), "the proposal")
            if act[0] not in DUAL:
                raise Bad("it proposes nothing that is known")
            shape(act, DUAL[act[0]], "the proposal")
        except Bad:
            if self.whole:
                raise
            return
        if self.whole:
            self.check_dual(act, before_ms)
        self.proposed[index] = Proposal(entry.header.person, act, entry.wall_ms, self.proposal_ms)

    def approve(self, index, entry, before_ms):
        header, number = entry.header, entry.fields[0]
        found = self.proposed.get(number)
        if self.whole:
            if found is None:
                raise Bad("it approves what nobody proposes any more")
            if found.person == header.person:
                raise Bad("it approves its signer's own proposal")
            if header.size <= number:
                raise Bad("the head that it names does not cover what it approves")
            if not self.stands_as_officer(found.person, entry.wall_ms):
                raise Bad("who proposed it is no officer in good standing any more")
        if found is None or found.person == header.person:
            return
        kind, value = found.act[:2]
        if self.whole:
            self.check_dual(found.act, before_ms)
            del self.proposed[number]
            if kind == POLICY:
                shape(value[6:7], ("u",), "the policy")
                self.proposal_ms = value[6]
            elif kind == ADMIT:
                self.unadmitted.discard(value)
            elif kind == CLOSE:
                self.closed = True
        if kind == SET_CLOCK:
            self.floor_ms = value
            self.sets.append((index, value))
            for other in self.proposed.values():
                other.until_ms = min(other.until_ms, value + other.open_ms(self.proposal_ms))

    def check_dual(self, act, before_ms):
        """It could take effect now."""
        if act[0] == SET_CLOCK:
            self.check_clock(act[1], before_ms)
        elif act[0] == ADMIT and (act[1] not in self.unadmitted or act[1] in self.revoked):
            raise Bad("it admits what is no officer's certificate waiting to be admitted")

    def check_clock(self, to_ms, before_ms):
        """The time may be set back to this one, where the entry before has that."""
        if to_ms >= before_ms:
            raise Bad("the journal's time is only set back")
        lived_ms = self.founded_ms + self.ran_ms - self.ran_ms // CLOCK_DRIFT
        if to_ms < max(lived_ms, before_ms - CLOCK_BACK_MS_MAX):
            raise Bad("the journal's time is set back too far")
        if len(self.sets) >= CLOCK_SETS_MAX:
            raise Bad("the journal's time was set back as often as it may be")

    # - Facts

    def fact(self, index, entry):
        kind = entry.kind - 1000
        if self.issuing is None:
            raise Bad("no genesis stands before it")
        if self.whole and self.submit:
            raise Bad("the acts of a Submit must come first")
        if self.whole and not self.running and kind not in (START, KEY_ROLL, PERIOD_END):
            raise Bad("nothing but a Start can stand here")
        if kind in (START, STOP):
            self.running, self.live = kind == START, {}
        elif kind == SESSION_END and self.whole:
            ended = [person for person, chain in self.live.items() if chain == entry.fields[0]]
            if not ended:
                raise Bad("it ends a session that does not live")
            del self.live[ended[0]]
        elif kind == KEY_ROLL:
            self.key_roll(index, *entry.fields)
        elif kind == PERIOD_END:
            self.period_end(*entry.fields)

    def lost(self, period):
        return any(era.key_lost and era.end > period.index for era in self.eras)

    def key_roll(self, index, number, suite, spki, signature):
        last = self.periods[-1] if self.periods else None
        by = last.key if last and not self.lost(last) else self.trust.identity
        if last and last.ended is False and not self.lost(last):
            raise Bad("the period before has not ended")
        if number != (last.number + 1 if last else 0):
            raise Bad("it is not the next period")
        key = public_key(spki)
        if suite != self.suite or key.suite != suite:
            raise Bad("a period key of another suite")
        signed = context("key-roll") + self.trust.log + number.to_bytes(8, "big") + bytes([suite]) + spki
        if not by.verify(signed, signature):
            raise Bad("the new period key is not signed by the key before")
        self.periods.append(Period(index, number, key))

    def period_end(self, number, counts, _snapshot):
        last = self.periods[-1] if self.periods else None
        if last is None or last.number != number or last.ended is True or self.lost(last):
            raise Bad("no such period is open")
        last.ended = True
        if self.counts is not None and sorted(self.counts.items()) != [tuple(row) for row in counts]:
            raise Bad("the counts are not those of the period")
        self.counts = {}

    # - notes

    def era_at(self, size):
        return next((era.number for era in reversed(self.eras) if era.end <= size), 0)

    def lost_by(self, era, size):
        return any(row.number > era and row.kept < size for row in self.eras)

    def believe(self, checkpoint):
        """Origin, era and both signature lines; `Bad` where one does not hold."""
        if checkpoint.log != self.trust.log:
            raise Bad("a note of another log")
        if checkpoint.era != self.era_at(checkpoint.size):
            raise Bad("a note of an era in which the log was not at that size")
        period = next((p for p in reversed(self.periods) if p.index < checkpoint.size), None)
        if period is None or not checkpoint.signed(0, period.key) or not checkpoint.signed(1, self.trust.identity):
            raise Bad("a note that is not signed by the log's keys of that time")

    def stamp(self, index):
        return next((ms for at, ms in reversed(self.stamps) if at == index), None)


# --- Files (FORMAT 9) --------------------------------------------------------------------------------------------------

DISCLOSURE = b"-----BEGIN CONCLAVE DISCLOSURE-----"


class Reader:
    def __init__(self, file):
        self.file, self.entries = file, 0
        self.entry_number = 0
        head = self.read(17)
        self.excerpt = head[:16] == b"conclave excerpt"[:len(head[:16])] and head[:16] != b"conclave journal"[:len(head[:16])]
        if head == DISCLOSURE[:17] and self.read(len(DISCLOSURE) - 17) == DISCLOSURE[17:]:
            raise Bad("a disclosed message, no journal: conclave-audit check-disclosure checks it", 1)
        if not head or not (b"conclave journal".startswith(head[:16]) or b"conclave excerpt".startswith(head[:16])):
            raise Bad("not a journal of Conclave", 1)
        if len(head) < 17:
            raise Bad("the file breaks off", INCOMPLETE)
        if head[16] != 1:
            raise Bad("a version that this program does not read", 1)

    def read(self, count):
        """So many bytes, fewer only at the end of the file: what does not read is nobody's verdict."""
        try:
            return self.file.read(count)
        except OSError as error:
            raise Bad(f"the file cannot be read: {error.strerror}", IO) from None

    def record(self, limit):
        """Bytes, or `None` at an end mark."""
        length = self.read(4)
        if len(length) < 4:
            raise Bad(f"the file breaks off after {self.entries} whole entries", INCOMPLETE, name="cut")
        length = int.from_bytes(length, "big")
        if length == 0:
            return None
        if length > limit:
            raise Bad("a record of an impossible length", name="container")
        data = self.read(length)
        if len(data) < length:
            raise Bad(f"the file breaks off after {self.entries} whole entries", INCOMPLETE, name="cut")
        return data

    def end(self):
        more = self.read(64)
        if more.startswith(b"-----BEGIN CONCLAVE TRUST"):
            raise Bad("it brings its own trust file; nothing that a file brings is believed", name="container")
        if more:
            raise Bad("something follows behind the end", name="container")


class Trust:
    def __init__(self, args):
        self.log, self.identity = identity_key(args.identity)
        if args.log and args.log.lower() != self.log.hex():
            raise Bad("--log and --identity are of two logs", USAGE)
        self.roots = pem_certificates(args.root)
        if not self.roots:
            raise Bad("--root holds no certificate", USAGE)
        self.issuing = pem_certificates(args.issuing) if args.issuing is not None else []
        if args.issuing is not None and not self.issuing:
            raise Bad("--issuing holds no certificate", USAGE)
        self.age_ms, self.beyond = args.age_days * 86400000, args.beyond
        self.outside = [self.head(text) for text in args.head]
        for path in args.anchor:
            note = self.note(read(path))
            if note is None or note.log != self.log or not note.is_signed_by(self.identity):
                raise Bad(f"{path} is no checkpoint that this log signed", 1)
            self.outside.append((note.era, note.size, note.root))

    @staticmethod
    def note(raw):
        """`None` where it is none: that says nothing against the journal."""
        try:
            return Checkpoint(raw)
        except Bad:
            return None

    @staticmethod
    def head(text):
        found = re.fullmatch(r"(?:([0-9]{1,10})/)?([0-9]{1,20}):(\S+)", text)
        root = found and (bytes.fromhex(found[3]) if re.fullmatch("[0-9a-fA-F]{64}", found[3]) else base64_strict(found[3]))
        if not root or len(root) != 32:
            raise Bad("--head: [ERA/]SIZE:ROOT is needed", USAGE)
        return int(found[1]) if found[1] else None, int(found[2]), root


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise Bad(f"{path} cannot be read: {error.strerror}", IO) from None


def entries(reader, journal, next_entry):
    """Batch by batch: read, verify signatures (those of openssl side by side), then in order."""
    stopped = None
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count() or 2) as pool:
        while stopped is None:
            batch = []
            while len(batch) < CHUNK:
                try:
                    found = next_entry()
                except Bad as bad:
                    stopped = bad
                    break
                if found is None:
                    stopped = False
                    break
                mark, index, raw = found
                reader.entries += 1
                try:
                    entry = Entry(raw)
                    journal.learn_certificates(entry)
                    batch.append((mark, index, entry, None))
                except Bad as bad:
                    batch.append((mark, index, None, bad.why))
            slow = journal.suite == 2 or any(e is not None and e.header and e.header.suite == 2 for _, _, e, _ in batch)
            verify = lambda row: journal.verify(row[2]) if row[2] is not None else row[3]
            faults = list(pool.map(verify, batch)) if slow else None
            for place, row in enumerate(batch):
                mark, index, entry, fault = row
                fault = fault or (faults[place] if faults else verify(row))
                try:
                    if fault:
                        raise Bad(fault)
                    if mark is not None:
                        mark(index)
                    journal.take(index, entry)
                except Bad as bad:
                    if bad.code == INVALID and bad.index is None and bad.name != "authorities":
                        bad.index = index
                    raise bad
                except (ValueError, IndexError, KeyError, OverflowError):
                    raise Bad("its certificate or list is malformed", index=index) from None
    if stopped:
        raise stopped


def whole(reader, trust, out):
    journal = Journal(trust, True)
    number = iter(range(1 << 63))

    def next_entry():
        raw = reader.record(ENTRY_MAX)
        return None if raw is None else (None, next(number), raw)

    cut, notes = None, []
    try:
        entries(reader, journal, next_entry)
        while (note := reader.record(NOTE_MAX)) is not None:
            if len(notes) == NOTES_MAX:
                raise Bad("too many notes", name="container")
            notes.append(note)
        reader.end()
    except Bad as bad:
        if bad.name not in ("cut", "container"):
            raise
        cut, notes = bad, []
    size = len(journal.leaves)
    out.update(kind="whole", entries=size, root=journal.roots[-1].hex(), repeated_commitments=journal.repeated)
    if size == 0:
        raise cut if cut and cut.name == "container" else Bad("there is no entry in it", INCOMPLETE)
    weigh(journal, trust, notes, cut, out)


def weigh(journal, trust, notes, cut, out):
    """Notes and heads from outside: the heaviest reason against, then what is missing, then the anchor."""
    size, confirmed, against_note, beyond, agreed, unknown, against_known, known_beyond = (
        len(journal.leaves), [], None, None, [], None, None, None)
    for raw in notes:
        note = Checkpoint(raw)
        if note.log == trust.log and journal.lost_by(note.era, note.size):
            continue
        if note.log == trust.log and note.size > size:
            beyond = note.size
            continue
        journal.believe(note)
        if note.root != journal.roots[note.size]:
            against_note = note.size
        else:
            confirmed.append(note.size)
    lost = []
    for era, at, root in trust.outside:
        if at <= size and journal.roots[at] == root:
            agreed.append(at)
        elif journal.lost_by(era or 0, at):
            lost.append((era, at))
        elif at > size:
            known_beyond = at
        else:
            against_known = at
    if against_note is not None:
        vouched = any(at >= against_note for at in confirmed + agreed)
        raise Bad(f"the log signed another head of {against_note} entries than these entries give",
                  DIVERGED if vouched else INVALID)
    if against_known is not None:
        vouched = any(at >= against_known for at in confirmed)
        raise Bad(f"the head of {against_known} entries that is known from outside is not that of these entries",
                  DIVERGED if vouched else INVALID)
    if cut:
        raise cut
    if known_beyond:
        raise Bad(f"{known_beyond} entries are known from outside, here are {size}", INCOMPLETE)
    if beyond:
        raise Bad(f"the log signed {beyond} entries, here are {size}", INCOMPLETE)
    if not confirmed:
        raise Bad("the log's signature over the entries is missing", INCOMPLETE)
    if max(confirmed) < size:
        raise Bad(f"the log's signature covers {max(confirmed)} of {size} entries", INCOMPLETE)
    for era, at in lost:
        end = next(row.end for row in journal.eras if row.number > (era or 0) and row.kept < at)
        if era is None or max(agreed, default=0) < end:
            out["anchored"] = max(agreed, default=0)
            raise Bad(f"the head of {at} entries that is known from outside was given up by a succession", UNANCHORED)
    anchored(journal, trust, max(agreed, default=0), size, journal.stamps[-1][1], out)


def anchored(journal, trust, at, size, newest_ms, out):
    out["anchored"] = at
    if not at:
        raise Bad("no head from outside was there to compare with", UNANCHORED)
    if size - at > trust.beyond:
        raise Bad(f"more than {trust.beyond} entries lie beyond the newest head from outside", UNANCHORED)
    stamp = journal.stamp(at - 1)
    if stamp is None:
        stamp = newest_ms if at - 1 > journal.leaves[-1][0] else 0
    # Where the time was set back behind the head, its stamp may be ahead: it is at least as old as what came since.
    stamp = min([stamp] + [to_ms for index, to_ms in journal.sets if index >= at - 1][:1])
    if newest_ms - stamp > trust.age_ms:
        raise Bad("the newest head from outside is too old", UNANCHORED)


def excerpt(reader, trust, out):
    raw = reader.record(ASKED_BYTES_MAX)
    try:
        asked = cbor(raw or b"")
    except Bad:
        asked = None
    span = None
    if isinstance(asked, list) and asked[:1] == [1]:
        shape(asked, ("u", "u", "u"), "the question")
        span = asked[1:]
        if span[0] > span[1]:
            raise Bad("not a range", 1)
    elif isinstance(asked, list) and asked[:1] == [2]:
        shape(asked, ("u", ["u"], ["u"]), "the question")
        if not asked[1] + asked[2] or max(map(len, asked[1:])) > ASKED_MAX:
            raise Bad("not a selection", 1)
    else:
        raise Bad("an excerpt of nothing that is known", 1)
    out.update(kind="range" if span else "selection", presence=False, completeness=False)
    journal, wanted = Journal(trust, False, span), []

    def next_entry():
        record = reader.record(9 + ENTRY_MAX)
        if record is None:
            return None
        if len(record) < 9 or record[0] not in (1, 2):
            raise Bad("a malformed record", name="container")
        index, marked = int.from_bytes(record[1:9], "big"), record[0] == 1

        def mark(index):
            if span and marked != (span[0] <= index <= span[1]):
                raise Bad("it is marked as what it is not")
            if marked:
                wanted.append(index)
        return mark, index, record[9:]

    entries(reader, journal, next_entry)
    note, proofs = reader.record(NOTE_MAX), None
    if note is not None:
        proofs = reader.record(PROOF_MAX)
    if note is None or proofs is None:
        raise Bad("note or proof is missing", INCOMPLETE)
    proofs = cbor(proofs)
    shape(proofs, ("b", [("u", "u", "b")]), "the proof")
    if len(proofs[1]) > LINKS_MAX or reader.record(0) is not None:
        raise Bad("a malformed proof")
    reader.end()
    out.update(entries=len(wanted), context=len(journal.leaves) - len(wanted))
    if not wanted:
        raise Bad("there is no entry in it", INCOMPLETE)
    if span:
        for expected, found in zip(range(span[0], span[1] + 1), wanted + [None]):
            if expected != found:
                raise Bad("it is missing, and the excerpt claims to hold all of its range", index=expected)
    closing(journal, trust, Checkpoint(note), proofs, span, wanted, out)


def closing(journal, trust, note, proofs, span, wanted, out):
    journal.believe(note)
    out.update(size=note.size, root=note.root.hex())
    inside = journal.leaves[-1][0] < note.size
    if not inside or multiproof(journal.leaves, note.size, hashes_of(proofs[0])) != note.root:
        raise Bad("the entries do not stand under the head that the log signed")
    at, unlinked = 0, None
    for era, size, root in trust.outside:
        if journal.lost_by(era or 0, size):
            unlinked = max(unlinked or 0, size)
            continue
        link = next((row for row in proofs[1] if row[0] == size and row[1] == note.size), None)
        if size == note.size:
            if root != note.root:
                raise Bad(f"two heads of {size} entries contradict each other", DIVERGED)
            at = size
        elif link:
            if not consistent(size, note.size, hashes_of(link[2]), root, note.root):
                raise Bad("its proof that the log continues your head does not hold")
            at = max(at, size)
        elif size < note.size:
            unlinked = max(unlinked or 0, size)
    # What was stamped later than a time set behind it counts as stamped at that.
    newest = min([journal.stamp(wanted[-1])] + [to_ms for index, to_ms in journal.sets if index >= wanted[-1]])
    out.update(presence=True, completeness=span is not None)
    if at and unlinked is not None:
        out["anchored"] = at
        raise Bad(f"no proof leads from the head of {unlinked} entries that is known from outside", UNANCHORED)
    anchored(journal, trust, at, note.size, newest, out)
    if span is None:
        raise Bad("PRESENCE, NOT COMPLETENESS: what is here is in the log; what was left out cannot be seen", INCOMPLETE,
                  name="presence")


# --- Self-test: RFC 8032 7.1, RFC 8949 A, RFC 9162 by construction, keys that stock openssl accepts ----------------------

RFC8032 = [
    ("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"),
    ("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"),
    ("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"),
]
SMALL_ORDER = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
]


def refuses(work, *args):
    try:
        return work(*args) is False
    except Bad:
        return True


def self_test():
    for key, message, signature in RFC8032:
        key, message, signature = Ed25519(bytes.fromhex(key)), bytes.fromhex(message), bytes.fromhex(signature)
        for _ in range(6):  # with and without the table
            assert key.verify(message, signature)
        assert not key.verify(message + b"x", signature)
        s = int.from_bytes(signature[32:], "little") + L
        assert not key.verify(message, signature[:32] + s.to_bytes(32, "little")), "s beyond the order"
    for raw in SMALL_ORDER:
        assert refuses(Ed25519, bytes.fromhex(raw)), raw
    assert refuses(Ed25519, (P + 3).to_bytes(32, "little")), "y beyond the field"
    for good, value in (("00", 0), ("1818", 24), ("190100", 256), ("83010203", [1, 2, 3]), ("f5", True), ("4101", b"\1")):
        assert cbor(bytes.fromhex(good)) == value
    for bad in ("1817", "190018", "1a0000ffff", "20", "a0", "c000", "f97c00", "9f01ff", "5f4101ff", "0000", "", "82f5f6", "62c328"):
        assert refuses(cbor, bytes.fromhex(bad)), bad
    leaves = [sha(b"\0", bytes([n])) for n in range(11)]
    tree, roots = Tree(), [sha()]
    for leaf in leaves:
        tree.append(leaf)
        roots.append(tree.root())

    def root(some):
        return some[0] if len(some) == 1 else node(root(some[:split(len(some))]), root(some[split(len(some)):]))
    assert all(roots[n] == root(leaves[:n]) for n in range(1, 12))
    # The drawing in FORMAT 5: leaves 4 and 5 of 7 need two hashes.
    proof = [root(leaves[:4]), leaves[6]]
    assert multiproof([(4, leaves[4]), (5, leaves[5])], 7, proof) == roots[7]
    assert multiproof([(4, leaves[4]), (5, leaves[5])], 7, proof + [ZERO]) is None
    assert multiproof([(4, leaves[5]), (5, leaves[4])], 7, proof) != roots[7]
    assert consistent(4, 7, [root(leaves[4:7])], roots[4], roots[7])
    assert consistent(6, 7, [root(leaves[4:6]), leaves[6], root(leaves[:4])], roots[6], roots[7])
    assert not consistent(4, 7, [root(leaves[4:7])], roots[5], roots[7])
    assert decimal("007") is None and decimal("7") == 7 and base64_strict("AB==") is None
    print("self-test: all well")
    return YES


# --- In Russian --------------------------------------------------------------------------------------------------------

# Every sentence above; {} stands for what is put in, and is put in again, {*} for words that have a row of their own.
RU = {
    "VERIFIED": "ПРОВЕРЕНО", "INVALID": "НЕДЕЙСТВИТЕЛЬНО", "DIVERGED": "РАСХОЖДЕНИЕ", "NOT ANCHORED": "НЕ СВЕРЕНО",
    "INCOMPLETE": "НЕПОЛНО", "NOT READ": "НЕ ПРОЧИТАНО",
    "entry #{}": "запись #{}",
    "{} entries of a whole journal": "записей всего журнала: {}",
    "{} entries asked for, {} more for their check ({*})": "запрошенных записей: {}, ещё для их проверки: {} ({})",
    "range": "промежуток", "selection": "выборка",
    "anomaly: {} commitments stand more than once": "обратите внимание: обязательств, встречающихся больше одного раза: {}",
    "judged of rights: only those of officers, successions, what a log continues and the time; the rest by conclave-audit verify":
        "из прав проверены только те, что об офицерах, преемствах, продолжении журнала и времени; остальные проверяет "
        "conclave-audit verify",
    "not judged: who was allowed to do what; that follows from the whole journal (conclave-audit verify)":
        "не проверялось: кто на что имел право; это следует только из всего журнала (conclave-audit verify)",
    "everything that is checked here holds, and a head from outside confirms it":
        "всё, что здесь проверяется, сходится, и вершина извне это подтверждает",
    "something in it is malformed: {}": "что-то в нём составлено неправильно: {}",
    # CBOR and fields
    "bytes after the value": "за значением следуют лишние байты",
    "not canonical CBOR": "не канонический CBOR",
    "not canonical CBOR: a float, a break or an unknown simple value":
        "не канонический CBOR: дробное число, разрыв или неизвестное простое значение",
    "not canonical CBOR: cut off": "не канонический CBOR: обрыв",
    "not canonical CBOR: a head that is longer than needed": "не канонический CBOR: длина записана длиннее, чем нужно",
    "not canonical CBOR: an indefinite length": "не канонический CBOR: неопределённая длина",
    "not canonical CBOR: text that is no UTF-8": "не канонический CBOR: текст не в UTF-8",
    "not canonical CBOR: a null ends an array": "не канонический CBOR: массив кончается пустым значением",
    "not canonical CBOR: a negative number, a map or a tag": "не канонический CBOR: отрицательное число, словарь или метка",
    "{*}: not the fields that belong here": "{}: не те поля",
    "{*}: a field is missing": "{}: не хватает поля",
    "{*}: not a list": "{}: не список",
    "{*}: a field is not of its kind": "{}: поле не того вида",
    "the entry": "запись", "the statement": "заявление", "the Fact": "факт", "the header": "заголовок",
    "the policy": "политика", "the proposal": "предложение", "the question": "запрос", "the proof": "доказательство",
    # Entries
    "longer than an entry may be": "длиннее, чем может быть запись",
    "written by a newer version": "записана более новой версией",
    "not an entry of version 1": "не запись версии 1",
    "neither statement nor Fact": "ни заявление, ни факт",
    "its statement was written by a newer version": "её заявление составлено более новой версией",
    "not a statement of version 1": "не заявление версии 1",
    "{*} of kind {}, which this program does not know": "{} вида {}, которого эта программа не знает",
    "statement": "заявление", "Fact": "факт",
    # Successions
    "a succession that begins no era": "преемство, не начинающее эры",
    "a succession that does not say from where the loss is known": "преемство, не говорящее, откуда известно об утрате",
    "a succession of a cause, or about passwords, that there is not": "преемство с несуществующей причиной или словом о паролях",
    "a succession that loses all bodies and keeps the period key, or names some of them":
        "преемство, утратившее все тела, но сохранившее ключ периода или назвавшее лишь некоторые",
    "what a succession gives up is not in order, touches, or is not kept":
        "утраченное при преемстве стоит не по порядку, соприкасается или не входит в сохранённое",
    "a succession that names too much, or a cell by what is no name": "преемство, назвавшее слишком много или ячейку не именем",
    "a succession that names cells which are not let go of": "преемство, назвавшее ячейки, от которых не отказываются",
    "of a succession the officers sign the same, and each of them once":
        "под преемством офицеры подписывают одно и то же, и каждый один раз",
    "a succession that begins within another one": "преемство, начатое внутри другого",
    "an era that was": "эра, которая уже была",
    "a succession that does not stand directly behind what it keeps": "преемство стоит не сразу за тем, что оно сохраняет",
    "what the succession says is lost is kept": "названное преемством утраченным сохранено",
    "the succession's plan is older than 30 days": "план преемства старше 30 суток",
    "the log has had as many successions as it may have": "преемств в журнале уже столько, сколько может быть",
    "something stands between the statements of a succession": "между заявлениями преемства что-то стоит",
    "a succession, and what a log continues, stand in no chain": "преемство и продолжение журнала не стоят ни в какой цепочке",
    "it names another head than such a statement does": "она называет не ту вершину, что такое заявление",
    # Keys and certificates
    "an Ed25519 key that is not canonical": "неканонический ключ Ed25519",
    "an Ed25519 key of small order": "ключ Ed25519 малого порядка",
    "a P-256 key that is no point of the curve": "ключ P-256, не лежащий на кривой",
    "openssl is needed: {}": "нужна программа openssl: {}",
    "not DER": "не DER",
    "not a positive number": "не положительное число",
    "a key of a kind that is not ours": "ключ не нашего вида",
    "not a time": "не время",
    "a certificate that is not of version 3": "сертификат не версии 3",
    "a serialNumber that is no person's": "serialNumber не принадлежит лицу",
    "{} holds no certificates": "в файле {} нет сертификатов",
    "a certificate's path does not hold: {}": "цепочка сертификата не сходится: {}",
    "a certificate that is no person's signature certificate": "сертификат — не сертификат подписи лица",
    "a certificate that is not of the site's suite": "сертификат не тех алгоритмов, что у системы",
    "a certificate that the site's issuing authority did not issue": "сертификат выдан не удостоверяющим центром системы",
    "its certificate or list is malformed": "её сертификат или список составлен неправильно",
    "a part of a revocation list that is none of its parts": "часть списка отзыва — не одна из его частей",
    "a part of a revocation list within another list": "часть списка отзыва внутри другого списка",
    "a part of a revocation list without those before it": "часть списка отзыва без предыдущих",
    "the parts of a revocation list do not make the whole that they name": "части списка отзыва не составляют названного целого",
    "a revocation list that no authority of this site signed": "список отзыва не подписан центром этой системы",
    "something stands between the parts of a revocation list": "между частями списка отзыва что-то стоит",
    # Notes and proofs
    "a note that is too long": "контрольная точка слишком длинна",
    "a note that is no text": "контрольная точка — не текст",
    "a note without signatures": "контрольная точка без подписей",
    "a note with control characters": "в контрольной точке управляющие символы",
    "a note whose last line does not end": "последняя строка контрольной точки не кончается",
    "a note with too many signature lines": "в контрольной точке слишком много подписей",
    "a checkpoint that has not exactly three lines": "в контрольной точке не ровно три строки",
    "a checkpoint whose origin names no log": "контрольная точка не называет журнала",
    "a checkpoint whose size is no number in its one spelling": "размер в контрольной точке — не число в единственной записи",
    "a checkpoint whose root is malformed": "корень в контрольной точке составлен неправильно",
    "a malformed signature line": "строка подписи составлена неправильно",
    "a note of another log": "контрольная точка другого журнала",
    "a note of an era in which the log was not at that size": "контрольная точка эры, в которой журнал не был такого размера",
    "a note that is not signed by the log's keys of that time": "контрольная точка не подписана тогдашними ключами журнала",
    "a proof that is no list of hashes": "доказательство — не список хешей",
    "a malformed proof": "доказательство составлено неправильно",
    # The command line
    "--identity: NAME+ID+BASE64 of an Ed25519 key is needed": "--identity: нужен ключ Ed25519 вида NAME+ID+BASE64",
    "--identity: the id does not belong to this key": "--identity: идентификатор не от этого ключа",
    "--log and --identity are of two logs": "--log и --identity от разных журналов",
    "--root holds no certificate": "в --root нет сертификата",
    "--issuing holds no certificate": "в --issuing нет сертификата",
    "--head: [ERA/]SIZE:ROOT is needed": "--head: нужно [ERA/]SIZE:ROOT",
    "{} is no checkpoint that this log signed": "{} — не контрольная точка, подписанная этим журналом",
    "the file cannot be read: {}": "файл не читается: {}",
    "{} cannot be read: {}": "{} не читается: {}",
    # The genesis
    "a log has one genesis, at index 0": "у журнала одно основание, в записи 0",
    "the genesis names something before it": "основание журнала называет что-то до себя",
    "this is another log than the one that was given": "это не тот журнал, что указан",
    "the genesis names another authority or identity key than was given":
        "основание журнала называет не тот центр или ключ журнала, что указан",
    "the genesis names another issuing authority than was given": "основание журнала называет не тот выпускающий центр, что указан",
    "the genesis is not signed by the issuing authority that it names": "основание журнала не подписано названным в нём центром",
    "the genesis does not name two officers, or asks fewer than two or more than all of them":
        "основание журнала не называет двух офицеров или требует меньше двух либо больше, чем их есть",
    "no genesis stands before it": "перед ней нет основания журнала",
    # Who signed, and where it stands
    "it stands out of order": "она стоит не по порядку",
    "its time is before that of the entry before it": "её время раньше, чем у предыдущей записи",
    "it is for another log": "она для другого журнала",
    "it is not of the site's suite": "она не тех алгоритмов, что у системы",
    "it names a head that was not yet": "она называет вершину, которой ещё не было",
    "the head that it names is not this log's": "названная в ней вершина — не этого журнала",
    "it is signed with a certificate that the journal never made known": "она подписана сертификатом, которого в журнале не было",
    "it names another signature algorithm than the signer's certificate":
        "в ней назван не тот алгоритм подписи, что в сертификате подписавшего",
    "the signature does not verify": "подпись не сходится",
    "the site's authorities were not valid at that time": "центры системы в то время не действовали",
    "it is not signed by the issuing authority": "она не подписана выпускающим центром",
    "the issuing authority was revoked at entry #{}": "выпускающий центр отозван записью #{}",
    "its signer's certificate was not in the journal before it": "сертификата подписавшего до неё в журнале не было",
    "the certificate belongs to somebody else": "сертификат принадлежит другому",
    "its signer's certificate was revoked at entry #{}": "сертификат подписавшего отозван записью #{}",
    "its signer's certificate was not valid at that time": "сертификат подписавшего в то время не действовал",
    "nobody can act while the daemon does not run": "пока сервер не работает, действовать никто не может",
    "a Login begins its chain": "вход начинает свою цепочку",
    "it is the Login of entry #{} once more": "она повторяет вход из записи #{}",
    "its chain has ended, or never was its signer's": "её цепочка кончилась или никогда не была цепочкой подписавшего",
    "its number is {}, expected was {}": "её номер {}, ожидался {}",
    "the statement before it in its chain is another one": "перед ней в цепочке стоит другое заявление",
    "it is not of the authority's chain": "она не из цепочки центра",
    "a Submit of nothing": "приём без единого акта",
    "the acts of a Submit must come first": "сначала должны стоять акты приёма",
    "a Submit that ends within a revocation list": "приём кончается внутри списка отзыва",
    "the acts are not those that the Submit names": "это не те акты, что названы в приёме",
    "an act of the authority comes inside a Submit only": "акт центра стоит только внутри приёма",
    # What a log continues
    "what a log continues is said before anybody has logged in": "о продолжении журнала говорят до первого входа",
    "what the log continues is no log that was closed before": "продолжаемый журнал не был раньше закрыт",
    "the note of what the log continues is of another log or head":
        "контрольная точка продолжаемого журнала — другого журнала или вершины",
    "the note of what the log continues is not signed by that log's identity key":
        "контрольная точка продолжаемого журнала не подписана его ключом",
    "what the log continues was said already, or otherwise": "о продолжении журнала уже сказано, или сказано иначе",
    "what the log continues, said by one officer twice": "о продолжении журнала дважды сказал один офицер",
    # Officers
    "it is signed by none of the officers whom the genesis names": "она не подписана ни одним из офицеров, названных в основании",
    "it is signed by no officer": "она подписана не офицером",
    "it is signed with a certificate that two officers have not admitted": "она подписана сертификатом, которого двое офицеров не допустили",
    "its signer was suspended": "подписавший был приостановлен",
    "it proposes nothing that is known": "в ней предложено неизвестно что",
    "it approves what nobody proposes any more": "она утверждает то, чего никто уже не предлагает",
    "it approves its signer's own proposal": "она утверждает предложение самого подписавшего",
    "the head that it names does not cover what it approves": "названная в ней вершина не покрывает того, что утверждается",
    "who proposed it is no officer in good standing any more": "предложивший — уже не действующий офицер",
    "it admits what is no officer's certificate waiting to be admitted":
        "она допускает то, что не является сертификатом офицера, ждущим допуска",
    "the journal's time is only set back": "время журнала переводят только назад",
    "the journal's time is set back too far": "время журнала переведено слишком далеко назад",
    "the journal's time was set back as often as it may be": "время журнала уже переводили назад столько раз, сколько можно",
    # The server's Facts
    "nothing but a Start can stand here": "здесь может стоять только пуск",
    "it ends a session that does not live": "она завершает сеанс, которого нет",
    "the period before has not ended": "предыдущий период не кончился",
    "it is not the next period": "это не следующий период",
    "a period key of another suite": "ключ периода не тех алгоритмов",
    "the new period key is not signed by the key before": "новый ключ периода не подписан прежним",
    "no such period is open": "такой период не открыт",
    "the counts are not those of the period": "числа записей — не этого периода",
    # The file
    "not a journal of Conclave": "не журнал Conclave",
    "a disclosed message, no journal: conclave-audit check-disclosure checks it":
        "раскрытое сообщение, а не журнал: его проверяет conclave-audit check-disclosure",
    "the file breaks off": "файл обрывается",
    "a version that this program does not read": "версия, которой эта программа не читает",
    "the file breaks off after {} whole entries": "файл обрывается, целых записей: {}",
    "a record of an impossible length": "фрагмент невозможной длины",
    "it brings its own trust file; nothing that a file brings is believed":
        "в нём лежит его собственный файл доверия; тому, что приносит файл, не верят",
    "something follows behind the end": "за концом что-то следует",
    "too many notes": "слишком много контрольных точек",
    "there is no entry in it": "в нём нет ни одной записи",
    "an excerpt, not the whole journal: --excerpt tells what it proves and what not":
        "выписка, а не весь журнал: что она доказывает и что нет, скажет --excerpt",
    "a whole journal, no excerpt": "весь журнал, а не выписка",
    "not a range": "не промежуток",
    "not a selection": "не выборка",
    "an excerpt of nothing that is known": "выписка неизвестно чего",
    "a malformed record": "фрагмент составлен неправильно",
    "it is marked as what it is not": "она помечена не тем, что она есть",
    "note or proof is missing": "нет контрольной точки или доказательства",
    "it is missing, and the excerpt claims to hold all of its range": "её нет, хотя выписка называет себя полной на своём промежутке",
    # Heads
    "the log signed another head of {} entries than these entries give":
        "при числе записей {} журнал подписал другую вершину, чем дают эти записи",
    "the head of {} entries that is known from outside is not that of these entries":
        "известная извне вершина (записей: {}) — не этих записей",
    "{} entries are known from outside, here are {}": "извне известно записей: {}, здесь: {}",
    "the log signed {} entries, here are {}": "журнал подписал записей: {}, здесь: {}",
    "the log's signature over the entries is missing": "нет подписи журнала под записями",
    "the log's signature covers {} of {} entries": "подпись журнала покрывает записей: {} из {}",
    "the head of {} entries that is known from outside was given up by a succession":
        "известная извне вершина (записей: {}) утрачена при преемстве",
    "no head from outside was there to compare with": "не было вершины извне, чтобы сверить",
    "more than {} entries lie beyond the newest head from outside": "за новейшей вершиной извне больше записей, чем {}",
    "the newest head from outside is too old": "новейшая вершина извне слишком стара",
    "the entries do not stand under the head that the log signed": "записи не сходятся с вершиной, которую подписал журнал",
    "two heads of {} entries contradict each other": "две вершины одного размера (записей: {}) противоречат друг другу",
    "its proof that the log continues your head does not hold": "доказательство, что журнал продолжает вашу вершину, не сходится",
    "no proof leads from the head of {} entries that is known from outside":
        "от известной извне вершины (записей: {}) не ведёт ни одно доказательство",
    "PRESENCE, NOT COMPLETENESS: what is here is in the log; what was left out cannot be seen":
        "НАЛИЧИЕ, НО НЕ ПОЛНОТА: всё, что здесь есть, есть в журнале; что опущено, отсюда не видно",
}


def russian(text):
    """A sentence of this program in Russian; one that it does not have stays as it is."""
    if text in RU:
        return RU[text]
    for sentence, words in RU.items():
        places = re.findall(r"\{\*?\}", sentence)
        found = places and re.fullmatch(re.sub(r"\\\{(\\\*)?\\\}", "(.*)", re.escape(sentence)), text, re.S)
        if found:
            # A file may be called as something of ours is: its name stays.
            return words.format(*(russian(part) if place == "{*}" else part for place, part in zip(places, found.groups())))
    return text


LANGUAGES = ("en", "ru")


def is_russian(lang):
    """By what was asked for, else by CONCLAVE_LANG, else by the locale: of its names the first that is set."""
    lang = lang or os.environ.get("CONCLAVE_LANG")
    if lang in LANGUAGES:
        return lang == "ru"
    names = (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return bool(re.fullmatch("ru([_.].*)?", next(filter(None, names), ""), re.S))


# --- The command line --------------------------------------------------------------------------------------------------

def plain(text):
    """Without anything that a terminal would obey."""
    return "".join(c if c == "\n" or c.isprintable() else "?" for c in str(text))


WORDS = {YES: "VERIFIED", INVALID: "INVALID", DIVERGED: "DIVERGED", UNANCHORED: "NOT ANCHORED", INCOMPLETE: "INCOMPLETE"}
CODES = {YES: "verified", INVALID: "invalid", DIVERGED: "diverged", UNANCHORED: "unanchored", INCOMPLETE: "incomplete"}


def judge(args):
    out = {"rights_judged": False, "first_bad": None, "kind": None, "anchored": 0}
    try:
        trust = Trust(args)
        try:
            file = open(args.file, "rb")
        except OSError as error:
            raise Bad(f"{args.file} cannot be read: {error.strerror}", IO) from None
        with file:
            reader = Reader(file)
            if reader.excerpt and not args.excerpt:
                raise Bad("an excerpt, not the whole journal: --excerpt tells what it proves and what not", INCOMPLETE,
                          name="excerpt")
            if args.excerpt and not reader.excerpt:
                raise Bad("a whole journal, no excerpt", 1)
            (excerpt if args.excerpt else whole)(reader, trust, out)
        code, why, name = YES, "everything that is checked here holds, and a head from outside confirms it", None
    except (ValueError, IndexError, KeyError, OverflowError) as error:
        code, why, name = INVALID, f"something in it is malformed: {error}", None
    except Bad as bad:
        code, why, name = bad.code, bad.why, bad.name
        out["first_bad"] = bad.index
        if code == INVALID:
            out.update(presence=False, completeness=False) if "presence" in out else None
    out["verdict"] = name if name in ("presence", "excerpt") else CODES.get(code, "trouble")
    return code, why, out


def say(code, why, out, part, tell):
    """The answer to a person, of a whole journal or a part of one; `tell` puts a sentence into his language."""
    where = tell(f"entry #{out['first_bad']}") + ": " if out["first_bad"] is not None else ""
    print(plain(f"{tell(WORDS.get(code, 'NOT READ'))}: {where}{tell(why)}"))
    if out.get("entries"):
        print(tell(f"{out['entries']} entries of a whole journal" if out["kind"] == "whole" else
                   f"{out['entries']} entries asked for, {out.get('context', 0)} more for their check ({out['kind']})"))
    if out.get("repeated_commitments"):
        print(tell(f"anomaly: {out['repeated_commitments']} commitments stand more than once"))
    if code in WORDS:
        print(tell("not judged: who was allowed to do what; that follows from the whole journal (conclave-audit verify)"
                   if part or out["verdict"] == "excerpt" else
                   "judged of rights: only those of officers, successions, what a log continues and the time; "
                   "the rest by conclave-audit verify"))


class Parser(argparse.ArgumentParser):
    def error(self, message):
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {message}\n")


def main():
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, epilog=(
        "example: verify_bundle.py march.journal --identity 'conclave/…+…+…' --root root.pem --head 4711:ROOT"))
    parser.add_argument("file", nargs="?", help="the journal, or with --excerpt the excerpt")
    parser.add_argument("--identity", help="the log's verifier key, NAME+ID+BASE64, from the site card on paper")
    parser.add_argument("--log", help="the log's id, 64 hex digits; it must be the one in --identity")
    parser.add_argument("--root", help="the root certificate, PEM, compared on paper")
    parser.add_argument("--issuing", help="the issuing authority's certificate, PEM: no other is taken then")
    parser.add_argument("--head", action="append", default=[], help="a head from outside: [ERA/]SIZE:ROOT, hex or base64")
    parser.add_argument("--anchor", action="append", default=[], help="a head from outside: a checkpoint that the log signed")
    parser.add_argument("--age-days", type=int, default=30, help="how old the newest head from outside may be (30)")
    parser.add_argument("--beyond", type=int, default=1000000, help="how many entries may lie beyond it (1000000)")
    parser.add_argument("--excerpt", action="store_true", help="it is a range or a selection, and is taken for no more")
    parser.add_argument("--json", action="store_true", help="the answer as one line of JSON")
    parser.add_argument("--lang", choices=LANGUAGES,
                        help="language of the answer (else that of CONCLAVE_LANG, LC_ALL, LC_MESSAGES, LANG)")
    parser.add_argument("--self-test", action="store_true", help="check this program against published vectors")
    args = parser.parse_args()
    if args.self_test:
        return self_test()
    if not (args.file and args.identity and args.root):
        parser.error("a file, --identity and --root are needed")
    code, why, out = judge(args)
    try:
        if args.json:
            print(json.dumps({"version": 1, "exit": code, "why": plain(why), **out}))
        else:
            # A terminal whose encoding lacks a letter still gets the verdict.
            sys.stdout.reconfigure(errors="replace")
            say(code, why, out, args.excerpt, russian if is_russian(args.lang) else str)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads has enough: the verdict stays, and what is left goes nowhere, or Python would complain at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(STOPPED)
